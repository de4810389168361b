// The target port groups of one target (SPC-4 5.11): one a portal, named by the portal group tag, each with one target port
// of the same number. SET TARGET PORT GROUPS changes their states, for all logical units of the target; they all begin as
// active/optimized.

import { SENSE, SenseError } from '../../protocol/scsi/sense.ts'
import { ACCESS_STATE, ACCESS_STATUS, type TargetPortGroup } from '../../protocol/scsi/target-port-groups.ts'
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
  state: number
  statusCode: number
}

export class PortGroups {
  /** Ascending: one for each portal of the array that leads to the target. */
  readonly tags: readonly number[]
  readonly #groups: ReadonlyMap<number, Group>
  /** Some group is neither active/optimized nor active/non-optimized: the hot path asks this first. */
  #restricted = false

  constructor(tags: readonly number[]) {
    this.tags = tags
    const begin = (): Group => ({ state: ACCESS_STATE.ACTIVE_OPTIMIZED, statusCode: ACCESS_STATUS.NONE })
    this.#groups = new Map(tags.map((tag) => [tag, begin()]))
  }

  /** The sense that a command with this need ends with on a port of the group, if the group's state does not let it run. */
  refusal(tag: number, need: Need): SenseError | undefined {
    if (!this.#restricted || need === 'nothing') return undefined
    const state = this.#groups.get(tag)?.state
    if (state === ACCESS_STATE.UNAVAILABLE)
      return new SenseError(SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_UNAVAILABLE_STATE)
    if (state === ACCESS_STATE.STANDBY && need !== 'unit')
      return new SenseError(SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_STANDBY_STATE)
    return undefined
  }

  has(tag: number): boolean {
    return this.#groups.has(tag)
  }

  /** Whether a group can be set to the state. */
  takes(state: number): boolean {
    return STATES.includes(state)
  }

  /** Changes the states of groups that there are to states that they can have; whether any is now different. */
  set(states: ReadonlyMap<number, number>): boolean {
    let changed = false
    for (const [tag, state] of states) {
      const group = this.#groups.get(tag) as Group
      if (group.state === state) continue
      group.state = state
      group.statusCode = ACCESS_STATUS.SET
      changed = true
    }
    this.#restricted = [...this.#groups.values()].some(
      ({ state }) => state === ACCESS_STATE.STANDBY || state === ACCESS_STATE.UNAVAILABLE,
    )
    return changed
  }

  /** What REPORT TARGET PORT GROUPS tells, the same on every port. */
  report(): TargetPortGroup[] {
    return [...this.#groups].map(([tag, { state, statusCode }]) => ({
      group: tag,
      state,
      statusCode,
      preferred: false,
      supported: STATES,
      ports: [tag],
    }))
  }
}
