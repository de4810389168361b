// Files of every size that changes where their data stands (notes, 9; section 13, 1 and 6; section 14), read back by the reader.

import { beforeAll, describe, expect, test } from 'vitest'
import { VmfsError } from '../../../../src/host/vmfs/errors.ts'
import { lookup } from '../../../../src/host/vmfs/path-lookup.ts'
import { ZLA } from '../../../../src/host/vmfs/structures/file-descriptor.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import type { MemoryDevice } from '../memory-device.ts'
import { change, contentOf, from, inspect, MIB, newVolume, pattern, treeOf } from '../writing-volumes.ts'

const FRESH = { wrong: [], leaked: [] }

/** Blocks of `blocks` MiB, all zero but those listed. */
async function* blocksOf(blocks: number, last: number, ...data: number[]): AsyncGenerator<Buffer> {
  const zeros = Buffer.alloc(MIB)
  for (let block = 0; block < blocks; block++) yield data.includes(block) ? pattern(MIB, block + 1) : zeros
  if (last > 0) yield pattern(last, 99)
}

const metaOf = async (device: MemoryDevice, path: string) => (await lookup(await openVolume([device]), path)).file.meta

describe.each([5, 6] as const)('VMFS%i: a file', (version) => {
  let empty: MemoryDevice
  beforeAll(async () => {
    empty = await newVolume(version)
  })

  const [resident, subBlock] = version === 5 ? [0, 8192] : [3584, 65_536]
  const sizes: [size: number, zla: number, blocks: number][] = [
    [0, ZLA.resident, 0],
    [1, resident === 0 ? ZLA.subBlocks : ZLA.resident, resident === 0 ? 1 : 0],
    [resident + 1, ZLA.subBlocks, 1],
    [1024, resident === 0 ? ZLA.subBlocks : ZLA.resident, resident === 0 ? 1 : 0],
    [3584, resident === 0 ? ZLA.subBlocks : ZLA.resident, resident === 0 ? 1 : 0],
    [subBlock, ZLA.subBlocks, 1],
    [subBlock + 1, ZLA.fileBlocks, 1],
    [MIB, ZLA.fileBlocks, 1],
    [5 * MIB + 12_345, ZLA.fileBlocks, 6],
  ]
  test.each(sizes)('of %i bytes has the addressing mode %i and %i blocks', async (size, zla, blocks) => {
    const device = empty.fork()
    const data = pattern(size, size)
    await change(device, (volume) => volume.putFile('/file', from(data)))
    expect(await treeOf(await openVolume([device]))).toEqual(new Map([['/file', contentOf(data)]]))
    expect(await metaOf(device, '/file')).toMatchObject({
      ...{ length: size, zla, blocks, newBlocks: blocks, type: 3, links: 1, mode: 0o644 },
      ...{ modifiedAt: 1_700_000_000, changedAt: 1_700_000_000, accessedAt: 1_700_000_000 },
    })
    expect(await inspect(device)).toEqual(FRESH)
  })

  const direct = version === 5 ? 256 : 320
  test(`of ${direct} MiB has its addresses in the descriptor, and one byte more needs pointer blocks`, async () => {
    const device = empty.fork()
    await change(device, async (volume) => {
      await volume.putFile('/direct', blocksOf(direct, 0, 0, direct - 1))
      await volume.putFile('/pointers', blocksOf(direct, 1, 0, direct - 1))
    })
    expect(await metaOf(device, '/direct')).toMatchObject({ zla: ZLA.fileBlocks, blocks: direct, pointerBlocks: 0 })
    expect(await metaOf(device, '/pointers')).toMatchObject({
      ...{ zla: ZLA.pointerBlocks, blocks: direct + 1, pointerBlocks: 1 },
    })
    const tree = await treeOf(await openVolume([device]))
    expect(tree.get('/pointers')).toMatch(new RegExp(`^${direct * MIB + 1} `))
    expect(await inspect(device)).toEqual(FRESH)
  })

  test('of 1100 MiB with holes has the blocks that hold data, and pointer blocks for those', async () => {
    const device = empty.fork()
    await change(device, (volume) => volume.putFile('/sparse', blocksOf(1100, 777, 0, 500, 1050), { sparse: true }))
    expect(await metaOf(device, '/sparse')).toMatchObject({
      ...{ length: 1100 * MIB + 777, zla: ZLA.pointerBlocks, blocks: 4, pointerBlocks: version === 5 ? 2 : 1 },
    })
    const volume = await openVolume([device])
    const file = volume.openFile((await lookup(volume, '/sparse')).file)
    expect((await file.read(500 * MIB, MIB)).equals(pattern(MIB, 501))).toBe(true)
    expect(await file.read(1100 * MIB, MIB)).toEqual(pattern(777, 99))
    expect(await file.read(MIB, 10)).toEqual(Buffer.alloc(10))
    expect(await inspect(device)).toEqual(FRESH)
  })

  test('with a hole has direct addresses on VMFS5, pointer blocks on VMFS6', async () => {
    const device = empty.fork()
    await change(device, (volume) => volume.putFile('/sparse', blocksOf(3, 5, 0, 2), { sparse: true }))
    expect(await metaOf(device, '/sparse')).toMatchObject({
      zla: version === 5 ? ZLA.fileBlocks : ZLA.pointerBlocks,
      blocks: 3,
    })
  })

  test('is the same whatever the pieces of its source', async () => {
    const device = empty.fork()
    const data = pattern(2 * MIB + 7, 1)
    const pieces = [data.subarray(0, 1), data.subarray(1, MIB + 1), Buffer.alloc(0), data.subarray(MIB + 1)]
    await change(device, (volume) => volume.putFile('/file', from(...pieces)))
    expect(await treeOf(await openVolume([device]))).toEqual(new Map([['/file', contentOf(data)]]))
  })

  test('in one piece of the volume, when its size is known and the first free run is too short', async () => {
    const device = empty.fork()
    await change(device, async (volume) => {
      for (const name of ['a', 'b', 'c']) await volume.putFile(`/${name}`, from(pattern(2 * MIB, 1)))
      await volume.removeFile('/a')
    })
    await change(device, (volume) => volume.putFile('/long', from(pattern(5 * MIB, 2)), { size: 5 * MIB }))
    const volume = await openVolume([device])
    const { map } = volume.openFile((await lookup(volume, '/long')).file)
    const places = await Promise.all([0, 1, 2, 3, 4].map(async (block) => (await map.place(block * MIB)).offset ?? 0))
    expect(places.map((place) => (place - (places[0] ?? 0)) / MIB)).toEqual([0, 1, 2, 3, 4])
  })

  test('replaced keeps its descriptor and frees what it led to', async () => {
    const device = empty.fork()
    const generations: number[] = []
    for (const size of [3 * MIB, 100, 70_000, 0, 5000]) {
      await change(device, (volume) => volume.putFile('/file', from(pattern(size, size))))
      generations.push((await metaOf(device, '/file')).generation)
      expect(await treeOf(await openVolume([device]))).toEqual(new Map([['/file', contentOf(pattern(size, size))]]))
      expect(await inspect(device)).toEqual(FRESH)
    }
    expect(new Set(generations).size).toBe(1)
  })

  test('replaced through a symbolic link: the link stays', async () => {
    const device = empty.fork()
    await change(device, async (volume) => {
      await volume.putFile('/file', from(pattern(10, 1)))
      await volume.makeLink('file', '/link')
      await volume.putFile('/link', from(pattern(20, 2)))
    })
    expect(await treeOf(await openVolume([device]))).toEqual(
      new Map([
        ['/file', contentOf(pattern(20, 2))],
        ['/link', '-> file'],
      ]),
    )
  })

  test('whose source fails: the old one is there, nothing is leaked, and the next operation works', async () => {
    const device = empty.fork()
    async function* failing() {
      yield pattern(3 * MIB, 5)
      throw new Error('the pipe broke')
    }
    await change(device, async (volume) => {
      await volume.putFile('/file', from(pattern(10, 1)))
      await expect(volume.putFile('/file', failing())).rejects.toThrow('the pipe broke')
      await expect(volume.putFile('/other', failing())).rejects.toThrow('the pipe broke')
      await volume.putFile('/next', from(pattern(MIB, 2)))
    })
    expect([...(await treeOf(await openVolume([device]))).keys()]).toEqual(['/file', '/next'])
    expect(await inspect(device)).toEqual(FRESH)
  })

  test('that does not fit is refused with "no space", leaks nothing, and leaves room for others', async () => {
    const device = empty.fork()
    await change(device, async (volume) => {
      const refused = volume.putFile('/huge', blocksOf(2000, 0))
      await expect(refused).rejects.toMatchObject({
        problem: 'no space',
        message: expect.stringContaining('no file blocks left'),
      })
      await volume.putFile('/next', from(pattern(5 * MIB, 2)))
    })
    expect([...(await treeOf(await openVolume([device]))).keys()]).toEqual(['/next'])
    expect(await inspect(device)).toEqual(FRESH)
  })

  test('gets file blocks where there are no sub-blocks left', async () => {
    const device = empty.fork()
    const volume = await openVolume([device])
    const { sbc } = volume.files
    for (let cluster = 0; cluster < sbc.places.clusters; cluster++) {
      const { offset, state } = await sbc.readCluster(cluster)
      while (state.allocate() !== undefined);
      await volume.logical.write(offset + volume.version.sectorBytes, state.sector)
    }
    await change(device, (writable) => writable.putFile('/file', from(pattern(5000, 1))))
    expect(await metaOf(device, '/file')).toMatchObject({ zla: ZLA.fileBlocks, blocks: 1 })
    await change(device, async (writable) => {
      await expect(writable.makeDirectory('/dir')).rejects.toMatchObject({
        problem: 'no space',
        message: expect.stringContaining('no sub-blocks left'),
      })
    })
  })

  const wrongPaths: [string, string][] = [
    ['/', 'bad name'],
    ['/dir', 'is a directory'],
    ['/dir/', 'is a directory'],
    ['/new/', 'is a directory'],
    ['/none/file', 'no such file'],
    ['/file/file', 'not a directory'],
    ['/dangling', 'no such file'],
    ['/.fbb.sf', 'read-only'],
    ['/.sdd.sf/file', 'read-only'],
    [`/${'x'.repeat(128)}`, 'bad name'],
    ['/zero\0byte', 'bad name'],
  ]
  test.each(wrongPaths)('at %j is refused: %s', async (path, problem) => {
    const device = empty.fork()
    await change(device, async (volume) => {
      await volume.makeDirectory('/dir')
      await volume.putFile('/file', from())
      await volume.makeLink('nowhere', '/dangling')
    })
    const before = await treeOf(await openVolume([device]))
    await change(device, async (volume) => {
      const error = await volume.putFile(path, from(pattern(10, 1))).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(VmfsError)
      expect(error).toMatchObject({ problem })
    })
    expect(await treeOf(await openVolume([device]))).toEqual(before)
    expect(await inspect(device)).toEqual(FRESH)
  })
})
