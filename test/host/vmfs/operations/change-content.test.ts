// Writes into files and changes of their length (notes, 9): through every change of the place where data stands, zeros between the
// old end and what comes behind it, and blocks given back.

import { beforeAll, describe, expect, test } from 'vitest'
import { lookup } from '../../../../src/host/vmfs/path-lookup.ts'
import { measureSpace } from '../../../../src/host/vmfs/space.ts'
import {
  clearContent,
  encodeFileMeta,
  fileAddress,
  setFileAddress,
  ZLA,
} from '../../../../src/host/vmfs/structures/file-descriptor.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import type { WritableVolume } from '../../../../src/host/vmfs/writable-volume.ts'
import type { MemoryDevice } from '../memory-device.ts'
import { change, contentOf, from, inspect, MIB, newVolume, pattern, treeOf } from '../writing-volumes.ts'

const FRESH = { wrong: [], leaked: [] }
const metaOf = async (device: MemoryDevice, path: string) => (await lookup(await openVolume([device]), path)).file.meta

const write = async (volume: WritableVolume, offset: number, data: Buffer) =>
  await volume.writeAt(await volume.reference('/file'), offset, data)

/** What a file holds after a write. */
function patched(before: Buffer, offset: number, data: Buffer): Buffer {
  const after = Buffer.alloc(Math.max(before.length, offset + data.length))
  before.copy(after)
  data.copy(after, offset)
  return after
}

function resized(before: Buffer, length: number): Buffer {
  const after = Buffer.alloc(length)
  before.copy(after)
  return after
}

/** A file of as many sub-blocks as its data needs, made of files of one each. */
async function putInSubBlocks(device: MemoryDevice, content: Buffer): Promise<void> {
  const { version } = await openVolume([device])
  const { fileDescriptors: format, subBlockBytes } = version
  const parts = Math.ceil(content.length / subBlockBytes)
  const part = (index: number) => content.subarray(index * subBlockBytes, (index + 1) * subBlockBytes)
  await change(device, async (volume) => {
    await volume.putFile('/file', from(part(0)))
    for (let index = 1; index < parts; index++) await volume.putFile(`/${index}`, from(part(index)))
  })
  const volume = await openVolume([device])
  const { image, offset } = (await lookup(volume, '/file')).file
  for (let index = 1; index < parts; index++) {
    const other = (await lookup(volume, `/${index}`)).file
    setFileAddress(format, image, index, fileAddress(format, other.image, 0))
    // The part's file is left with nothing.
    clearContent(format, other.image)
    encodeFileMeta(format, { length: 0, zla: ZLA.resident, blocks: 0, newBlocks: 0 }, other.image)
    await volume.logical.write(other.offset, other.image)
  }
  encodeFileMeta(format, { length: content.length, blocks: parts, newBlocks: parts }, image)
  await volume.logical.write(offset, image)
}

describe.each([5, 6] as const)('VMFS%i: the content of a file', (version) => {
  let empty: MemoryDevice
  beforeAll(async () => {
    empty = await newVolume(version)
  })

  const sizes = [0, 10, 3000, 5000, 60_000, 2 * MIB + 10]
  const writes: [offset: number, length: number][] = [
    [0, 1],
    [5, 1000],
    [2900, 3000],
    [8000, 400],
    [70_000, 1],
    [MIB - 1, 2],
    [3 * MIB + 5, 100],
  ]
  test.each(sizes)('of %i bytes, written over and behind its end', async (size) => {
    for (const [offset, length] of writes) {
      const device = empty.fork()
      const before = pattern(size, 1)
      const data = pattern(length, 2)
      await change(device, async (volume) => {
        await volume.putFile('/file', from(before))
        await write(volume, offset, data)
      })
      const tree = await treeOf(await openVolume([device]))
      expect(tree.get('/file'), `${length} bytes at ${offset}`).toBe(contentOf(patched(before, offset, data)))
      expect(await inspect(device)).toEqual(FRESH)
    }
  })

  test.each(sizes)('of %i bytes, made every other length, and back: what it lost reads as zeros', async (size) => {
    const device = empty.fork()
    let content = pattern(size, 1)
    await change(device, (volume) => volume.putFile('/file', from(content)))
    for (const length of [...sizes, ...sizes.toReversed(), 4 * MIB, 1]) {
      await change(device, (volume) => volume.truncate('/file', length))
      content = resized(content, length)
      expect((await treeOf(await openVolume([device]))).get('/file'), `${length}`).toBe(contentOf(content))
      expect(await inspect(device)).toEqual(FRESH)
    }
  })

  test('that lost its end and grows again has zeros there, in the block that it kept', async () => {
    for (const grow of [
      (volume: WritableVolume) => volume.truncate('/file', MIB + 100),
      (volume: WritableVolume) => write(volume, MIB + 99, Buffer.alloc(1)),
    ]) {
      const device = empty.fork()
      const content = pattern(3 * MIB, 1)
      await change(device, async (volume) => {
        await volume.putFile('/file', from(content))
        await volume.truncate('/file', 5001)
        await grow(volume)
      })
      const expected = resized(content.subarray(0, 5001), MIB + 100)
      expect((await treeOf(await openVolume([device]))).get('/file')).toBe(contentOf(expected))
    }
  })

  test('that is cut to nothing has no blocks, and one that grows from nothing has holes', async () => {
    const device = empty.fork()
    await change(device, (volume) => volume.putFile('/file', from(pattern(3 * MIB, 1))))
    await change(device, (volume) => volume.truncate('/file', 0))
    expect(await metaOf(device, '/file')).toMatchObject({ length: 0, zla: ZLA.resident, blocks: 0 })
    await change(device, (volume) => volume.truncate('/file', 500 * MIB))
    expect(await metaOf(device, '/file')).toMatchObject({
      ...{ length: 500 * MIB, zla: ZLA.pointerBlocks, blocks: 0, pointerBlocks: 0 },
    })
    await change(device, (volume) => write(volume, 400 * MIB, pattern(100, 1)))
    expect(await metaOf(device, '/file')).toMatchObject({ length: 500 * MIB, blocks: 1, pointerBlocks: 1 })
    expect(await inspect(device)).toEqual(FRESH)
  })

  test('that outgrows the addresses in its descriptor gets pointer blocks, and gives them back', async () => {
    const device = empty.fork()
    const most = version === 5 ? 256 : 320
    async function* zeros() {
      for (let block = 0; block < most; block++) yield Buffer.alloc(MIB)
    }
    await change(device, (volume) => volume.putFile('/file', zeros()))
    expect(await metaOf(device, '/file')).toMatchObject({ zla: ZLA.fileBlocks, blocks: most })
    await change(device, (volume) => write(volume, most * MIB - 1, pattern(2, 1)))
    expect(await metaOf(device, '/file')).toMatchObject({ blocks: most + 1, pointerBlocks: 1, zla: ZLA.pointerBlocks })
    expect(await inspect(device)).toEqual(FRESH)
    await change(device, (volume) => volume.truncate('/file', 5))
    expect(await metaOf(device, '/file')).toMatchObject({ blocks: 1, length: 5 })
    expect(await inspect(device)).toEqual(FRESH)
  })

  test('is not written over when there is no room for what comes behind it', async () => {
    const device = empty.fork()
    async function* zeros() {
      for (;;) yield Buffer.alloc(MIB)
    }
    const content = pattern(140_000, 1)
    await change(device, async (volume) => {
      const file = await volume.putFile('/file', from(content))
      const filler = await volume.putFile('/filler', from(pattern(MIB, 2)))
      const { free } = (await measureSpace(volume.volume)).fileBlocks
      for (let block = 1; block <= free; block++) await volume.writeAt(filler, block * MIB, Buffer.alloc(1))
      await expect(volume.putFile('/none', zeros())).rejects.toMatchObject({ problem: 'no space' })
      await expect(volume.writeAt(file, 120_000, pattern(MIB, 3))).rejects.toMatchObject({ problem: 'no space' })
    })
    expect((await treeOf(await openVolume([device]))).get('/file')).toBe(contentOf(content))
  })

  test('in several sub-blocks, as other programs make it, grows whole and is cut to less of them', async () => {
    const bytes = version === 5 ? 8192 : 65_536
    const content = pattern(3 * bytes - 100, 1)
    for (const [length, blocks] of [
      [4 * bytes, 1],
      [2 * MIB, 1],
      [bytes + 1, 2],
      [5, 1],
      [0, 0],
    ] as const) {
      const device = empty.fork()
      await putInSubBlocks(device, content)
      await change(device, (volume) => volume.truncate('/file', length))
      expect((await treeOf(await openVolume([device]))).get('/file')).toBe(contentOf(resized(content, length)))
      expect(await metaOf(device, '/file'), `${length}`).toMatchObject({ length, blocks })
      expect(await inspect(device)).toEqual(FRESH)
    }
  })

  test('more than fits one transaction is written in several', async () => {
    const device = empty.fork()
    const data = pattern(66 * MIB, 3)
    await change(device, async (volume) => {
      const file = await volume.putFile('/file', from())
      await volume.writeAt(file, 10, data)
    })
    expect((await treeOf(await openVolume([device]))).get('/file')).toBe(contentOf(patched(Buffer.alloc(0), 10, data)))
  })

  test('of a file that is gone is not written, though another file has its descriptor', async () => {
    const device = empty.fork()
    await change(device, async (volume) => {
      const gone = await volume.putFile('/file', from())
      await volume.removeFile('/file')
      await expect(volume.writeAt(gone, 0, pattern(1, 1))).rejects.toMatchObject({ problem: 'damaged' })
    })
    await change(device, async (volume) => {
      const { address, generation } = await volume.putFile('/other', from())
      const stale = { address, generation: generation - 1 }
      await expect(volume.writeAt(stale, 0, pattern(1, 1))).rejects.toMatchObject({ problem: 'no such file' })
    })
  })

  test('is never longer than addresses reach, nor at an offset that is none', async () => {
    const device = empty.fork()
    const reach = (version === 5 ? 256 * 1024 : 320 * 8192) * MIB
    await change(device, async (volume) => {
      const file = await volume.putFile('/file', from(pattern(10, 1)))
      await volume.truncate('/file', reach)
      await volume.writeAt(file, reach - 1, pattern(1, 1))
      for (const length of [reach + 1, Number.MAX_SAFE_INTEGER, -1, 1.5, Number.NaN])
        await expect(async () => await volume.truncate('/file', length)).rejects.toMatchObject({ problem: 'too large' })
      await expect(volume.writeAt(file, reach, pattern(1, 1))).rejects.toMatchObject({ problem: 'too large' })
    })
    expect(await metaOf(device, '/file')).toMatchObject({ length: reach, blocks: 2 })
    expect(await inspect(device)).toEqual(FRESH)
  })
})
