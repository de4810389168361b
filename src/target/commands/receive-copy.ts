// What tells of third-party copies (84h): how far one has come (SPC-4 6.24, 6.25), what it has held (6.21, 6.20), why it has
// failed (6.22), which token it has made (6.28); what the copy manager accepts (6.23) and which tokens it knows (6.30).

import { serviceAction } from '../../../protocol/scsi/commands/cdb.ts'
import type {
  RECEIVE_COPY_DATA_LID1,
  RECEIVE_COPY_DATA_LID4,
  RECEIVE_COPY_FAILURE_DETAILS_LID1,
  RECEIVE_COPY_OPERATING_PARAMETERS,
  RECEIVE_COPY_STATUS_LID1,
  RECEIVE_COPY_STATUS_LID4,
  RECEIVE_ROD_TOKEN_INFORMATION,
  REPORT_ALL_ROD_TOKENS,
} from '../../../protocol/scsi/commands/receive-copy.ts'
import { POPULATE_TOKEN, WRITE_USING_TOKEN } from '../../../protocol/scsi/commands/rod-token.ts'
import {
  COPY_STATUS,
  encodeCopyData,
  encodeCopyFailure,
  encodeCopyStatus,
  encodeNoCopyFailure,
} from '../../../protocol/scsi/copy-status.ts'
import {
  COPY_STATUS_LID4,
  type CopyStatusLid4,
  encodeCopyDataLid4,
  encodeCopyStatusLid4,
  encodeRodTokenInformation,
  NO_STATUS_UPDATE,
  TRANSFER_COUNT_UNIT,
} from '../../../protocol/scsi/copy-status-lid4.ts'
import { encodeOperatingParameters } from '../../../protocol/scsi/extended-copy-parameters.ts'
import { encodeAllRodTokens } from '../../../protocol/scsi/rod-token.ts'
import { encodeSense } from '../../../protocol/scsi/sense-data.ts'
import { STATUS } from '../../../protocol/scsi/status.ts'
import type { Layout } from '../../../protocol/wire/layout.ts'
import type { CopyOperation } from '../copy-operations.ts'
import { operatingParameters } from '../copy-parameters.ts'
import { invalidCdbField } from '../device-server.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { Task } from '../task.ts'

/** How long an initiator may well wait before it asks again. */
const STATUS_UPDATE_DELAY_MS = 100
const NOTHING = Buffer.alloc(0)
/** Commands whose transfers count in logical blocks (SBC-3 5.7, 5.46). */
const COUNTS_BLOCKS = new Set([serviceAction(POPULATE_TOKEN), serviceAction(WRITE_USING_TOKEN)])

const STATUS_LID1 = {
  foreground: COPY_STATUS.running,
  background: COPY_STATUS.running,
  completed: COPY_STATUS.completed,
  failed: COPY_STATUS.failed,
  terminated: COPY_STATUS.failed,
} as const

/** What all that ask for one operation have in their CDBs. */
type Asking = Task<Layout> & { readonly cdb: { readonly listId: number; readonly allocationLength: number } }
type Told = Parameters<CopyOperation['tells']>[0]

export function receiveCopyStatus(task: Task<typeof RECEIVE_COPY_STATUS_LID1>): void {
  const operation = operationOf(task, (one) => one.tells('status'))
  task.lu.copies.told(operation, 'status') // however much of it is taken (SPC-4 6.24)
  const { state, transferred } = operation
  const data = encodeCopyStatus({ status: STATUS_LID1[state], segments: segmentsOf(operation), transferred })
  task.respondWith(data, task.cdb.allocationLength)
}

/** No segment descriptor that is implemented holds data. */
export function receiveCopyData(task: Task<typeof RECEIVE_COPY_DATA_LID1>): void {
  operationOf(task, ended)
  task.respondWith(encodeCopyData(NOTHING), task.cdb.allocationLength)
}

export function receiveCopyFailureDetails(task: Task<typeof RECEIVE_COPY_FAILURE_DETAILS_LID1>): void {
  const operation = operationOf(task, ended)
  const { failure } = operation
  const data = operation.tells('details')
    ? encodeCopyFailure({ status: failure?.status ?? STATUS.GOOD, sense: senseOf(failure, task.lu) })
    : encodeNoCopyFailure()
  tell(task, operation, 'details', data)
}

export function receiveCopyOperatingParameters(task: Task<typeof RECEIVE_COPY_OPERATING_PARAMETERS>): void {
  task.respondWith(encodeOperatingParameters(operatingParameters(task.lu)), task.cdb.allocationLength)
}

export function receiveCopyStatusLid4(task: Task<typeof RECEIVE_COPY_STATUS_LID4>): void {
  const operation = operationOf(task, () => true)
  task.respondWith(encodeCopyStatusLid4(statusOf(operation, task.lu)), task.cdb.allocationLength)
}

export function receiveCopyDataLid4(task: Task<typeof RECEIVE_COPY_DATA_LID4>): void {
  const operation = operationOf(task, () => true)
  task.respondWith(encodeCopyDataLid4(statusOf(operation, task.lu), NOTHING), task.cdb.allocationLength)
}

export function receiveRodTokenInformation(task: Task<typeof RECEIVE_ROD_TOKEN_INFORMATION>): void {
  const operation = operationOf(task, (one) => one.tells('token'))
  const { token } = operation
  const tokens = token ? [token] : []
  tell(task, operation, 'token', encodeRodTokenInformation({ ...statusOf(operation, task.lu), tokens }))
}

/** Those of logical units that the initiator sees. */
export function reportAllRodTokens(task: Task<typeof REPORT_ALL_ROD_TOKENS>): void {
  const { target, nexus, cdb } = task
  const tokens = target.rodTokens.of(target.visible(nexus)).map(({ token }) => token)
  task.respondWith(encodeAllRodTokens(tokens), cdb.allocationLength)
}

/** Once it has been told whole, or is not wanted, it is not kept (SPC-4 6.22, 6.28): what is cut can be asked for again. */
function tell(task: Asking, operation: CopyOperation, what: Told, data: Buffer): void {
  const { allocationLength } = task.cdb
  if (data.length <= allocationLength || allocationLength === 0) task.lu.copies.told(operation, what)
  task.respondWith(data, allocationLength)
}

function operationOf(task: Asking, can: (operation: CopyOperation) => boolean): CopyOperation {
  const operation = task.lu.copies.find(task.nexus, task.cdb.listId)
  if (!operation || !can(operation)) throw invalidCdbField(task, 'listId')
  return operation
}

const ended = ({ running }: CopyOperation): boolean => !running

/** With the one that is being processed (SPC-4 6.25). */
const segmentsOf = ({ segments, running, serviceAction: action }: CopyOperation): number =>
  running && !COUNTS_BLOCKS.has(action) ? segments + 1 : segments

function statusOf(operation: CopyOperation, lu: LogicalUnit): CopyStatusLid4 {
  const { state, serviceAction: responseToServiceAction, steps, transferred, running } = operation
  const terminated = state === 'terminated' // told as such, and no more (SPC-4 6.25)
  const failure = terminated ? { status: STATUS.TASK_ABORTED } : operation.failure
  const inBlocks = COUNTS_BLOCKS.has(responseToServiceAction)
  return {
    responseToServiceAction,
    status: operation.partial ? COPY_STATUS_LID4.partial : COPY_STATUS_LID4[state],
    operationCounter: steps & 0xffff,
    estimatedStatusUpdateDelay: running ? STATUS_UPDATE_DELAY_MS : NO_STATUS_UPDATE,
    completionStatus: failure?.status ?? STATUS.GOOD,
    unit: inBlocks ? TRANSFER_COUNT_UNIT.LOGICAL_BLOCKS : TRANSFER_COUNT_UNIT.BYTES,
    transferCount: BigInt(inBlocks ? Math.floor(transferred / lu.blockSize) : transferred),
    segments: segmentsOf(operation),
    sense: senseOf(failure, lu),
  }
}

function senseOf(failure: CopyOperation['failure'], { modes }: LogicalUnit): Buffer {
  if (!failure?.sense) return NOTHING
  return encodeSense(failure.sense, modes.descriptorSense ? 'descriptor' : 'fixed')
}
