// The cluster headers of every kind of resource against their places and against what uses the resources (vmfs-format.md, 6).

import { VmfsError } from '../errors.ts'
import type { ResourceFile } from '../resource-files.ts'
import type { AddressParts } from '../structures/address.ts'
import { encodeFdAddress } from '../structures/address.ts'
import { Cluster, LARGE_FILE_BLOCK_BITS, type ResourceBits } from '../structures/cluster.ts'
import { FileBlockGeometry } from '../structures/file-block-resources.ts'
import { decodeLock, encodeLock, LOCK_TYPE, type Lock } from '../structures/lock.ts'
import type { ClusterPlaces } from '../structures/resource-file.ts'
import type { Writing } from '../writing.ts'
import type { Claims, Counted } from './claims.ts'
import { type CheckContext, KEPT, type Mend } from './findings.ts'
import type { Slot } from './heartbeats.ts'
import { checkLock } from './locks.ts'
import { formatAddress } from './report.ts'

/** The clusters of one kind, as the checker walks them. */
interface Clusters {
  /** Of messages: ".sbc.sf". */
  readonly file: string
  readonly lockType: number
  readonly bits: ResourceBits
  readonly places: ClusterPlaces
  offset(cluster: number): Promise<number>
  readonly claims: Claims
  name(cluster: number, resource: number): { readonly what: string; readonly address?: string }
}

interface Header extends Clusters {
  readonly cluster: number
  readonly volumeOffset: number
}

export async function checkClusters(context: CheckContext, slots: ReadonlyMap<number, Slot>): Promise<void> {
  for (const clusters of allClusters(context))
    for (let cluster = 0; cluster < clusters.places.clusters; cluster++)
      await checkCluster(context, slots, { ...clusters, cluster, volumeOffset: await clusters.offset(cluster) })
}

function* allClusters(context: CheckContext): Generator<Clusters> {
  const { files, version } = context.volume
  const { headerBytes } = version.clusters
  yield clustersOf(context, files.fdc, 'file descriptor')
  yield clustersOf(context, files.fbb, 'file block')
  const { places } = files.fbb
  if (places instanceof FileBlockGeometry)
    yield {
      ...clustersOf(context, files.fbb, 'large file block'),
      ...{ lockType: LOCK_TYPE.largeFileBlocks, bits: LARGE_FILE_BLOCK_BITS, places: places.large },
      offset: (cluster) => files.fbb.offsetOf(places.large.headerOffset(cluster), headerBytes),
    }
  yield clustersOf(context, files.sbc, 'sub-block')
  yield clustersOf(context, files.pbc, 'pointer block')
  yield clustersOf(context, files.pb2, 'pb2 block')
  if (files.jbc) yield clustersOf(context, files.jbc, 'journal block')
}

function clustersOf(context: CheckContext, file: ResourceFile, kind: Counted): Clusters {
  const { addresses } = context.volume.version
  const claims = context.claims[kind]!
  const name = (cluster: number, resource: number) => {
    const block = cluster * claims.places.resourcesPerCluster + resource
    const isBlock = kind === 'file block' || kind === 'large file block'
    const parts: AddressParts = isBlock ? { kind, block } : { kind, cluster, resource }
    const raw = kind === 'file descriptor' ? BigInt(encodeFdAddress(cluster, resource)) : addresses.encode(parts)
    return { what: kind, address: formatAddress(raw, kind === 'file descriptor' ? 4 : addresses.bytes) }
  }
  const { lockType, bits, places } = file
  return { file: file.name, lockType, bits, places, offset: (c) => file.headerOffset(c), claims, name }
}

async function checkCluster(context: CheckContext, slots: ReadonlyMap<number, Slot>, header: Header): Promise<void> {
  const { volume, findings } = context
  const { clusters } = volume.version
  const { file, cluster, volumeOffset, places, bits } = header
  const what = `cluster ${cluster} of ${file}`
  const image = await volume.cache.read(volumeOffset, clusters.headerBytes)
  let lock: Lock
  let state: Cluster
  try {
    lock = decodeLock(image)
    state = new Cluster(clusters, image.subarray(clusters.sectorBytes), bits)
    if (state.total !== places.total(cluster)) {
      findings.add(
        {
          name: 'cluster total',
          volumeOffset,
          message: `${what} has ${state.total} resources in its header, and ${places.total(cluster)} by its file's`,
          repair: 'the header is made anew from what is in use',
        },
        renew(context, header),
      )
      return
    }
  } catch (error) {
    if (!(error instanceof VmfsError)) throw error
    findings.add(
      {
        ...{ name: 'cluster header', volumeOffset, message: `${what}: ${error.message}` },
        repair: 'the header is made anew from what is in use',
      },
      renew(context, header),
    )
    return
  }
  checkLock(context, slots, { what, volumeOffset, type: header.lockType }, lock)
  checkCounts(context, header, state, what)
  compareBits(context, header, state)
}

function checkCounts(context: CheckContext, header: Header, state: Cluster, what: string): void {
  const { cluster, volumeOffset } = header
  const add = (name: 'cluster number' | 'cluster free count' | 'cluster hint', message: string) =>
    context.findings.add(
      { name, volumeOffset, message: `${what} ${message}`, repair: 'number, count and hint are set by the bitmap' },
      recount(context, header),
    )
  if (state.number !== cluster)
    add('cluster number', `has the number ${state.number} in its header instead of ${cluster}`)
  const free = state.countFree()
  if (state.free !== free)
    add('cluster free count', `has ${state.free} free resources by its count, and ${free} by its bitmap`)
  if (free > 0 && (state.hint >= state.total || !state.isFree(state.hint)))
    add('cluster hint', `has a hint at resource ${state.hint}, which is not free`)
}

function compareBits(context: CheckContext, header: Header, state: Cluster): void {
  const { cluster, volumeOffset, claims, lockType } = header
  for (let resource = 0; resource < state.total; resource++) {
    const free = state.isFree(resource)
    if (free !== claims.isUsed(cluster, resource)) continue
    // A descriptor that nothing leads to is an orphan, which is told of its own; a block that was split is in use by its parts.
    if (!free && (lockType === LOCK_TYPE.fileDescriptors || isSplit(header, state, resource))) continue
    const { what, address } = header.name(cluster, resource)
    const place = { volumeOffset, ...(address !== undefined && { address }) }
    const finding = free
      ? ({ ...place, name: 'used but free', message: `${what} ${address} is in use, and free in its bitmap` } as const)
      : ({ ...place, name: 'leak', message: `${what} ${address} is allocated, and nothing uses it` } as const)
    if (!free && context.findings.incomplete)
      context.findings.add({ ...finding, message: `${finding.message} ${KEPT}` })
    else context.findings.add({ ...finding, repair: free ? 'it is allocated' : 'it is freed' }, rebit(context, header))
  }
}

const isSplit = ({ bits }: Header, state: Cluster, resource: number): boolean =>
  bits.split !== undefined && state.value(resource) === bits.split

/** What stays allocated though nothing is known to use it. */
const keeps = ({ findings }: CheckContext, header: Header, state: Cluster, resource: number): boolean =>
  isSplit(header, state, resource) || (findings.incomplete && !state.isFree(resource))

/** The bits say what is used. */
function rebit(context: CheckContext, header: Header): Mend {
  const { cluster, claims, volumeOffset } = header
  return {
    ...editState(context, header, (state) => {
      const kept = Array.from({ length: state.total }, (_, resource) => keeps(context, header, state, resource))
      state.repair(cluster, (resource) => !kept[resource] && !claims.isUsed(cluster, resource))
    }),
    phase: 'bitmaps',
    key: `bits ${volumeOffset}`,
  }
}

/** Number and counts follow from the bits as they are. */
function recount(context: CheckContext, header: Header): Mend {
  return {
    ...editState(context, header, (state) => {
      const free = Array.from({ length: state.total }, (_, resource) => state.isFree(resource))
      state.repair(header.cluster, (resource) => free[resource]!)
    }),
    phase: 'headers',
    key: `counts ${header.volumeOffset}`,
  }
}

function editState({ volume }: CheckContext, { volumeOffset, bits }: Header, change: (state: Cluster) => void) {
  const { clusters } = volume.version
  const region = { offset: volumeOffset + clusters.sectorBytes, length: clusters.sectorBytes, lock: volumeOffset }
  return {
    run: (writing: Writing) =>
      writing.run(({ tx }) => tx.edit(region, (image) => change(new Cluster(clusters, image, bits)))),
  }
}

/** A header that cannot be read: everything but what is in use is free. */
function renew({ volume }: CheckContext, header: Header): Mend {
  const { clusters } = volume.version
  const { cluster, volumeOffset, claims, places, bits, lockType } = header
  return {
    phase: 'headers',
    key: `renew ${volumeOffset}`,
    run: (writing) =>
      writing.run(async ({ tx }) => {
        const state = Cluster.empty(clusters, cluster, places.total(cluster), bits)
        state.repair(cluster, (resource) => !claims.isUsed(cluster, resource))
        // What was handed out last is not known: far above what any cluster of descriptors has come to.
        if (lockType === LOCK_TYPE.fileDescriptors) state.lastGeneration = RENEWED_GENERATION
        const lock = encodeLock({ type: lockType, offset: volumeOffset, token: 1n }, Buffer.alloc(clusters.sectorBytes))
        await tx.replace(
          { offset: volumeOffset, length: clusters.headerBytes, lock: volumeOffset },
          Buffer.concat([lock, state.sector]),
        )
      }),
  }
}

const RENEWED_GENERATION = 2 ** 24
