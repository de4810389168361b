// EXTENDED COPY(LID1) (SPC-4 6.5), the VAAI primitive clone, EXTENDED COPY(LID4) (SPC-4 6.4), and COPY OPERATION ABORT (SPC-4 6.3),
// which ends any copy operation of its nexus.

import type {
  COPY_OPERATION_ABORT,
  EXTENDED_COPY_LID1,
  EXTENDED_COPY_LID4,
} from '../../../protocol/scsi/commands/extended-copy.ts'
import { type CopyListResult, parseCopyList, parseCopyListLid4 } from '../../../protocol/scsi/extended-copy.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { conduct, listIdOf } from '../copy-conductor.ts'
import { copySegments, judgeCopyList } from '../copy-manager.ts'
import { operatingParameters } from '../copy-parameters.ts'
import { invalidCdbField } from '../device-server.ts'
import type { Task } from '../task.ts'
import { parameterList } from './parameters.ts'

export function extendedCopy(task: Task<typeof EXTENDED_COPY_LID1>): Promise<void> {
  return copy(task, task.cdb.parameterListLength, parseCopyList)
}

export function extendedCopyLid4(task: Task<typeof EXTENDED_COPY_LID4>): Promise<void> {
  return copy(task, task.cdb.parameterListLength, parseCopyListLid4)
}

type Parse = (source: Buffer, limits: ReturnType<typeof operatingParameters>) => CopyListResult

async function copy(task: Task, parameterListLength: number, parse: Parse): Promise<void> {
  if (parameterListLength === 0) return
  // The descriptors outlive the command's data when the copy goes on in the background.
  const source = Buffer.from(await parameterList(task, parameterListLength))
  const { list, problem } = parse(source, operatingParameters(task.lu))
  if (problem) throw new SenseError(problem.sense, problem)
  task.throwIfAborted()
  judgeCopyList(task, list)
  const { lu, nexus, target } = task
  await conduct({ task, listId: listIdOf(list), immed: list.immed }, (operation) =>
    copySegments({ lu, nexus, target }, list, operation),
  )
  if (list.gSense && !list.immed) throw new SenseError(SENSE.EXTENDED_COPY_INFORMATION_AVAILABLE)
}

/** GOOD when nothing of the operation can happen any more. */
export async function copyOperationAbort(task: Task<typeof COPY_OPERATION_ABORT>): Promise<void> {
  const operation = task.lu.copies.find(task.nexus, task.cdb.listId)
  if (!operation?.running) throw invalidCdbField(task, 'listId')
  operation.stop()
  await operation.ended
}
