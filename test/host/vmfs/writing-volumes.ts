// Volumes to write on, and what is on them afterwards: every file's content, and every resource that is used twice, used but free,
// or taken and used by nothing.

import { createHash } from 'node:crypto'
import type { BlockDevice } from '../../../src/host/block-device.ts'
import { type FileDescriptor, isDirectory } from '../../../src/host/vmfs/file-descriptors.ts'
import { FileMap } from '../../../src/host/vmfs/file-map.ts'
import { formatVolume } from '../../../src/host/vmfs/format.ts'
import { lookup, readLink, walkTree } from '../../../src/host/vmfs/path-lookup.ts'
import { decodeFdAddress, SYSTEM_FD } from '../../../src/host/vmfs/structures/address.ts'
import { FILE_TYPE } from '../../../src/host/vmfs/structures/file-descriptor.ts'
import { openVolume, type Volume } from '../../../src/host/vmfs/volume.ts'
import { openForWriting, type WritableVolume, type WriteOptions } from '../../../src/host/vmfs/writable-volume.ts'
import { MemoryDevice } from './memory-device.ts'

export const MIB = 1024 * 1024
export const HOST = '5f6a1b2c-00000001-0001-02005e000001'
const NOW = 1_700_000_000_000

/** A new volume; a fork of it is cheap. */
export async function newVolume(version: 5 | 6, size = 1041 * MIB): Promise<MemoryDevice> {
  const device = new MemoryDevice(size)
  await formatVolume([device], { version, label: 'test', now: NOW, hostUuid: HOST })
  return device
}

export const openWritable = (device: BlockDevice, options: WriteOptions = {}): Promise<WritableVolume> =>
  openForWriting([staysOpen(device)], { host: HOST, now: () => NOW, ...options })

/** The device, to be looked at when the volume on it has been closed. */
const staysOpen = (device: BlockDevice): BlockDevice => ({
  ...{ name: device.name, size: device.size, blockBytes: device.blockBytes },
  read: (offset, length) => device.read(offset, length),
  write: (offset, data) => device.write(offset, data),
  flush: () => device.flush(),
  close: async () => {},
})

/** Opens, changes, closes. */
export async function change(
  device: BlockDevice,
  operate: (volume: WritableVolume) => Promise<unknown>,
  options: WriteOptions = {},
): Promise<void> {
  const volume = await openWritable(device, options)
  try {
    await operate(volume)
  } finally {
    await volume.close()
  }
}

/** A source of one piece. */
export async function* from(...pieces: Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces
}

/** Bytes that differ from block to block and from file to file. */
export function pattern(length: number, seed: number): Buffer {
  const data = Buffer.allocUnsafe(length)
  let state = (seed * 2654435761) >>> 0 || 1
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[at] = state >>> 24
  }
  return data
}

/** Everything below the root that is no system file: a content's digest and length, a link's target, or "directory". */
export async function treeOf(volume: Volume): Promise<Map<string, string>> {
  const tree = new Map<string, string>()
  for await (const { path, file, entry } of walkTree(volume, await lookup(volume, '/'))) {
    if (file.meta.type === FILE_TYPE.system) continue
    if (entry.generation !== file.meta.generation) tree.set(`${path} (generation)`, `${entry.generation}`)
    tree.set(path, await describe(volume, file))
  }
  return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A length, and a digest of what is not zero, by blocks: cheap for large files of holes, however the holes came about. */
export function contentOf(data: Buffer): string {
  const digest = new Digest()
  for (let at = 0; at < data.length; at += MIB) digest.add(at, data.subarray(at, at + MIB))
  return digest.of(data.length)
}

class Digest {
  readonly #hash = createHash('sha256')

  add(offset: number, block: Buffer): void {
    if (!block.equals(ZEROS.subarray(0, block.length))) this.#hash.update(`${offset} `).update(block)
  }

  of(length: number): string {
    return `${length} ${this.#hash.digest('hex').slice(0, 16)}`
  }
}
const ZEROS = Buffer.alloc(MIB)

async function describe(volume: Volume, file: FileDescriptor): Promise<string> {
  if (isDirectory(file.meta)) return 'directory'
  if (file.meta.type === FILE_TYPE.symlink) return `-> ${await readLink(volume, file)}`
  const reader = volume.openFile(file)
  if (file.meta.blockBytes < MIB) return contentOf(await reader.read(0, reader.length))
  const digest = new Digest()
  for await (const { offset, data } of reader.pieces()) if (data) digest.add(offset, data)
  return digest.of(file.meta.length)
}

export interface Findings {
  /** What makes a volume wrong. */
  readonly wrong: string[]
  /** Resources that are taken, and that nothing leads to. */
  readonly leaked: string[]
}

/** Compares what files use with what the bitmaps say, and link counts with directories. */
export async function inspect(device: BlockDevice): Promise<Findings> {
  const volume = await openVolume([device])
  const used = new Map<string, string>()
  const wrong: string[] = []
  const use = (resource: string, path: string) => {
    const other = used.get(resource)
    if (other !== undefined) wrong.push(`${resource} is used by ${path} and ${other}`)
    used.set(resource, path)
  }
  const root = await lookup(volume, '/')
  const links = new Map<number, number>([[SYSTEM_FD.root, 2]])
  await claim(volume, root.file, '/', use, wrong)
  for await (const { path, file } of walkTree(volume, root)) {
    await claim(volume, file, path, use, wrong)
    if (!isDirectory(file.meta)) continue
    links.set(file.address, (links.get(file.address) ?? 0) + 2)
    const above = path.slice(0, path.lastIndexOf('/')) || '/'
    const parent = (await lookup(volume, above)).file.address
    links.set(parent, (links.get(parent) ?? 0) + 1)
    const up = await volume.find(file, '..')
    if (up?.address !== parent) wrong.push(`${path}: ".." is ${up?.address}, not ${parent}`)
  }
  for (const [address, count] of links) {
    const { meta } = await volume.readFileDescriptor(address)
    if (meta.links !== count) wrong.push(`descriptor ${address} has ${meta.links} links, not ${count}`)
  }
  return { wrong, leaked: await compare(volume, used, wrong) }
}

async function claim(
  volume: Volume,
  file: FileDescriptor,
  path: string,
  use: (resource: string, path: string) => void,
  wrong: string[],
): Promise<void> {
  const fd = decodeFdAddress(file.address)
  use(`fdc ${fd.cluster} ${fd.resource}`, path)
  const counted = { data: 0, pointers: 0 }
  for await (const { role, address } of new FileMap(volume.contextOver(volume.cache), file).addresses()) {
    counted[role]++
    if (address.kind === 'file block') {
      const { cluster, resource } = volume.files.fbb.places.locate(address.block)
      use(`fbb ${cluster} ${resource}`, path)
    } else if (address.kind === 'sub-block') use(`sbc ${address.cluster} ${address.resource}`, path)
    else if (address.kind === 'pointer block') use(`pbc ${address.cluster} ${address.resource}`, path)
    else wrong.push(`${path} has a ${address.kind}`)
  }
  const { blocks, newBlocks, pointerBlocks, type } = file.meta
  if (type === FILE_TYPE.system) return
  if (blocks !== counted.data || newBlocks !== counted.data || pointerBlocks !== counted.pointers)
    wrong.push(`${path} says ${blocks}, ${newBlocks} and ${pointerBlocks} blocks: ${JSON.stringify(counted)}`)
}

async function compare(volume: Volume, used: ReadonlyMap<string, string>, wrong: string[]): Promise<string[]> {
  const leaked: string[] = []
  for (const kind of ['fbb', 'fdc', 'sbc', 'pbc', 'jbc'] as const) {
    const file = volume.files[kind]
    for (let cluster = 0; file && cluster < file.places.clusters; cluster++) {
      const { state } = await file.readCluster(cluster)
      if (state.countFree() !== state.free)
        wrong.push(`${kind} ${cluster}: ${state.free} free, by its bits ${state.countFree()}`)
      for (let resource = 0; resource < state.total; resource++) {
        const key = `${kind} ${cluster} ${resource}`
        const isFree = state.isFree(resource)
        if (isFree && used.has(key)) wrong.push(`${key} is free, and used by ${used.get(key)}`)
        if (!isFree && !used.has(key)) leaked.push(key)
      }
    }
  }
  return leaked
}
