// Volumes with damage in their metadata: each is refused or read with a named error. No crash, no read outside the device or
// between its blocks, no work without a bound.

import { describe, expect, test } from 'vitest'
import { VmfsError } from '../../../src/host/vmfs/errors.ts'
import { type FileDescriptor, isDirectory } from '../../../src/host/vmfs/file-descriptors.ts'
import { lookup, readLink } from '../../../src/host/vmfs/path-lookup.ts'
import { heldLocks, measureSpace } from '../../../src/host/vmfs/space.ts'
import { SYSTEM_FD } from '../../../src/host/vmfs/structures/address.ts'
import { FILE_TYPE, ZLA } from '../../../src/host/vmfs/structures/file-descriptor.ts'
import { openVolume, type Volume } from '../../../src/host/vmfs/volume.ts'
import { HandMadeVolume } from './hand-made-volume.ts'
import type { MemoryDevice } from './memory-device.ts'
import { metadataOf, mutate } from './mutations.ts'

const MIB = 1024 * 1024
const MUTATIONS = 5000
/** Of one volume, whatever is wrong with it: reads of the device. An intact one takes about 100. */
const MAX_READS = 2000
/** Of longer files both ends are read. */
const MAX_WHOLE_BYTES = 4 * MIB
const MAX_FILES = 1000

/** One file of each addressing mode, three levels of directories, links, colliding names, what was removed. */
async function base(version: 5 | 6): Promise<HandMadeVolume> {
  const made = await HandMadeVolume.format(version)
  const { subBlockBytes, pointerBlocks, addresses } = made.volume.version
  const fanOut = pointerBlocks.bytes / addresses.bytes
  const block = Buffer.alloc(600, 1)
  const directory = await made.addDirectory(SYSTEM_FD.root, 'directory')
  const deep = await made.addDirectory(await made.addDirectory(directory, 'deep'), 'deeper')
  const small = { zla: ZLA.resident, length: 5, resident: Buffer.from('small') }
  // The names of one hash slot of VMFS6, and others.
  for (const name of ['c0', 'c1gx', 'ci24', 'c1alx', ...'abcdefghijklmnop']) await made.add(directory, name, small)
  for (const name of ['c1gx', 'a', 'p']) await made.unlink(directory, name)
  const files = {
    subBlocks: { zla: ZLA.subBlocks, length: 3 * subBlockBytes - 5, blocks: { 0: block, 2: block } },
    fileBlocks: { zla: ZLA.fileBlocks, length: 3 * MIB - 5, blocks: { 0: block, 2: block } },
    pointers: { zla: ZLA.pointerBlocks, length: (fanOut + 1) * MIB, blocks: { 0: block, 3: block, [fanOut]: block } },
    pb2: { zla: ZLA.pb2Blocks, length: 3 * MIB, blocks: { 0: block } },
    empty: { zla: ZLA.resident, length: 0 },
  }
  for (const [name, spec] of Object.entries(files)) await made.add(deep, name, spec)
  await made.addLink(SYSTEM_FD.root, 'link', '/directory/deep/deeper/fileBlocks')
  await made.addLink(directory, 'up', '../link')
  return made
}

/** Everything that can be read, going on after each failure as far as there is a way. */
async function readEverything(device: MemoryDevice, clusters: 'bitmaps' | 'locks'): Promise<VmfsError[]> {
  const failures: VmfsError[] = []
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof VmfsError)) throw error
      if (error.problem !== 'no such file') failures.push(error)
      return undefined
    }
  }
  const volume = await attempt(() => openVolume([device]))
  if (!volume) return failures
  await attempt(async () => await (clusters === 'bitmaps' ? measureSpace(volume) : countHeldLocks(volume)))
  for (const path of ['/directory/c1alx', '/directory/none', '/directory/up', '/directory/deep/deeper/pointers'])
    await attempt(() => lookup(volume, path))
  const root = await attempt(() => volume.root())
  const seen = new Set<number>()
  for (const waiting = root ? [root] : []; waiting.length > 0 && seen.size < MAX_FILES; ) {
    const file = waiting.pop()!
    if (seen.has(file.address)) continue
    seen.add(file.address)
    await attempt(() => readContent(volume, file))
    if (isDirectory(file.meta))
      await attempt(async () => {
        for await (const { name, address } of volume.entries(file)) {
          const child = await attempt(() => volume.readFileDescriptor(address))
          if (child && name !== '.' && name !== '..') waiting.push(child)
        }
      })
  }
  return failures
}

async function countHeldLocks(volume: Volume): Promise<number> {
  let count = 0
  for await (const _ of heldLocks(volume)) count++
  return count
}

async function readContent(volume: Volume, file: FileDescriptor): Promise<void> {
  const reader = volume.openFile(file)
  if (file.meta.type === FILE_TYPE.file && reader.length <= MAX_WHOLE_BYTES) for await (const _ of reader.pieces());
  await reader.read(0, 1000)
  await reader.read(Math.max(reader.length - 1000, 0), 1000)
  if (file.meta.type === FILE_TYPE.symlink) await readLink(volume, file)
}

describe.each([5, 6] as const)('VMFS%i', (version) => {
  test('the base is intact', async () => {
    const { device } = await base(version)
    for (const clusters of ['bitmaps', 'locks'] as const) {
      const fork = device.fork()
      expect(await readEverything(fork, clusters)).toEqual([])
      expect(fork.reads).toBeLessThan(MAX_READS / 4)
    }
  })

  test(`${MUTATIONS} mutations`, { timeout: 600_000 }, async () => {
    const { device, volume } = await base(version)
    const metadata = await metadataOf(volume)
    let refused = 0
    for (let seed = 0; seed < MUTATIONS; seed++) {
      const mutated = mutate(device, metadata, seed)
      const failures = await readEverything(mutated, seed % 2 === 0 ? 'bitmaps' : 'locks').catch((error: unknown) => {
        throw new Error(`seed ${seed}: ${error}`, { cause: error })
      })
      if (mutated.reads > MAX_READS) throw new Error(`seed ${seed}: ${mutated.reads} reads`)
      const unplaced = failures.find(({ problem, message }) => problem === 'damaged' && !/\d/.test(message))
      if (unplaced) throw new Error(`seed ${seed}: "${unplaced.message}" names no place`)
      if (failures.length > 0) refused++
    }
    // That the damage is seen at all; bits that no reader looks at are most.
    expect(refused).toBeGreaterThan(MUTATIONS / 10)
  })
})
