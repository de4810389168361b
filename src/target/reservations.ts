// The reservations of one logical unit: RESERVE (SPC-2 5.5.1), held by an I_T nexus until it or the unit goes, and persistent
// reservations (SPC-4 5.13), which outlive both. What a command needs of a reserved unit is a class in its row.

import type { UnitState } from '../config/unit-state.ts'
import type { Nexus } from './nexus.ts'
import {
  accessOf,
  admitsRegistrants,
  type Change,
  holds,
  NO_REGISTRATIONS,
  nexusKey,
  type PersistentState,
} from './persistent-reservation.ts'
import { savedPersistentState, savedStateOf } from './persistent-reservation-state.ts'

/**
 * What a command needs: 'allow' nothing; 'legacy' that no other nexus holds a RESERVE, while persistent reservations let it
 * pass; 'read' what a read needs, 'write' what a write needs (SPC-4 tables 65 and 66, SBC-3 table 13).
 */
export type ReservationClass = 'allow' | 'legacy' | 'read' | 'write'

/** Of the unit's state. */
const PART = 'persistentReservations'

export class Reservations {
  /** Somebody has reserved the unit: the hot path asks this first. */
  held = false
  /** Whether persistent reservations can be made to outlive a restart (PTPL_C). */
  readonly canPersist: boolean

  readonly #unitState: UnitState
  #reservedBy: Nexus | undefined
  #persistent: PersistentState
  /** What the persistent reservation leaves each nexus that has asked; forgotten when anything changes. */
  #access = new WeakMap<Nexus, ReturnType<typeof accessOf>>()
  #changing = 0
  #turn: Promise<void> = Promise.resolve()

  /** Throws OperatorError when what was kept makes no sense. */
  constructor(unitState: UnitState) {
    this.#unitState = unitState
    this.canPersist = unitState.persistent
    this.#persistent = unitState.load(PART, savedPersistentState) ?? NO_REGISTRATIONS
    this.#settle()
  }

  /** Whether the command ends with RESERVATION CONFLICT. */
  refuse(nexus: Nexus, need: ReservationClass): boolean {
    if (need === 'allow') return false
    if (this.#reservedBy !== undefined) return this.#reservedBy !== nexus
    if (need === 'legacy') return false
    let access = this.#access.get(nexus)
    if (access === undefined) {
      access = accessOf(this.#persistent, nexusKey(nexus))
      this.#access.set(nexus, access)
    }
    return access === 'none' || (access === 'read' && need === 'write')
  }

  /** A RESERVE stands, whoever holds it. */
  get reserved(): boolean {
    return this.#reservedBy !== undefined
  }

  /** Who holds a RESERVE. */
  get reservedBy(): Nexus | undefined {
    return this.#reservedBy
  }

  get persistent(): PersistentState {
    return this.#persistent
  }

  /** RESERVE and RELEASE of this nexus end with GOOD and do nothing (SPC-4 5.13.3, compatible reservation handling). */
  isCompatible(nexus: Nexus): boolean {
    const { registrations, reservation } = this.#persistent
    const name = nexusKey(nexus)
    if (!reservation) return false
    return holds(this.#persistent, name) || (admitsRegistrants(reservation.type) && registrations.has(name))
  }

  reserve(nexus: Nexus): void {
    this.#reservedBy = nexus
    this.#settle()
  }

  /** A nexus that holds nothing releases nothing. */
  release(nexus: Nexus): void {
    if (this.#reservedBy === nexus) this.reset()
  }

  /** Logical unit reset drops a RESERVE, and nothing that is persistent. */
  reset(): void {
    this.#reservedBy = undefined
    this.#settle()
  }

  /** Resolves when the changes under way have been made; undefined when none is. */
  get settled(): Promise<void> | undefined {
    return this.#changing === 0 ? undefined : this.#turn
  }

  /**
   * Changes the persistent state, one change at a time: `decide` sees the state that the one before left. With APTPL it is on
   * stable storage before it takes effect, and before `effect` runs; where it cannot be saved, nothing has changed.
   */
  change(decide: (state: PersistentState) => Change, effect: (change: Change) => void): Promise<void> {
    this.#changing++
    const done = this.#turn
      .then(() => this.#change(decide, effect))
      .finally(() => {
        this.#changing--
      })
    this.#turn = done.catch(() => {})
    return done
  }

  async #change(decide: (state: PersistentState) => Change, effect: (change: Change) => void): Promise<void> {
    const change = decide(this.#persistent)
    if (change.state === this.#persistent) return
    if (change.state.aptpl || this.#persistent.aptpl) await this.#unitState.save(PART, savedStateOf(change.state))
    this.#persistent = change.state
    this.#settle()
    effect(change)
  }

  #settle(): void {
    this.#access = new WeakMap()
    this.held = this.#reservedBy !== undefined || this.#persistent.reservation !== undefined
  }
}
