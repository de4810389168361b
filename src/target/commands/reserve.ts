// RESERVE and RELEASE(6) and (10) (SPC-2 7.16, 7.17, 7.21, 7.22): the whole logical unit for one I_T nexus. Whom another
// nexus's RESERVE keeps out was told RESERVATION CONFLICT before these run; beside persistent reservations they have only the
// place that compatible reservation handling leaves them (SPC-4 5.13.3).

import { STATUS } from '../../../protocol/scsi/status.ts'
import { StatusError } from '../failures.ts'
import type { Task } from '../task.ts'

export function reserve(task: Task): void | Promise<void> {
  return task.lu.reservations.settled ? reserveInTurn(task) : reserveNow(task)
}

/** A PERSISTENT RESERVE OUT under way is first: of the two methods only one can be in use. */
async function reserveInTurn(task: Task): Promise<void> {
  const { reservations } = task.lu
  for (let settled = reservations.settled; settled; settled = reservations.settled) await settled
  task.throwIfAborted()
  if (reservations.refuse(task.nexus, 'legacy')) throw new StatusError(STATUS.RESERVATION_CONFLICT)
  await reserveNow(task)
}

/** Nothing of another nexus is half done when the reservation stands: a COMPARE AND WRITE under way ends first. */
function reserveNow({ lu, nexus }: Task): void | Promise<void> {
  const { reservations } = lu
  if (reservations.isCompatible(nexus)) return
  if (reservations.persistent.registrations.size > 0) throw new StatusError(STATUS.RESERVATION_CONFLICT)
  reservations.reserve(nexus)
  return lu.atomicsEnded()
}

/** A nexus that holds nothing releases nothing, and is told GOOD; persistent reservations are not RELEASE's to end. */
export function release({ lu, nexus }: Task): void {
  lu.reservations.release(nexus)
}
