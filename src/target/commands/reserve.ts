// RESERVE and RELEASE(6) and (10) (SPC-2 7.16, 7.17, 7.21, 7.22): the whole logical unit for one I_T nexus. Who may not have
// it was told RESERVATION CONFLICT before these run.

import type { Task } from '../task.ts'

/** Nothing of another nexus is half done when the reservation stands: a COMPARE AND WRITE under way ends first. */
export function reserve({ lu, nexus }: Task): void | Promise<void> {
  lu.reservations.reserve(nexus)
  return lu.atomicsEnded()
}

/** A nexus that holds nothing releases nothing, and is told GOOD. */
export function release({ lu, nexus }: Task): void {
  lu.reservations.release(nexus)
}
