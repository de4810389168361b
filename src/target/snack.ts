// SNACK Requests (RFC 7143 11.16): the initiator asks again for Data-In, R2Ts or statuses that it has not got, or says that it
// has got its data. From ErrorRecoveryLevel 1 on.

import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import { RESERVED_TAG } from '../../protocol/iscsi/opcodes.ts'
import { REJECT_REASON } from '../../protocol/iscsi/reject.ts'
import { SNACK_REQUEST, SNACK_TYPE } from '../../protocol/iscsi/snack-request.ts'
import type { Decoded } from '../../protocol/wire/layout.ts'
import type { Allegiance } from './allegiance.ts'
import { SentPdus } from './data-retention.ts'
import type { FullFeature } from './full-feature.ts'
import type { Said } from './retention.ts'

type Snack = Decoded<typeof SNACK_REQUEST>

/** Why a request is rejected; `nextNumber`, of the task's Data-In and R2Ts, goes with a protocol error (RFC 7143 11.17.2). */
interface Refusal {
  readonly reason: number
  readonly nextNumber?: number
}

const PROTOCOL_ERROR: Refusal = { reason: REJECT_REASON.PROTOCOL_ERROR }
const INVALID_FIELD: Refusal = { reason: REJECT_REASON.INVALID_PDU_FIELD }
/** It was sent, and could not be kept. */
const GIVEN_UP: Refusal = { reason: REJECT_REASON.SNACK_REJECT }

export function snack(phase: FullFeature, pdu: FramedPdu): void {
  const { allegiance } = phase
  if (!allegiance) return phase.reject(pdu, REJECT_REASON.COMMAND_NOT_SUPPORTED)
  const request = SNACK_REQUEST.decode(pdu.header, pdu.headerOffset)
  const answer = ANSWERS.get(request.type)
  const refusal = answer ? answer(allegiance, request) : INVALID_FIELD
  if (refusal) phase.reject(pdu, refusal.reason, refusal.nextNumber)
}

const ANSWERS: ReadonlyMap<number, (allegiance: Allegiance, request: Snack) => Refusal | undefined> = new Map([
  [SNACK_TYPE.DATA_OR_R2T, repeatData],
  [SNACK_TYPE.STATUS, repeatStatuses],
  [SNACK_TYPE.DATA_ACK, acknowledgeData],
  [SNACK_TYPE.R_DATA, sendDataAnew],
])

function repeatData(allegiance: Allegiance, request: Snack): Refusal | undefined {
  const { responder } = allegiance
  const { initiatorTaskTag, begRun, runLength } = request
  const sent = sentFor(allegiance, initiatorTaskTag)
  if (!sent) return PROTOCOL_ERROR
  const { acknowledged, first, pdus } = sent
  const { dataSn } = sent.task
  const all = begRun === 0 && runLength === 0
  const from = all ? acknowledged : begRun
  const to = runLength === 0 ? dataSn : begRun + runLength
  if (from < acknowledged || to > dataSn || (from >= dataSn && !all)) return { ...PROTOCOL_ERROR, nextNumber: dataSn }
  if (from < first) return refuse(sent)
  const run = pdus.slice(from - first, to - first)
  // Where MaxRecvDataSegmentLength has become less, R-Data is the way to ask (RFC 7143 11.16.3).
  if (run.some(({ data }) => data.length > responder.maxDataSegmentLength))
    return { ...PROTOCOL_ERROR, nextNumber: dataSn }
  for (const pdu of run) responder.repeat(pdu)
  return undefined
}

/** Also of a task that nothing has been sent for yet. */
function sentFor(allegiance: Allegiance, initiatorTaskTag: number): SentPdus | undefined {
  const task = allegiance.find(initiatorTaskTag)
  return task && allegiance.retention.of(task)
}

/** RFC 7143 7.8: without its data a read fails, where its status has not been said. */
function refuse(sent: SentPdus): Refusal {
  sent.refused = sent.task.expectedIn > 0
  return GIVEN_UP
}

function repeatStatuses({ retention, responder }: Allegiance, { begRun, runLength }: Snack): Refusal | undefined {
  const run = retention.statuses(begRun, runLength)
  if (run === 'not there') return PROTOCOL_ERROR
  if (run === 'given up' || run.some((said) => isLongerThan(said, responder.maxDataSegmentLength))) return GIVEN_UP
  for (const said of run) {
    if (said instanceof SentPdus) responder.repeatAnswer(said)
    else responder.repeat(said)
  }
  return undefined
}

/** Data of a ping that the initiator does not take any more, since it has changed MaxRecvDataSegmentLength. */
const isLongerThan = (said: Said, length: number): boolean => !(said instanceof SentPdus) && said.data.length > length

function acknowledgeData({ retention }: Allegiance, request: Snack): Refusal | undefined {
  const { targetTransferTag, begRun, runLength } = request
  if (runLength !== 0) return INVALID_FIELD
  const sent = retention.findByTransferTag(targetTransferTag)
  if (!sent || begRun < sent.acknowledged || begRun > sent.task.dataSn)
    return { reason: REJECT_REASON.INVALID_DATA_ACK }
  retention.acknowledgeData(sent, begRun)
  return undefined
}

/** RFC 7143 11.16.3: everything that is not acknowledged, in PDUs of another length; the status that counts has the tag. */
function sendDataAnew(allegiance: Allegiance, request: Snack): Refusal | undefined {
  const { initiatorTaskTag, targetTransferTag: snackTag, begRun, runLength } = request
  if (begRun !== 0 || runLength !== 0 || snackTag === 0 || snackTag === RESERVED_TAG) return INVALID_FIELD
  const sent = sentFor(allegiance, initiatorTaskTag)
  if (!sent) return PROTOCOL_ERROR
  if (sent.acknowledged < sent.first) return refuse(sent)
  sent.snackTag = snackTag
  allegiance.sendDataAgain(sent, sent.acknowledged)
  allegiance.responder.repeatAnswer(sent)
  return undefined
}
