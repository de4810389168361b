// REQUEST SENSE (SPC-4 6.39): a pending unit attention comes as parameter data and is cleared by that; otherwise there is
// nothing to tell, since sense data travel with the status of the command that they belong to.

import type { REQUEST_SENSE } from '../../../protocol/scsi/commands/request-sense.ts'
import { SENSE } from '../../../protocol/scsi/sense.ts'
import { encodeSense } from '../../../protocol/scsi/sense-data.ts'
import type { Task } from '../task.ts'

export function requestSense(task: Task<typeof REQUEST_SENSE>): void {
  const { desc, allocationLength } = task.cdb
  const sense = task.lu.unitAttentions.take(task.nexus) ?? SENSE.NO_SENSE
  task.respondWith(encodeSense({ sense }, desc ? 'descriptor' : 'fixed'), allocationLength)
}
