// The reservations of one logical unit: RESERVE (SPC-2 5.5.1), held by an I_T nexus until it or the unit goes. What a
// command needs of a unit that somebody else has reserved is a class in its row.

import type { Nexus } from './nexus.ts'

/**
 * What a command needs: 'allow' nothing; 'legacy' that no other nexus holds a RESERVE, while persistent reservations let it
 * pass; 'read' what a read needs, 'write' what a write needs (SPC-4 tables 65 and 66, SBC-3 table 13).
 */
export type ReservationClass = 'allow' | 'legacy' | 'read' | 'write'

export class Reservations {
  /** Somebody has reserved the unit: the hot path asks this first. */
  held = false
  #reservedBy: Nexus | undefined

  /** Whether the command ends with RESERVATION CONFLICT. */
  refuse(nexus: Nexus, need: ReservationClass): boolean {
    return need !== 'allow' && this.#reservedBy !== undefined && this.#reservedBy !== nexus
  }

  reserve(nexus: Nexus): void {
    this.#reservedBy = nexus
    this.held = true
  }

  /** A nexus that holds nothing releases nothing. */
  release(nexus: Nexus): void {
    if (this.#reservedBy === nexus) this.reset()
  }

  /** Logical unit reset drops a RESERVE. */
  reset(): void {
    this.#reservedBy = undefined
    this.held = false
  }

  loseNexus(nexus: Nexus): void {
    this.release(nexus)
  }
}
