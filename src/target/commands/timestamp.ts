// REPORT TIMESTAMP (SPC-4 6.38) and SET TIMESTAMP (SPC-4 6.46).

import type { REPORT_TIMESTAMP, SET_TIMESTAMP } from '../../../protocol/scsi/commands/timestamp.ts'
import { SENSE } from '../../../protocol/scsi/sense.ts'
import { decodeTimestampList, encodeTimestamp } from '../../../protocol/scsi/timestamp.ts'
import type { Task } from '../task.ts'
import { decodeParameters, parameterList } from './parameters.ts'

export function reportTimestamp(task: Task<typeof REPORT_TIMESTAMP>): void {
  task.respondWith(encodeTimestamp(task.lu.clock.read()), task.cdb.allocationLength)
}

/** A list of no length changes nothing. */
export async function setTimestamp(task: Task<typeof SET_TIMESTAMP>): Promise<void> {
  const { lu, nexus, cdb } = task
  if (cdb.parameterListLength === 0) return
  const list = await parameterList(task, cdb.parameterListLength)
  task.throwIfAborted()
  lu.clock.set(decodeParameters(() => decodeTimestampList(list)))
  lu.unitAttentions.establishForAll(SENSE.TIMESTAMP_CHANGED, nexus)
}
