// The medium of a logical unit as something that may be taken out (SBC-3 4.3.2): whether it is in, and who keeps it there.
// A removable medium goes by START STOP UNIT alone, and comes back as it was; at the start of the array it is in.

import type { Nexus } from './nexus.ts'

export class RemovableMedium {
  removable: boolean
  present = true
  readonly #preventing = new Set<Nexus>()

  constructor(removable: boolean) {
    this.removable = removable
  }

  /** A medium that cannot be taken out is in, and nobody needs to keep it there. */
  configure(removable: boolean): void {
    this.removable = removable
    if (removable) return
    this.present = true
    this.reset()
  }

  /** Some I_T nexus prevents the removal. */
  get prevented(): boolean {
    return this.#preventing.size > 0
  }

  prevent(nexus: Nexus): void {
    this.#preventing.add(nexus)
  }

  /** Also what an I_T nexus loss does (SBC-3 5.10). */
  allow(nexus: Nexus): void {
    this.#preventing.delete(nexus)
  }

  /** Logical unit reset: nobody prevents anything. A medium that is out stays out. */
  reset(): void {
    this.#preventing.clear()
  }
}
