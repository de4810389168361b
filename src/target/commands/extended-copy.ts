// EXTENDED COPY(LID1) (SPC-4 6.5), the VAAI primitive clone, and what tells of it: RECEIVE COPY STATUS(LID1) (SPC-4 6.24) and
// RECEIVE COPY OPERATING PARAMETERS (SPC-4 6.23).

import type { EXTENDED_COPY_LID1 } from '../../../protocol/scsi/commands/extended-copy.ts'
import type {
  RECEIVE_COPY_OPERATING_PARAMETERS,
  RECEIVE_COPY_STATUS_LID1,
} from '../../../protocol/scsi/commands/receive-copy.ts'
import { COPY_STATUS, encodeCopyStatus } from '../../../protocol/scsi/copy-status.ts'
import { LIST_ID_USAGE, parseCopyList } from '../../../protocol/scsi/extended-copy.ts'
import { encodeOperatingParameters } from '../../../protocol/scsi/extended-copy-parameters.ts'
import { SenseError } from '../../../protocol/scsi/sense.ts'
import { copySegments, operatingParameters } from '../copy-manager.ts'
import { invalidCdbField, invalidParameter } from '../device-server.ts'
import type { Task } from '../task.ts'
import { parameterList } from './parameters.ts'

export async function extendedCopy(task: Task<typeof EXTENDED_COPY_LID1>): Promise<void> {
  const { parameterListLength } = task.cdb
  if (parameterListLength === 0) return
  const { list, problem } = parseCopyList(await parameterList(task, parameterListLength), operatingParameters(task.lu))
  if (problem) throw new SenseError(problem.sense, problem)
  task.throwIfAborted()
  if (list.listIdUsage === LIST_ID_USAGE.NONE) return copySegments(task, list, undefined)
  const result = task.lu.copyResults.begin(task.nexus, list.listId)
  if (!result) throw invalidParameter(0) // the list identifier is in use
  try {
    await copySegments(task, list, result)
    result.status = 'completed'
  } catch (error) {
    result.status = 'failed'
    throw error
  }
}

export function receiveCopyStatus(task: Task<typeof RECEIVE_COPY_STATUS_LID1>): void {
  const { listId, allocationLength } = task.cdb
  const result = task.lu.copyResults.get(task.nexus, listId)
  if (!result) throw invalidCdbField(task, 'listId')
  const { status, segments, transferred } = result
  task.respondWith(encodeCopyStatus({ status: COPY_STATUS[status], segments, transferred }), allocationLength)
}

export function receiveCopyOperatingParameters(task: Task<typeof RECEIVE_COPY_OPERATING_PARAMETERS>): void {
  task.respondWith(encodeOperatingParameters(operatingParameters(task.lu)), task.cdb.allocationLength)
}
