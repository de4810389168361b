// REQUEST SENSE (SPC-4 6.39): a pending unit attention comes as parameter data and is cleared by that; without one, why the
// unit is not ready and how far what it does has come. Other sense data travel with the status that they belong to.

import type { REQUEST_SENSE } from '../../../protocol/scsi/commands/request-sense.ts'
import { SENSE } from '../../../protocol/scsi/sense.ts'
import { encodeSense } from '../../../protocol/scsi/sense-data.ts'
import type { Task } from '../task.ts'

export function requestSense(task: Task<typeof REQUEST_SENSE>): void {
  const { desc, allocationLength } = task.cdb
  const { unitAttentions, readiness } = task.lu
  const sense = unitAttentions.take(task.nexus) ?? readiness.sense ?? { sense: SENSE.NO_SENSE }
  task.respondWith(encodeSense(sense, desc ? 'descriptor' : 'fixed'), allocationLength)
}
