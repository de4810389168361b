// Who uses which resource: filled while files are walked, compared with the bitmaps after. Four bytes for each resource of a
// cluster in which any is used, so that what a volume of 2 TiB costs is bounded, whatever it holds.

import type { ClusterPlaces } from '../structures/resource-file.ts'

/** A kind of resource with a bitmap. */
export type Counted =
  | 'file block'
  | 'large file block'
  | 'sub-block'
  | 'pointer block'
  | 'file descriptor'
  | 'pb2 block'
  | 'journal block'

export class Claims {
  readonly places: ClusterPlaces
  /** By cluster: the descriptor that uses each resource, 0 for none. */
  readonly #owners = new Map<number, Uint32Array>()
  #used = 0

  constructor(places: ClusterPlaces) {
    this.places = places
  }

  get used(): number {
    return this.#used
  }

  /**
   * Notes that the descriptor at `owner` uses a resource.
   * @returns the address of the descriptor that uses it already, 0 when none does
   * @throws VmfsError 'damaged' for a resource that the volume has not
   */
  claim(cluster: number, resource: number, owner: number): number {
    const total = this.places.total(cluster)
    if (resource >= total) this.places.locate(Number.NaN)
    let owners = this.#owners.get(cluster)
    if (owners === undefined) {
      owners = new Uint32Array(total)
      this.#owners.set(cluster, owners)
    }
    const before = owners[resource] ?? 0
    if (before === 0) {
      owners[resource] = owner
      this.#used++
    }
    return before
  }

  isUsed(cluster: number, resource: number): boolean {
    return (this.#owners.get(cluster)?.[resource] ?? 0) !== 0
  }
}
