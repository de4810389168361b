// The target port groups of one target (SPC-4 5.11): one a portal, named by the portal group tag, each with one target port
// of the same number. The state of a group is a logical unit's own: who sets it for one unit says nothing about others, which
// it may not even see. All begin as active/optimized.

import { SENSE, SenseError } from '../../protocol/scsi/sense.ts'
import { ACCESS_STATE, ACCESS_STATUS, type TargetPortGroup } from '../../protocol/scsi/target-port-groups.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Need } from './readiness.ts'

/** Each portal is a portal group of its own, and so a target port and a target port group. */
export const portalGroupTag = (portalIndex: number): number => portalIndex + 1

/** The states that a group can be set to. */
const STATES: readonly number[] = [
  ACCESS_STATE.ACTIVE_OPTIMIZED,
  ACCESS_STATE.ACTIVE_NON_OPTIMIZED,
  ACCESS_STATE.STANDBY,
  ACCESS_STATE.UNAVAILABLE,
]

interface Group {
  readonly state: number
  readonly statusCode: number
}

export class PortGroups {
  /** Ascending: one for each portal of the array that leads to the target. */
  readonly tags: readonly number[]
  /** Of the units whose groups somebody has set. */
  readonly #units = new WeakMap<LogicalUnit, Map<number, Group>>()
  /** Some state has been set: the hot path asks this first. */
  #set = false

  constructor(tags: readonly number[]) {
    this.tags = tags
  }

  /** The sense that a command with this need ends with on a port of the group, if the group's state does not let it run. */
  refusal(lu: LogicalUnit, tag: number, need: Need): SenseError | undefined {
    if (!this.#set || need === 'nothing') return undefined
    const { state } = this.#groupOf(lu, tag)
    if (state === ACCESS_STATE.UNAVAILABLE)
      return new SenseError(SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_UNAVAILABLE_STATE)
    if (state === ACCESS_STATE.STANDBY && need !== 'unit')
      return new SenseError(SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_STANDBY_STATE)
    return undefined
  }

  has(tag: number): boolean {
    return this.tags.includes(tag)
  }

  /** Whether a group can be set to the state. */
  takes(state: number): boolean {
    return STATES.includes(state)
  }

  /** Changes the states of groups that there are to states that they can have; whether any is now different. */
  set(lu: LogicalUnit, states: ReadonlyMap<number, number>): boolean {
    const groups = this.#units.get(lu) ?? new Map<number, Group>()
    this.#units.set(lu, groups)
    this.#set = true
    let changed = false
    for (const [tag, state] of states) {
      if (this.#groupOf(lu, tag).state === state) continue
      groups.set(tag, { state, statusCode: ACCESS_STATUS.SET })
      changed = true
    }
    return changed
  }

  /** What REPORT TARGET PORT GROUPS tells of the unit, the same on every port. */
  report(lu: LogicalUnit): TargetPortGroup[] {
    return this.tags.map((tag) => ({
      group: tag,
      ...this.#groupOf(lu, tag),
      preferred: false,
      supported: STATES,
      ports: [tag],
    }))
  }

  #groupOf(lu: LogicalUnit, tag: number): Group {
    return this.#units.get(lu)?.get(tag) ?? UNTOUCHED
  }
}

const UNTOUCHED: Group = { state: ACCESS_STATE.ACTIVE_OPTIMIZED, statusCode: ACCESS_STATUS.NONE }
