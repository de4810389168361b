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
import { COPY_STATUS, encodeCopyData, encodeCopyFailure, encodeCopyStatus } from '../../../protocol/scsi/copy-status.ts'
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
  tell(task, 'status', ({ state, segments, transferred }) =>
    encodeCopyStatus({ status: STATUS_LID1[state], segments, transferred }),
  )
}

/** No segment descriptor that is implemented holds data. */
export function receiveCopyData(task: Task<typeof RECEIVE_COPY_DATA_LID1>): void {
  requireEnded(task)
  task.respondWith(encodeCopyData(NOTHING), task.cdb.allocationLength)
}

export function receiveCopyFailureDetails(task: Task<typeof RECEIVE_COPY_FAILURE_DETAILS_LID1>): void {
  tell(task, 'details', ({ failure }, lu) =>
    encodeCopyFailure({ status: failure?.status ?? STATUS.GOOD, sense: senseOf(failure, lu) }),
  )
}

export function receiveCopyOperatingParameters(task: Task<typeof RECEIVE_COPY_OPERATING_PARAMETERS>): void {
  task.respondWith(encodeOperatingParameters(operatingParameters(task.lu)), task.cdb.allocationLength)
}

export function receiveCopyStatusLid4(task: Task<typeof RECEIVE_COPY_STATUS_LID4>): void {
  tell(task, 'status', (operation, lu) => encodeCopyStatusLid4(statusOf(operation, lu)))
}

export function receiveCopyDataLid4(task: Task<typeof RECEIVE_COPY_DATA_LID4>): void {
  const operation = requireEnded(task)
  task.respondWith(encodeCopyDataLid4(statusOf(operation, task.lu), NOTHING), task.cdb.allocationLength)
}

export function receiveRodTokenInformation(task: Task<typeof RECEIVE_ROD_TOKEN_INFORMATION>): void {
  tell(task, 'token', (operation, lu) => {
    const { token } = operation
    return encodeRodTokenInformation({ ...statusOf(operation, lu), tokens: token ? [token] : [] })
  })
}

/** Those of logical units that the initiator sees. */
export function reportAllRodTokens(task: Task<typeof REPORT_ALL_ROD_TOKENS>): void {
  const { target, nexus, cdb } = task
  const tokens = target.rodTokens.of(target.visible(nexus)).map(({ token }) => token)
  task.respondWith(encodeAllRodTokens(tokens), cdb.allocationLength)
}

/** Once it has been told whole, it is not kept (SPC-4 6.24): what is cut can be asked for again. */
function tell(task: Asking, what: Told, encode: (operation: CopyOperation, lu: LogicalUnit) => Buffer): void {
  const { lu, nexus, cdb } = task
  const operation = lu.copies.find(nexus, cdb.listId)
  if (!operation?.tells(what)) throw invalidCdbField(task, 'listId')
  const data = encode(operation, lu)
  if (data.length <= cdb.allocationLength) lu.copies.told(operation, what)
  task.respondWith(data, cdb.allocationLength)
}

function requireEnded(task: Asking): CopyOperation {
  const operation = task.lu.copies.find(task.nexus, task.cdb.listId)
  if (!operation || operation.running) throw invalidCdbField(task, 'listId')
  return operation
}

function statusOf(operation: CopyOperation, lu: LogicalUnit): CopyStatusLid4 {
  const { state, serviceAction: responseToServiceAction, steps, failure, transferred, running } = operation
  const inBlocks = COUNTS_BLOCKS.has(responseToServiceAction)
  return {
    responseToServiceAction,
    status: COPY_STATUS_LID4[state],
    operationCounter: steps & 0xffff,
    estimatedStatusUpdateDelay: running ? STATUS_UPDATE_DELAY_MS : NO_STATUS_UPDATE,
    completionStatus: failure?.status ?? STATUS.GOOD,
    unit: inBlocks ? TRANSFER_COUNT_UNIT.LOGICAL_BLOCKS : TRANSFER_COUNT_UNIT.BYTES,
    transferCount: BigInt(inBlocks ? Math.floor(transferred / lu.blockSize) : transferred),
    segments: operation.segments,
    sense: senseOf(failure, lu),
  }
}

function senseOf(failure: CopyOperation['failure'], { modes }: LogicalUnit): Buffer {
  if (!failure?.sense) return NOTHING
  return encodeSense(failure.sense, modes.descriptorSense ? 'descriptor' : 'fixed')
}
