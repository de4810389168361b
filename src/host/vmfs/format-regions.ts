// What a new file system is made of, as regions of the volume in the order in which they are written (vmfs-format.md, 2
// to 6, 8 and 15). A region without data has to read as zero. Data is made when its turn comes: a large volume has more
// of it than memory should hold.

import { type FormatPlan, type PlannedResources, type SystemFile, volumeOffset } from './format-plan.ts'
import { decodeFdAddress, SYSTEM_FD } from './structures/address.ts'
import {
  Cluster,
  LARGE_FILE_BLOCK_BITS,
  ONE_BIT,
  type ResourceBits,
  SMALL_FILE_BLOCK_BITS,
} from './structures/cluster.ts'
import { FileBlockGeometry, SMALL_HEADER_OFFSET } from './structures/file-block-resources.ts'
import { encodeFileMeta, setFileAddress, ZLA } from './structures/file-descriptor.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from './structures/heartbeat.ts'
import { encodeLock, LOCK_TYPE } from './structures/lock.ts'
import {
  type ClusterPlaces,
  FIRST_GROUP_OFFSET,
  geometryFields,
  RESOURCE_FILE_HEADER,
  RESOURCE_FILE_SIGNATURE,
  type ResourceGeometry,
} from './structures/resource-file.ts'
import { FILE_BLOCK_BYTES, type FileBlockPlaces, type VmfsVersion } from './version.ts'

export interface FormatRegion {
  /** In the volume. */
  readonly offset: number
  readonly length: number
  /** Absent where the region has to read as zero. */
  readonly data?: () => Buffer
}

/** A region of a file, before it is known where the file's blocks are. */
type FileRegion = FormatRegion

const BLOCK_SHIFT = 20
const SYSTEM_GENERATION = 1

export function formatRegions(
  plan: FormatPlan,
  directories: { root: Buffer; sdd: Buffer },
  seconds: number,
): FormatRegion[] {
  const { version } = plan
  return [
    { offset: 0, length: HEARTBEAT_OFFSET },
    heartbeats(version),
    ...onVolume(plan.root, [whole(version, directories.root)]),
    ...onVolume(plan.sdd, [whole(version, directories.sdd)]),
    ...onVolume(plan.fbb, fileBlocks(plan)),
    ...plan.resources.flatMap((resources) => [...onVolume(resources.file, resourceFile(version, resources))]),
    ...onVolume(plan.fdc.file, descriptors(plan, seconds)),
    ...journals(plan),
  ]
}

/** All of a small file, up to the end of its last sector. */
function whole({ sectorBytes }: VmfsVersion, content: Buffer): FileRegion {
  const data = Buffer.alloc(Math.ceil(content.length / sectorBytes) * sectorBytes)
  content.copy(data)
  return { offset: 0, length: data.length, data: () => data }
}

/** Regions of a file as regions of the volume: split where the file's next block is not the volume's next. */
function* onVolume({ blocks }: SystemFile, regions: Iterable<FileRegion>): Generator<FormatRegion> {
  for (const { offset, length, data } of regions) {
    for (let from = 0; from < length; ) {
      const block = Math.floor((offset + from) / FILE_BLOCK_BYTES)
      let last = block
      while (last + 1 < blocks.length && blocks[last + 1] === blocks[last]! + 1) last++
      const start = from
      const end = Math.min(length, (last + 1) * FILE_BLOCK_BYTES - offset)
      yield {
        offset: blocks[block]! * FILE_BLOCK_BYTES + ((offset + start) % FILE_BLOCK_BYTES),
        length: end - start,
        ...(data ? { data: () => data().subarray(start, end) } : {}),
      }
      from = end
    }
  }
}

/** Every slot is free and knows its own place (4). */
function heartbeats({ heartbeats: { slots, slotBytes } }: VmfsVersion): FormatRegion {
  const data = () => {
    const region = Buffer.alloc(slots * slotBytes)
    for (let at = 0; at < region.length; at += slotBytes)
      HEARTBEAT.encode({ state: HEARTBEAT_STATE.free, offset: HEARTBEAT_OFFSET + at }, region, at)
    return region
  }
  return { offset: HEARTBEAT_OFFSET, length: slots * slotBytes, data }
}

/** The header of a resource file and its cluster headers; what no cluster header stands on there is zero (6.2). */
function* resourceFile(
  version: VmfsVersion,
  { format, geometry, file, taken }: PlannedResources,
): Generator<FileRegion> {
  const header = () => {
    const block = Buffer.alloc(FIRST_GROUP_OFFSET)
    RESOURCE_FILE_HEADER.encode(headerFields(version, geometry, format.flags), block)
    return block
  }
  yield { offset: 0, length: FIRST_GROUP_OFFSET, data: header }
  const headersBytes = geometry.clustersPerGroup * version.clusters.headerBytes
  for (let group = 0; group < geometry.groups; group++) {
    const start = geometry.headerOffset(group * geometry.clustersPerGroup)
    // The descriptors of files that are not there yet are zero (8); of other resources nobody reads what is free.
    const zero = format.address === SYSTEM_FD.fdc ? geometry.groupBytes : headersBytes
    yield { offset: start, length: Math.min(zero, geometry.fileLength - start) }
  }
  const isFdc = format.lockType === LOCK_TYPE.fileDescriptors
  yield* clusterHeaders(version, geometry, file, format.lockType, ONE_BIT, (cluster, number) => {
    takeFirst(cluster, taken - number * geometry.resourcesPerCluster)
    if (isFdc && cluster.free < cluster.total) cluster.lastGeneration = SYSTEM_GENERATION
  })
}

function headerFields({ clusters }: VmfsVersion, geometry: ResourceGeometry, flags: number) {
  const fields = geometryFields(geometry)
  if (!clusters.signature) return fields
  const affinity = { affinityPerCluster: geometry.resourcesPerCluster, affinityPerResource: 1 }
  return { ...fields, ...affinity, signature: RESOURCE_FILE_SIGNATURE, version: 1, flags, bitsPerResource: 1 }
}

/** .fbb.sf: the bitmap of VMFS5, or both levels of VMFS6 with every large file block handed out as small ones. */
function* fileBlocks({ version, places, fbb, usedBlocks }: FormatPlan): Generator<FileRegion> {
  yield { offset: 0, length: places.fileLength }
  yield { offset: 0, length: FIRST_GROUP_OFFSET, data: () => fileBlockHeaders(version, places) }
  const take = (cluster: Cluster, number: number) =>
    takeFirst(cluster, usedBlocks - number * places.resourcesPerCluster)
  if (!(places instanceof FileBlockGeometry))
    return yield* clusterHeaders(version, places, fbb, version.fbb.lockType, ONE_BIT, take)
  yield* clusterHeaders(version, places, fbb, version.fbb.lockType, SMALL_FILE_BLOCK_BITS, take)
  const split = (cluster: Cluster) => {
    for (let large = 0; large < cluster.total; large++) cluster.split(large)
  }
  yield* clusterHeaders(version, places.large, fbb, LOCK_TYPE.largeFileBlocks, LARGE_FILE_BLOCK_BITS, split)
}

function fileBlockHeaders(version: VmfsVersion, places: FileBlockPlaces): Buffer {
  const block = Buffer.alloc(FIRST_GROUP_OFFSET)
  if (!(places instanceof FileBlockGeometry))
    return RESOURCE_FILE_HEADER.encode(headerFields(version, places, 0), block)
  RESOURCE_FILE_HEADER.encode(
    {
      ...{ ...headerFields(version, places.large, 0x35), bitsPerResource: LARGE_FILE_BLOCK_BITS.width },
      ...{ affinityPerCluster: 840, affinityPerResource: 52, childHeaderOffset: SMALL_HEADER_OFFSET },
    },
    block,
  )
  const { resourcesPerCluster, clustersPerGroup, groupBytes, resources } = places.large
  const parent = { parentResourcesPerCluster: resourcesPerCluster, parentClustersPerGroup: clustersPerGroup }
  return RESOURCE_FILE_HEADER.encode(
    {
      ...{ ...headerFields(version, places.small, 0x2a), bitsPerResource: SMALL_FILE_BLOCK_BITS.width },
      ...{ ...parent, parentGroupBytes: groupBytes, convertedClusters: resources, affinityPerCluster: 216 },
    },
    block,
    SMALL_HEADER_OFFSET,
  )
}

/** All cluster headers of one kind, those that stand side by side in one region. */
function* clusterHeaders(
  version: VmfsVersion,
  places: ClusterPlaces,
  file: SystemFile,
  type: number,
  bits: ResourceBits,
  prepare: (cluster: Cluster, number: number) => void,
): Generator<FileRegion> {
  const { headerBytes, sectorBytes } = version.clusters
  for (let first = 0; first < places.clusters; ) {
    const lowest = first
    const start = places.headerOffset(lowest)
    let end = first + 1
    while (end < places.clusters && places.headerOffset(end) === start + (end - lowest) * headerBytes) end++
    const numbers = Array.from({ length: end - lowest }, (_, index) => lowest + index)
    const data = () => {
      const region = Buffer.alloc(numbers.length * headerBytes)
      for (const [index, number] of numbers.entries()) {
        const cluster = Cluster.empty(version.clusters, number, places.total(number), bits)
        prepare(cluster, number)
        const at = index * headerBytes
        encodeLock({ type, offset: volumeOffset(file, start + at), token: 1n }, region, at)
        cluster.sector.copy(region, at + sectorBytes)
      }
      return region
    }
    yield { offset: start, length: numbers.length * headerBytes, data }
    first = end
  }
}

function takeFirst(cluster: Cluster, count: number): void {
  for (let resource = 0; resource < Math.min(count, cluster.total); resource++) cluster.take(resource)
}

/** The descriptors of the system files, which stand side by side at the start of .fdc.sf. */
function* descriptors({ version, files, fdc }: FormatPlan, seconds: number): Generator<FileRegion> {
  const { bytes } = version.fileDescriptors
  for (const file of files) {
    const { cluster, resource } = decodeFdAddress(file.address)
    const offset = fdc.geometry.resourceOffset(cluster, resource)
    const place = volumeOffset(fdc.file, offset)
    yield { offset, length: bytes, data: () => descriptor(version, file, place, seconds) }
  }
}

function descriptor({ fileDescriptors }: VmfsVersion, file: SystemFile, offset: number, seconds: number): Buffer {
  const image = Buffer.alloc(fileDescriptors.bytes)
  const { address, links, type, mode, length, blocks } = file
  encodeLock({ type: LOCK_TYPE.fileDescriptor, offset, token: 1n }, image)
  encodeFileMeta(
    fileDescriptors,
    {
      ...{ address, generation: SYSTEM_GENERATION, links, type, mode, length, zla: ZLA.fileBlocks },
      ...{ blockBytes: FILE_BLOCK_BYTES, blocks: blocks.length, newBlocks: blocks.length, blockShift: BLOCK_SHIFT },
      ...{ modifiedAt: seconds, changedAt: seconds, accessedAt: seconds },
      ...{ signature: fileDescriptors.signature, affinity: address, toBeZeroedShift: BLOCK_SHIFT },
    },
    image,
  )
  for (const [index, block] of blocks.entries())
    setFileAddress(fileDescriptors, image, index, { kind: 'file block', block })
  return image
}

/** The first sector of each journal, so that none is taken for a record that an earlier volume left. */
function* journals({ version, journalOffsets }: FormatPlan): Generator<FormatRegion> {
  for (const offset of journalOffsets) yield { offset, length: version.sectorBytes }
}
