// The resource files of a volume (vmfs-format.md, 6), opened: where each cluster header and each resource stands in the volume.

import { decodeAt, decodeFrom } from './damage.ts'
import { VmfsError } from './errors.ts'
import type { FileDescriptor } from './file-descriptors.ts'
import { FileMap, type MapContext } from './file-map.ts'
import { Cluster, ONE_BIT, type ResourceBits, SMALL_FILE_BLOCK_BITS } from './structures/cluster.ts'
import { FileBlockGeometry } from './structures/file-block-resources.ts'
import { decodeLock, type Lock } from './structures/lock.ts'
import {
  type ClusterPlaces,
  decodeGeometry,
  FIRST_GROUP_OFFSET,
  type ResourceGeometry,
} from './structures/resource-file.ts'
import { FILE_BLOCK_BYTES, type FileBlockPlaces, type ResourceFileFormat } from './version.ts'

/** Enough of a file's start for its header, and for the second one of VMFS6's file blocks. */
const HEADER_BYTES = 8192

/** A cluster header as it was read. */
export interface ClusterHeader {
  /** Byte offset in the volume, of the lock; the sector with the state follows. */
  readonly offset: number
  readonly lock: Lock
  readonly state: Cluster
}

interface Identity {
  readonly name: string
  /** Of its clusters' locks. */
  readonly lockType: number
}

export class ResourceFile<Places extends ClusterPlaces = ClusterPlaces> {
  readonly name: string
  readonly lockType: number
  readonly bits: ResourceBits
  readonly file: FileDescriptor
  readonly places: Places
  readonly #context: MapContext
  readonly #map: FileMap

  constructor(
    context: MapContext,
    map: FileMap,
    file: FileDescriptor,
    identity: Identity & { bits: ResourceBits },
    places: Places,
  ) {
    this.name = identity.name
    this.lockType = identity.lockType
    this.bits = identity.bits
    this.file = file
    this.places = places
    this.#context = context
    this.#map = map
  }

  /**
   * Where bytes of the file stand in the volume, which are in one piece there.
   * @throws VmfsError 'damaged' where they are not
   */
  offsetOf(fileOffset: number, length: number): Promise<number> {
    return contiguous(this.name, this.#map, fileOffset, length)
  }

  headerOffset(cluster: number): Promise<number> {
    return decodeFrom(this.name, this.file.offset, () =>
      this.offsetOf(this.places.headerOffset(cluster), this.#context.version.clusters.headerBytes),
    )
  }

  /** @throws VmfsError 'damaged' for what is not the header of this cluster */
  async readCluster(cluster: number): Promise<ClusterHeader> {
    const { clusters } = this.#context.version
    const offset = await this.headerOffset(cluster)
    const image = await this.#context.metadata.read(offset, clusters.headerBytes)
    return decodeAt(`the header of cluster ${cluster} of ${this.name}`, offset, () => {
      const lock = decodeLock(image)
      if (lock.type !== this.lockType)
        throw new VmfsError('damaged', `its lock has the type 0x${lock.type.toString(16)}`)
      const state = new Cluster(clusters, image.subarray(clusters.sectorBytes), this.bits)
      if (state.total !== this.places.total(cluster))
        throw new VmfsError('damaged', `it has ${state.total} resources, and its file ${this.places.total(cluster)}`)
      return { offset, lock, state }
    })
  }

  resourceOffset(this: ResourceFile<ResourceGeometry>, cluster: number, resource: number): Promise<number> {
    return decodeFrom(this.name, this.file.offset, () =>
      this.offsetOf(this.places.resourceOffset(cluster, resource), this.places.resourceBytes),
    )
  }
}

/** @throws VmfsError 'damaged' for a file that is not what its header says */
export function openResourceFile(
  context: MapContext,
  file: FileDescriptor,
  format: ResourceFileFormat,
): Promise<ResourceFile<ResourceGeometry>> {
  const { name, lockType, layout, limits } = format
  const { headerBytes } = context.version.clusters
  return open(context, file, { name, lockType }, (header) => ({
    places: decodeGeometry(name, header, 0, headerBytes, layout.resourceBytes, limits),
    bits: ONE_BIT,
  }))
}

/** @throws VmfsError 'damaged' */
export function openFileBlocks(context: MapContext, file: FileDescriptor): Promise<ResourceFile<FileBlockPlaces>> {
  const { version, volumeBytes } = context
  return open(context, file, version.fbb, (header) => {
    const places = version.decodeFileBlocks(header)
    if (places.resources * FILE_BLOCK_BYTES > volumeBytes)
      throw new VmfsError('damaged', `the header says ${places.resources} file blocks on ${volumeBytes} bytes`)
    return { places, bits: places instanceof FileBlockGeometry ? SMALL_FILE_BLOCK_BITS : ONE_BIT }
  })
}

async function open<Places extends FileBlockPlaces>(
  context: MapContext,
  file: FileDescriptor,
  identity: Identity,
  decode: (header: Buffer) => { places: Places; bits: ResourceBits },
): Promise<ResourceFile<Places>> {
  const map = new FileMap(context, file)
  if (file.meta.length < FIRST_GROUP_OFFSET)
    throw new VmfsError('damaged', `${identity.name} has ${file.meta.length} bytes, less than its header`, file.offset)
  const offset = await contiguous(identity.name, map, 0, HEADER_BYTES)
  const header = await context.metadata.read(offset, HEADER_BYTES)
  const { places, bits } = decodeAt(identity.name, offset, () => decode(header))
  if (places.fileLength > file.meta.length)
    throw new VmfsError(
      'damaged',
      `${identity.name} has ${file.meta.length} bytes, and needs ${places.fileLength}`,
      file.offset,
    )
  return new ResourceFile(context, map, file, { ...identity, bits }, places)
}

async function contiguous(name: string, map: FileMap, fileOffset: number, length: number): Promise<number> {
  const wrong = (what: string) =>
    new VmfsError('damaged', `${name}: ${length} bytes at ${fileOffset} of the file ${what}`)
  if (fileOffset + length > map.reach) throw wrong('are beyond its end')
  const first = await map.place(fileOffset)
  if (first.offset === undefined) throw wrong('are a hole')
  for (let done = first.length; done < length; ) {
    const next = await map.place(fileOffset + done)
    if (next.offset !== first.offset + done) throw wrong('are in several pieces')
    done += next.length
  }
  return first.offset
}
