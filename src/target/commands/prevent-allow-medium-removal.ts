// PREVENT ALLOW MEDIUM REMOVAL (SBC-3 5.10): each I_T nexus for itself. Every logical unit has the command, since hosts send
// it without asking; it matters where the medium is removable.

import type { PREVENT_ALLOW_MEDIUM_REMOVAL } from '../../../protocol/scsi/commands/prevent-allow-medium-removal.ts'
import { STATUS } from '../../../protocol/scsi/status.ts'
import { invalidCdbField } from '../device-server.ts'
import { StatusError } from '../failures.ts'
import type { Task } from '../task.ts'

/** PREVENT: the two values for medium changers are obsolete (SBC-3 table 44). */
const ALLOWED = 0
const PREVENTED = 1

export function preventAllowMediumRemoval(task: Task<typeof PREVENT_ALLOW_MEDIUM_REMOVAL>): void {
  const { lu, nexus, cdb } = task
  if (cdb.prevent > PREVENTED) throw invalidCdbField(task, 'prevent')
  if (cdb.prevent === ALLOWED) lu.medium.allow(nexus)
  // To allow is allowed whoever holds a reservation; to prevent is not (SBC-3 table 13).
  else if (lu.refuses(nexus, 'write')) throw new StatusError(STATUS.RESERVATION_CONFLICT)
  else lu.medium.prevent(nexus)
}
