// Hands out the resources of a volume from the bitmaps of their clusters (notes, 6), and takes them back: within a transaction, so
// that what it does not commit was never taken. Next fit: a search goes on where the last one ended, which puts the blocks of one
// file side by side; and it stays in its cluster as long as that has any, for each host to have clusters that no other one locks.

import { VmfsError } from './errors.ts'
import { Cluster, type ResourceBits } from './structures/cluster.ts'
import type { ClusterPlaces } from './structures/resource-file.ts'
import type { Transaction } from './transaction.ts'
import type { VmfsVersion } from './version.ts'

/** The clusters that one kind of resource is handed out from. */
export interface ResourcePool {
  /** What a message calls them: "file blocks". */
  readonly plural: string
  readonly places: ClusterPlaces
  readonly bits: ResourceBits
  /** Where the header of a cluster stands in the volume: its lock, and the state behind it. */
  headerOffset(cluster: number): Promise<number>
  /** Whether the cluster hands out anything: false where it belongs to something larger. */
  isOpen?(tx: Transaction, cluster: number): Promise<boolean>
}

export interface Resource {
  readonly cluster: number
  readonly resource: number
}

export class Allocator {
  readonly #version: VmfsVersion
  readonly #pool: ResourcePool
  /** Where the next search starts. */
  #next: Resource
  /** Clusters that had nothing left when they were last looked at. */
  readonly #full = new Set<number>()
  /** The one that had something left then, and most likely has. */
  #roomy: number | undefined

  /** @param spread another number for each host that has the volume open: it starts at another cluster */
  constructor(version: VmfsVersion, pool: ResourcePool, spread = 0) {
    this.#version = version
    this.#pool = pool
    this.#next = { cluster: spread % Math.max(1, pool.places.clusters), resource: 0 }
  }

  /** What was taken may not have been committed: nothing that was learned of clusters holds. */
  forget(): void {
    this.#full.clear()
  }

  /**
   * Takes one resource: of a cluster that no other host has locked, where there is one.
   * @throws VmfsError 'no space'
   */
  async take(tx: Transaction): Promise<Resource> {
    const busy: Resource[] = []
    for (const start of this.#starts()) {
      const taken = await this.#takeFrom(tx, start, 'at once')
      if (typeof taken === 'object') return taken
      if (taken === 'busy') busy.push(start)
    }
    for (const start of busy) {
      const taken = await this.#takeFrom(tx, { ...start, resource: 0 }, 'waiting')
      if (typeof taken === 'object') return taken
    }
    throw new VmfsError('no space', `the volume has no ${this.#pool.plural} left: remove files that are not needed`)
  }

  /** Where a search looks: from the last one's end on, before that in the same cluster, in the others. */
  *#starts(): Generator<Resource> {
    const { clusters } = this.#pool.places
    const { cluster: first, resource } = this.#next
    if (clusters > 0) yield { cluster: first, resource }
    if (resource > 0) yield { cluster: first, resource: 0 }
    for (let step = 1; step < clusters; step++) yield { cluster: (first + step) % clusters, resource: 0 }
  }

  /**
   * Moves the start of the next search to a run of `length` free resources of one cluster, if one of the clusters from there on
   * has it.
   */
  async seekRun(tx: Transaction, length: number): Promise<void> {
    const { places } = this.#pool
    const wanted = Math.min(length, places.resourcesPerCluster)
    for (let step = 0; step < Math.min(places.clusters, MAX_CLUSTERS_SOUGHT); step++) {
      const cluster = (this.#next.cluster + step) % places.clusters
      if (this.#full.has(cluster)) continue
      const state = await this.#open(tx, cluster)
      const from = step === 0 ? this.#next.resource : 0
      const resource = state && findRun(from, state.total, wanted, (index) => this.#isFree(tx, state, cluster, index))
      if (resource === undefined) continue
      this.#next = { cluster, resource }
      return
    }
  }

  /** Gives a resource back; it is not handed out again before this transaction is committed. */
  async release(tx: Transaction, { cluster, resource }: Resource): Promise<void> {
    tx.markFreed(this.#key(cluster, resource))
    await this.#edit(tx, cluster, (state) => state.release(resource))
    this.#full.delete(cluster)
  }

  /** Edits the state of one cluster, under its lock. */
  async #edit<Result>(tx: Transaction, cluster: number, change: (state: Cluster) => Result): Promise<Result> {
    const { region, bits } = await this.#stateOf(cluster)
    return await tx.edit(region, (image) => change(new Cluster(this.#version.clusters, image, bits)))
  }

  /** For the descriptors: the generation of a file that starts its life in this cluster. */
  async nextGeneration(tx: Transaction, cluster: number): Promise<number> {
    return await this.#edit(tx, cluster, (state) => {
      state.lastGeneration = state.lastGeneration >= MAX_GENERATION ? 1 : state.lastGeneration + 1
      return state.lastGeneration
    })
  }

  async #takeFrom(tx: Transaction, from: Resource, how: 'at once' | 'waiting'): Promise<Resource | 'none' | 'busy'> {
    const { cluster } = from
    if (this.#full.has(cluster)) return 'none'
    if (this.#roomy !== cluster && !(await this.#hasRoom(tx, cluster))) return 'none'
    const { lock } = (await this.#stateOf(cluster)).region
    if (how === 'waiting') await tx.lock(lock)
    else if (!(await tx.tryLock(lock))) return 'busy'
    const state = (await this.#hasRoom(tx, cluster)) && (await this.#open(tx, cluster))
    if (!state) return 'none'
    for (let { resource } = from; resource < state.total; resource++) {
      if (!this.#isFree(tx, state, cluster, resource)) continue
      await this.#edit(tx, cluster, (edited) => edited.take(resource))
      this.#next = { cluster, resource: resource + 1 }
      this.#roomy = state.free > 1 ? cluster : undefined
      return { cluster, resource }
    }
    return 'none'
  }

  async #hasRoom(tx: Transaction, cluster: number): Promise<boolean> {
    const state = await this.#open(tx, cluster)
    if (state && state.free > 0) return true
    this.#full.add(cluster)
    if (this.#roomy === cluster) this.#roomy = undefined
    return false
  }

  async #open(tx: Transaction, cluster: number): Promise<Cluster | undefined> {
    if (this.#pool.isOpen && !(await this.#pool.isOpen(tx, cluster))) return undefined
    const { region, bits } = await this.#stateOf(cluster)
    return new Cluster(this.#version.clusters, await tx.read(region.offset, region.length), bits)
  }

  #isFree(tx: Transaction, state: Cluster, cluster: number, resource: number): boolean {
    return state.isFree(resource) && !tx.hasFreed(this.#key(cluster, resource))
  }

  async #stateOf(cluster: number) {
    const { sectorBytes } = this.#version.clusters
    const lock = await this.#pool.headerOffset(cluster)
    return { region: { offset: lock + sectorBytes, length: sectorBytes, lock }, bits: this.#pool.bits }
  }

  #key(cluster: number, resource: number): string {
    return `${this.#pool.plural} ${cluster} ${resource}`
  }
}

/** How far a run of free resources is looked for before any free one is good enough. */
const MAX_CLUSTERS_SOUGHT = 64
const MAX_GENERATION = 2 ** 32 - 1

function findRun(from: number, end: number, length: number, isFree: (resource: number) => boolean): number | undefined {
  let start = from
  for (let resource = from; resource < end; resource++) {
    if (!isFree(resource)) start = resource + 1
    else if (resource - start + 1 === length) return start
  }
  return undefined
}
