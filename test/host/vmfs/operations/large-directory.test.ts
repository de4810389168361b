// A directory that grows past what its sub-blocks reach (notes, 9 and 10): 256 of 8 KiB on VMFS5, which 14,979 entries fill.

import { beforeAll, describe, expect, test } from 'vitest'
import { repairVolume } from '../../../../src/host/vmfs/check/repair.ts'
import type { FileReference } from '../../../../src/host/vmfs/open-file.ts'
import { FileEdit } from '../../../../src/host/vmfs/operations/file-edit.ts'
import { lookup } from '../../../../src/host/vmfs/path-lookup.ts'
import { measureSpace } from '../../../../src/host/vmfs/space.ts'
import { Cluster } from '../../../../src/host/vmfs/structures/cluster.ts'
import { ENTRY } from '../../../../src/host/vmfs/structures/directory-5.ts'
import { FILE_TYPE, ZLA } from '../../../../src/host/vmfs/structures/file-descriptor.ts'
import { LVM_DATA_OFFSET } from '../../../../src/host/vmfs/structures/lvm.ts'
import { openVolume } from '../../../../src/host/vmfs/volume.ts'
import type { WritableVolume } from '../../../../src/host/vmfs/writable-volume.ts'
import type { MemoryDevice } from '../memory-device.ts'
import { change, contentOf, from, MIB, newVolume, openWritable, pattern, treeOf } from '../writing-volumes.ts'

const SUB_BLOCK = 8192
const ENTRIES = Math.floor((256 * SUB_BLOCK) / ENTRY.size)
const NAMES = Array.from({ length: ENTRIES - 2 }, (_, index) => `name ${index}`)

/** Writes the directory's 256 sub-blocks as they are when it is full; all its names are of one file. */
async function fill(volume: WritableVolume, path: string, { address, generation }: FileReference): Promise<void> {
  const { file } = await lookup(volume.volume, path)
  const data = Buffer.alloc(256 * SUB_BLOCK)
  const dots = await volume.volume.openDirectory(file).read(0, 2 * ENTRY.size)
  dots.copy(data)
  for (const [index, name] of NAMES.entries())
    ENTRY.encode({ name, type: FILE_TYPE.file, address, generation }, data, (index + 2) * ENTRY.size)
  await volume.exclusively((writing) =>
    writing.run(async (work) => {
      const edit = new FileEdit(work, file)
      for (let index = 0; index < 256; index++) {
        const taken = index > 0 ? await work.take('sub-block') : undefined
        if (taken) edit.setAddress(index, taken.address)
        const offset = taken?.offset ?? (await edit.map.place(0)).offset ?? 0
        await work.tx.write(offset, data.subarray(index * SUB_BLOCK, (index + 1) * SUB_BLOCK))
      }
      edit.setBlocks(256)
      await edit.save({ length: ENTRIES * ENTRY.size })
    }),
  )
}

async function namesIn(device: MemoryDevice, path: string): Promise<string[]> {
  const volume = await openVolume([device])
  const names: string[] = []
  for await (const { name } of volume.entries((await lookup(volume, path)).file)) names.push(name)
  return names
}

describe('a directory of VMFS5 whose sub-blocks are full', () => {
  const full = ['.', '..', ...NAMES]
  let device: MemoryDevice
  beforeAll(async () => {
    device = await newVolume(5)
    await change(device, async (volume) => {
      await volume.makeDirectory('/dir')
      await fill(volume, '/dir', await volume.putFile('/file', from()))
    })
  })

  test('moves to file blocks with the next name, and gives the sub-blocks back', async () => {
    const grown = device.fork()
    await change(grown, (volume) => volume.putFile('/dir/one more', from(pattern(10, 1))))
    expect(await namesIn(grown, '/dir')).toEqual([...full, 'one more'])
    const volume = await openVolume([grown])
    const { file } = await lookup(volume, '/dir')
    expect(file.meta).toMatchObject({ zla: ZLA.fileBlocks, blockBytes: MIB, blockShift: 20, blocks: 3, newBlocks: 3 })
    const { subBlocks, fileBlocks } = await measureSpace(await openVolume([device]))
    const now = await measureSpace(volume)
    // The new file has one sub-block.
    expect(now.subBlocks.free).toBe(subBlocks.free + 256 - 1)
    expect(now.fileBlocks.free).toBe(fileBlocks.free - 3)
    expect((await treeOf(volume)).get('/dir/one more')).toBe(contentOf(pattern(10, 1)))
  })

  test('and goes on as one: names are taken out and added, and blocks come and go', async () => {
    const grown = device.fork()
    await change(grown, async (volume) => {
      await volume.makeLink('target', '/dir/one more')
      await volume.rename('/dir/one more', '/dir/another')
      await volume.removeFile('/dir/another')
    })
    expect(await namesIn(grown, '/dir')).toEqual(full)
    expect((await lookup(await openVolume([grown]), '/dir')).file.meta).toMatchObject({
      zla: ZLA.fileBlocks,
      blocks: 2,
    })
  })

  test('stays as it is when there are no file blocks left', async () => {
    const crowded = device.fork()
    await change(crowded, async (volume) => {
      const { fileBlocks } = await measureSpace(volume.volume)
      await volume.putFile('/most', from(...Array.from({ length: fileBlocks.free - 2 }, () => Buffer.alloc(MIB, 1))))
      await expect(volume.putFile('/dir/one more', from())).rejects.toMatchObject({ problem: 'no space' })
      expect((await measureSpace(volume.volume)).fileBlocks.free).toBe(2)
    })
    expect(await namesIn(crowded, '/dir')).toEqual(full)
  })

  test('has the new name or not after a cut at any write', async () => {
    const seen = new Set<number>()
    for (let writes = 0, done = false; !done; writes++) {
      const cut = device.fork()
      const volume = await openWritable(cut)
      cut.cutAfter(writes)
      done = await volume.makeLink('target', '/dir/one more').then(
        () => true,
        () => false,
      )
      cut.heal()
      await change(cut, async () => {}, { recover: true })
      const names = await namesIn(cut, '/dir')
      seen.add(names.length)
      expect(names.length === full.length ? names : names.slice(0, -1)).toEqual(full)
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([full.length, full.length + 1])
  })

  test('with a gap among its entries is made anew, larger than one record of the journal', async () => {
    const damaged = device.fork()
    await clearEntry(damaged, '/dir', 100)
    const { report } = await repairVolume([damaged])
    expect(report.mended.map(({ name }) => name)).toContain('directory block')
    const repaired = reopened(damaged)
    expect(await namesIn(repaired, '/dir')).toEqual(full.filter((_, index) => index !== 100))
    expect((await repairVolume([repaired])).report).toMatchObject({ findings: [], mended: [] })
  })

  test('is made anew beside a file whose block the bitmap calls free, and leaves it alone', async () => {
    const damaged = device.fork()
    await change(damaged, (volume) => volume.putFile('/victim', from(pattern(MIB, 1))))
    await clearEntry(damaged, '/dir', 100)
    await freeBlockOf(damaged, '/victim')
    await repairVolume([damaged])
    const repaired = reopened(damaged)
    expect((await treeOf(await openVolume([repaired]))).get('/victim')).toBe(contentOf(pattern(MIB, 1)))
    expect((await repairVolume([repaired])).report).toMatchObject({ findings: [], mended: [] })
  })
})

/** Repair closes its devices. */
const reopened = (device: MemoryDevice): MemoryDevice => device.fork()

async function clearEntry(device: MemoryDevice, path: string, index: number): Promise<void> {
  const volume = await openVolume([device])
  const { offset = 0 } = await volume.openFile((await lookup(volume, path)).file).map.place(index * ENTRY.size)
  device.poke(LVM_DATA_OFFSET + offset, Buffer.alloc(ENTRY.size))
}

async function freeBlockOf(device: MemoryDevice, path: string): Promise<void> {
  const volume = await openVolume([device])
  const { version, files } = volume
  const first = await volume.openFile((await lookup(volume, path)).file).map.address(0)
  const { cluster, resource } = files.fbb.places.locate(first.kind === 'file block' ? first.block : 0)
  const at = (await files.fbb.headerOffset(cluster)) + version.clusters.sectorBytes
  const sector = await volume.logical.read(at, version.clusters.sectorBytes)
  new Cluster(version.clusters, sector, files.fbb.bits).release(resource)
  device.poke(LVM_DATA_OFFSET + at, sector)
}
