// Resource files (notes, 6): a header, then groups of clusters, each group its cluster headers first and its resources
// after. A header of 64 KiB says how many of each; every place follows from those numbers.

import { VmfsError } from '../errors.ts'
import { structure, u16, u32 } from './structure.ts'

/** Where the first group starts, in every resource file. */
export const FIRST_GROUP_OFFSET = 0x10000
export const RESOURCE_FILE_SIGNATURE = 0x72666d64

export const RESOURCE_FILE_HEADER = structure('resource file header', 512, {
  resourcesPerCluster: u32(0x00),
  clustersPerGroup: u32(0x04),
  firstGroupOffset: u32(0x08),
  /** 0 where the resources are blocks of the volume itself. */
  resourceBytes: u32(0x0c),
  groupBytes: u32(0x10),
  resources: u32(0x14),
  groups: u32(0x18),
  resourcesHigh: u32(0x1c),
  /** From here on VMFS6 alone. */
  signature: u32(0x20),
  version: u32(0x24),
  flags: u32(0x28),
  affinityPerCluster: u16(0x2c),
  affinityPerResource: u16(0x2e),
  bitsPerResource: u32(0x30),
  /** Offset of the header of the resources below these: small file blocks below large ones. */
  childHeaderOffset: u32(0x34),
  parentResourcesPerCluster: u32(0x38),
  parentClustersPerGroup: u32(0x3c),
  parentGroupBytes: u32(0x40),
  convertedClusters: u32(0x54),
})

/** The numbers that a file's places follow from. */
export interface ResourceLayout {
  readonly resourcesPerCluster: number
  readonly clustersPerGroup: number
  readonly resourceBytes: number
  readonly resources: number
  readonly clusterHeaderBytes: number
}

/** What a header may say at most; more is damage. */
export interface ResourceLimits {
  readonly resourcesPerCluster: number
  readonly clusters: number
}

/** What walks the clusters of a kind of resource asks of them. */
export interface ClusterPlaces {
  readonly clusters: number
  readonly resources: number
  readonly resourcesPerCluster: number
  /** Bytes from the start of the file. @throws VmfsError 'damaged' past the last cluster */
  headerOffset(cluster: number): number
  /** Resources of this cluster; the last one may be short. */
  total(cluster: number): number
  /** The cluster of the resource of this number, and its place there. @throws VmfsError 'damaged' past the last one */
  locate(resource: number): { cluster: number; resource: number }
}

/** The formulas of 6.2. Offsets count from the start of the file. */
export class ResourceGeometry implements ClusterPlaces {
  readonly resourcesPerCluster: number
  readonly clustersPerGroup: number
  readonly resourceBytes: number
  readonly resources: number
  readonly clusters: number
  readonly groupBytes: number
  readonly groups: number
  readonly #clusterHeaderBytes: number

  constructor(layout: ResourceLayout) {
    this.resourcesPerCluster = layout.resourcesPerCluster
    this.clustersPerGroup = layout.clustersPerGroup
    this.resourceBytes = layout.resourceBytes
    this.resources = layout.resources
    this.#clusterHeaderBytes = layout.clusterHeaderBytes
    this.clusters = layout.resources === 0 ? 0 : Math.ceil(layout.resources / layout.resourcesPerCluster)
    this.groups = Math.ceil(this.clusters / layout.clustersPerGroup)
    this.groupBytes = this.#headersBytes + this.clustersPerGroup * this.resourcesPerCluster * this.resourceBytes
  }

  /** Bytes, not rounded to the blocks that hold them. */
  get fileLength(): number {
    if (this.groups === 0) return FIRST_GROUP_OFFSET
    const before = (this.groups - 1) * this.clustersPerGroup * this.resourcesPerCluster
    const lastGroup = FIRST_GROUP_OFFSET + (this.groups - 1) * this.groupBytes
    return lastGroup + this.#headersBytes + (this.resources - before) * this.resourceBytes
  }

  headerOffset(cluster: number): number {
    this.total(cluster)
    return this.#groupOffset(cluster) + (cluster % this.clustersPerGroup) * this.#clusterHeaderBytes
  }

  /** @throws VmfsError 'damaged' for a resource that the cluster has not */
  resourceOffset(cluster: number, resource: number): number {
    if (!(resource >= 0 && resource < this.total(cluster)))
      throw new VmfsError('damaged', `resource ${resource} of cluster ${cluster}, which has ${this.total(cluster)}`)
    const inGroup = (cluster % this.clustersPerGroup) * this.resourcesPerCluster + resource
    return this.#groupOffset(cluster) + this.#headersBytes + inGroup * this.resourceBytes
  }

  total(cluster: number): number {
    if (!(cluster >= 0 && cluster < this.clusters))
      throw new VmfsError('damaged', `cluster ${cluster} of ${this.clusters}`)
    return Math.min(this.resourcesPerCluster, this.resources - cluster * this.resourcesPerCluster)
  }

  locate(resource: number): { cluster: number; resource: number } {
    if (!(resource >= 0 && resource < this.resources))
      throw new VmfsError('damaged', `resource ${resource} of ${this.resources}`)
    return {
      cluster: Math.floor(resource / this.resourcesPerCluster),
      resource: resource % this.resourcesPerCluster,
    }
  }

  get #headersBytes(): number {
    return this.clustersPerGroup * this.#clusterHeaderBytes
  }

  #groupOffset(cluster: number): number {
    return FIRST_GROUP_OFFSET + Math.floor(cluster / this.clustersPerGroup) * this.groupBytes
  }
}

/** The fields of a header that say the geometry, as `RESOURCE_FILE_HEADER.encode` takes them. */
export function geometryFields(geometry: ResourceGeometry) {
  const { resourcesPerCluster, clustersPerGroup, resourceBytes, groupBytes, resources, groups } = geometry
  const layout = { resourcesPerCluster, clustersPerGroup, resourceBytes, groupBytes, resources, groups }
  return { ...layout, firstGroupOffset: FIRST_GROUP_OFFSET, resourcesHigh: 0 }
}

/**
 * The geometry that the header at `at` describes.
 * @throws VmfsError 'damaged' for numbers that contradict each other or that no volume has
 */
export function decodeGeometry(
  name: string,
  source: Buffer,
  at: number,
  clusterHeaderBytes: number,
  resourceBytes: number,
  limits: ResourceLimits,
): ResourceGeometry {
  const header = RESOURCE_FILE_HEADER.decode(source, at)
  const wrong = (what: string) => new VmfsError('damaged', `${name}: the header says ${what}`)
  if (header.resourcesHigh !== 0) throw wrong('more than 2^32 resources')
  if (header.firstGroupOffset !== FIRST_GROUP_OFFSET) throw wrong(`that groups start at ${header.firstGroupOffset}`)
  if (header.resourceBytes !== resourceBytes)
    throw wrong(`resources of ${header.resourceBytes} bytes instead of ${resourceBytes}`)
  if (header.clustersPerGroup < 1 || header.clustersPerGroup > MAX_CLUSTERS_PER_GROUP)
    throw wrong(`${header.clustersPerGroup} clusters per group`)
  if (
    header.resourcesPerCluster > limits.resourcesPerCluster ||
    (header.resourcesPerCluster < 1 && header.resources > 0)
  )
    throw wrong(`${header.resourcesPerCluster} resources per cluster`)
  const geometry = new ResourceGeometry({ ...header, clusterHeaderBytes })
  if (geometry.clusters > limits.clusters) throw wrong(`${header.resources} resources in ${geometry.clusters} clusters`)
  if (geometry.groupBytes !== header.groupBytes)
    throw wrong(`groups of ${header.groupBytes} bytes instead of ${geometry.groupBytes}`)
  return geometry
}

const MAX_CLUSTERS_PER_GROUP = 4096
