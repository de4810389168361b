// Begins a copy operation for its command and ends it: in the foreground the command waits for it, in the background it goes
// on by itself, and what becomes of it is told to who asks (SPC-4 5.17.4).

import { AbortedError } from '../../luns/errors.ts'
import { serviceAction } from '../../protocol/scsi/commands/cdb.ts'
import { LIST_ID_USAGE } from '../../protocol/scsi/extended-copy.ts'
import { SENSE, type SenseDetails, SenseError } from '../../protocol/scsi/sense.ts'
import type { CopyOperation } from './copy-operations.ts'
import { failureOf } from './failures.ts'
import { type Task, TaskAborted } from './task.ts'

export interface CopyRequest {
  readonly task: Task
  /** Undefined: nobody will ask (LIST ID USAGE 11b). */
  readonly listId: number | undefined
  readonly immed: boolean
}

/** Runs `work`, which asks `operation.stopped` between its pieces and then throws an OperationStopped. */
export async function conduct(request: CopyRequest, work: (operation: CopyOperation) => Promise<void>): Promise<void> {
  const { task, listId, immed } = request
  task.throwIfAborted() // what is in the background is not aborted with its task
  const operation = task.lu.copies.begin(task, listId, serviceActionOf(task))
  if (operation === 'in use') throw new SenseError(SENSE.OPERATION_IN_PROGRESS)
  if (operation === 'too many') throw new SenseError(SENSE.INSUFFICIENT_RESOURCES)
  if (immed) {
    operation.toBackground()
    void work(operation).then(
      () => operation.end('completed'),
      (error: unknown) => endBadly(operation, error, task),
    )
    return
  }
  try {
    await work(operation)
    operation.end('completed')
  } catch (error) {
    endBadly(operation, error, task)
    task.throwIfAborted()
    throw error
  }
}

/** What ends the work of an operation that has been stopped: COPY OPERATION ABORT, or its task was aborted. */
export class OperationStopped extends SenseError {
  constructor(residual?: SenseDetails) {
    super(SENSE.COPY_CLEARED_BY_DEVICE_SERVER, residual)
  }
}

function endBadly(operation: CopyOperation, error: unknown, task: Task): void {
  const stopped = error instanceof OperationStopped || error instanceof TaskAborted || error instanceof AbortedError
  const { unexpected, ...failure } = failureOf(error, task)
  if (unexpected && !stopped && operation.state === 'background') task.transport.report(task, error)
  operation.end(stopped ? 'terminated' : 'failed', failure)
}

const serviceActionOf = ({ row }: Task): number => serviceAction(row.wire) ?? 0

/** The list identifier of an EXTENDED COPY, unless it goes without one. */
export const listIdOf = ({ listId, listIdUsage }: { listId: number; listIdUsage: number }): number | undefined =>
  listIdUsage === LIST_ID_USAGE.NONE ? undefined : listId
