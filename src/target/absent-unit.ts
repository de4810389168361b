// Commands to a LUN that has no logical unit for this initiator (SPC-4 5.10.2): INQUIRY says that there is none, REPORT LUNS
// works (LUN 0 need not exist for it), REQUEST SENSE tells why, everything else is refused.

import { operationCode } from '../../protocol/scsi/commands/cdb.ts'
import { INQUIRY } from '../../protocol/scsi/commands/inquiry.ts'
import { REPORT_LUNS } from '../../protocol/scsi/commands/report-luns.ts'
import { REQUEST_SENSE } from '../../protocol/scsi/commands/request-sense.ts'
import { encodeStandardInquiry, NO_LOGICAL_UNIT } from '../../protocol/scsi/inquiry.ts'
import { encodeReportLuns } from '../../protocol/scsi/report-luns.ts'
import { SENSE, SenseError } from '../../protocol/scsi/sense.ts'
import { encodeSense } from '../../protocol/scsi/sense-data.ts'
import type { Task } from './task.ts'

const SPC_4 = 6

const ANSWERS: ReadonlyMap<number, (task: Task) => void> = new Map([
  [operationCode(INQUIRY), inquiry],
  [operationCode(REPORT_LUNS), reportLuns],
  [operationCode(REQUEST_SENSE), requestSense],
])

export function executeWithoutUnit(task: Task): void {
  const answer = ANSWERS.get(task.operationCode)
  if (!answer) throw new SenseError(SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
  answer(task)
}

function inquiry(task: Task): void {
  const { evpd, allocationLength } = INQUIRY.decode(task.header, task.cdbOffset)
  if (evpd) throw new SenseError(SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
  task.respondWith(encodeStandardInquiry({ ...NO_LOGICAL_UNIT, version: SPC_4 }), allocationLength)
}

function reportLuns(task: Task): void {
  const { allocationLength } = REPORT_LUNS.decode(task.header, task.cdbOffset)
  task.respondWith(encodeReportLuns(task.target.lunMap(task.nexus).luns), allocationLength)
}

function requestSense(task: Task): void {
  const { desc, allocationLength } = REQUEST_SENSE.decode(task.header, task.cdbOffset)
  task.respondWith(
    encodeSense({ sense: SENSE.LOGICAL_UNIT_NOT_SUPPORTED }, desc ? 'descriptor' : 'fixed'),
    allocationLength,
  )
}
