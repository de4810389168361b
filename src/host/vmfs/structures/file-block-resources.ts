// The file blocks of VMFS6 (notes, 6.5): .fbb.sf has two levels. Its first header describes the large file blocks of
// 512 MiB; the one at 0x1000 describes the small ones of 1 MiB, whose cluster headers are the "resources" of the large
// ones.

import { VmfsError } from '../errors.ts'
import { type ClusterPlaces, decodeGeometry, RESOURCE_FILE_HEADER, ResourceGeometry } from './resource-file.ts'

/** Where the header of the small file blocks stands in the file. */
export const SMALL_HEADER_OFFSET = 0x1000
const SMALL_PER_LARGE = 512

const CLUSTER_HEADER_BYTES = 8192
const LARGE = { resourcesPerCluster: 16, clustersPerGroup: 8, resourceBytes: CLUSTER_HEADER_BYTES } as const
const SMALL = { resourcesPerCluster: SMALL_PER_LARGE, clustersPerGroup: 8, resourceBytes: 0 } as const

/** Places of the clusters of small file blocks, and of those of the large ones above them. */
export class FileBlockGeometry implements ClusterPlaces {
  readonly resources: number
  readonly resourcesPerCluster = SMALL_PER_LARGE
  readonly large: ResourceGeometry
  readonly small: ResourceGeometry

  constructor(fileBlocks: number) {
    this.resources = fileBlocks
    const large = Math.ceil(fileBlocks / SMALL_PER_LARGE)
    this.large = new ResourceGeometry({ ...LARGE, resources: large, clusterHeaderBytes: CLUSTER_HEADER_BYTES })
    this.small = new ResourceGeometry({ ...SMALL, resources: fileBlocks, clusterHeaderBytes: CLUSTER_HEADER_BYTES })
  }

  get clusters(): number {
    return this.small.clusters
  }

  get fileLength(): number {
    return this.large.fileLength
  }

  /** A cluster of small file blocks has its header where the large file block has its resource. */
  headerOffset(cluster: number): number {
    const place = this.large.locate(cluster)
    return this.large.resourceOffset(place.cluster, place.resource)
  }

  total(cluster: number): number {
    return this.small.total(cluster)
  }

  locate(block: number): { cluster: number; resource: number } {
    return this.small.locate(block)
  }
}

/** @throws VmfsError 'damaged' for headers that contradict each other or that no volume has */
export function decodeFileBlockGeometry(source: Buffer, maxFileBlocks: number): FileBlockGeometry {
  const decode = (
    at: number,
    { resourceBytes, resourcesPerCluster }: { resourceBytes: number; resourcesPerCluster: number },
  ) =>
    decodeGeometry('.fbb.sf', source, at, CLUSTER_HEADER_BYTES, resourceBytes, {
      resourcesPerCluster,
      clusters: Math.ceil(maxFileBlocks / resourcesPerCluster),
    })
  const large = decode(0, LARGE)
  const small = decode(SMALL_HEADER_OFFSET, SMALL)
  const geometry = new FileBlockGeometry(small.resources)
  const said = RESOURCE_FILE_HEADER.decode(source)
  const agree =
    said.childHeaderOffset === SMALL_HEADER_OFFSET &&
    small.resourcesPerCluster === SMALL_PER_LARGE &&
    large.groupBytes === geometry.large.groupBytes &&
    large.resources === geometry.large.resources
  if (!agree)
    throw new VmfsError('damaged', '.fbb.sf: the headers of large and small file blocks contradict each other')
  return geometry
}
