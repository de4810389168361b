// What of a volume is in use, by the bitmaps of its resource files (vmfs-format.md, 6.3 and 6.5), and which locks are held.

import { decodeAt } from './damage.ts'
import type { ResourceFile } from './resource-files.ts'
import { encodeFdAddress } from './structures/address.ts'
import { decodeLock, LOCK_MODE, LOCK_TYPE, type Lock } from './structures/lock.ts'
import type { Volume } from './volume.ts'

/** Resources of one kind. */
export interface SpaceUse {
  readonly total: number
  readonly free: number
  /** Of one. */
  readonly bytes: number
}
export interface Space {
  readonly fileBlocks: SpaceUse
  readonly subBlocks: SpaceUse
  readonly pointerBlocks: SpaceUse
  readonly fileDescriptors: SpaceUse
}

/** @throws VmfsError 'damaged' */
export async function measureSpace({ files, version, descriptor }: Volume): Promise<Space> {
  return {
    fileBlocks: await measure(files.fbb, descriptor.fileBlockBytes),
    subBlocks: await measure(files.sbc, version.subBlockBytes),
    pointerBlocks: await measure(files.pbc, files.pbc.places.resourceBytes),
    fileDescriptors: await measure(files.fdc, version.fileDescriptors.bytes),
  }
}

async function measure(file: ResourceFile, bytes: number): Promise<SpaceUse> {
  let free = 0
  for (let cluster = 0; cluster < file.places.clusters; cluster++)
    free += (await file.readCluster(cluster)).state.countFree()
  return { total: file.places.resources, free, bytes }
}

export interface HeldLock {
  /** What it guards. */
  readonly holder:
    | { readonly kind: 'file descriptor'; readonly address: number }
    | { readonly kind: 'cluster'; readonly file: string; readonly cluster: number }
  /** Byte offset in the volume. */
  readonly offset: number
  readonly lock: Lock
}

/** The locks of clusters and of file descriptors in use that somebody holds. @throws VmfsError 'damaged' */
export async function* heldLocks(volume: Volume): AsyncGenerator<HeldLock> {
  const { fdc, sbc, pbc, pb2, jbc, fbb } = volume.files
  for (const file of [fbb, fdc, pbc, sbc, pb2, jbc])
    for (let cluster = 0; file && cluster < file.places.clusters; cluster++) {
      const { offset, lock, state } = await file.readCluster(cluster)
      if (lock.mode !== LOCK_MODE.free) yield { holder: { kind: 'cluster', file: file.name, cluster }, offset, lock }
      if (file === fdc) yield* heldFileLocks(volume, cluster, (resource) => !state.isFree(resource), state.total)
    }
}

async function* heldFileLocks(
  volume: Volume,
  cluster: number,
  isUsed: (resource: number) => boolean,
  total: number,
): AsyncGenerator<HeldLock> {
  for (let resource = 0; resource < total; resource++) {
    if (!isUsed(resource)) continue
    const address = encodeFdAddress(cluster, resource)
    const offset = await volume.locateFileDescriptor(address)
    const image = await volume.cache.read(offset, volume.version.sectorBytes)
    const lock = decodeAt('a file descriptor', offset, () => decodeLock(image))
    if (lock.type === LOCK_TYPE.fileDescriptor && lock.mode !== LOCK_MODE.free)
      yield { holder: { kind: 'file descriptor', address }, offset, lock }
  }
}
