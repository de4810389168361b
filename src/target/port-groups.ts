// The target port groups of one target (SPC-4 5.11): one a portal, named by the portal group tag.

import type { SenseError } from '../../protocol/scsi/sense.ts'
import type { Need } from './readiness.ts'

/** Each portal is a portal group of its own, and so a target port and a target port group. */
export const portalGroupTag = (portalIndex: number): number => portalIndex + 1

export class PortGroups {
  /** Ascending: one for each portal of the array that leads to the target. */
  readonly tags: readonly number[]

  constructor(tags: readonly number[]) {
    this.tags = tags
  }

  /** The sense that a command with this need ends with on a port of the group, if the group's state does not let it run. */
  refusal(_tag: number, _need: Need): SenseError | undefined {
    return undefined
  }
}
