// Requests of full feature phase that have one answer each, as they are sent: NOP-Out, Task Management, Logout (RFC 7143 11.5,
// 11.14, 11.18). All are immediate: they neither wait for the command window nor take a number.

import { ASYNC_MESSAGE } from '../../../protocol/iscsi/async-message.ts'
import { LOGOUT_REASON } from '../../../protocol/iscsi/logout-request.ts'
import { LOGOUT_RESPONSE } from '../../../protocol/iscsi/logout-response.ts'
import { INITIATOR_OPCODE, RESERVED_TAG } from '../../../protocol/iscsi/opcodes.ts'
import { TASK_MANAGEMENT_RESPONSE } from '../../../protocol/iscsi/task-management-response.ts'
import { decodeLun, encodeLun } from '../../../protocol/scsi/lun.ts'
import type { SenseData } from '../../../protocol/scsi/sense.ts'
import { type ScsiTask, senseOf } from './command.ts'
import type { Exchanges } from './exchanges.ts'
import type { PduStream, ReceivedPdu } from './stream.ts'

export interface ManageOptions {
  /** The logical unit; zero where the function does not look at it. */
  readonly lun?: number
  /** ABORT TASK and QUERY TASK: which. */
  readonly task?: ScsiTask
  /** What the tasks that the function ends reject with; a TaskAbortedError without one. */
  readonly reason?: Error
}

/** The response of the target. */
export async function askManagement(
  stream: PduStream,
  exchanges: Exchanges,
  functionCode: number,
  lun: number,
  task: ScsiTask | undefined,
): Promise<number> {
  const address = encodeLun(lun)
  const answer = await exchanges.begin((initiatorTaskTag) =>
    stream.send(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, {
      immediate: true,
      function: functionCode,
      lun: address,
      initiatorTaskTag,
      referencedTaskTag: task?.initiatorTaskTag ?? RESERVED_TAG,
      refCmdSn: task?.cmdSn ?? 0,
    }),
  )
  return TASK_MANAGEMENT_RESPONSE.decode(answer.header).response
}

/** What came back. */
export async function askNop(stream: PduStream, exchanges: Exchanges, data: Buffer): Promise<Buffer> {
  const answer = await exchanges.begin((initiatorTaskTag) =>
    stream.send(INITIATOR_OPCODE.NOP_OUT, { immediate: true, initiatorTaskTag, targetTransferTag: RESERVED_TAG }, data),
  )
  return answer.data
}

export async function askLogout(
  stream: PduStream,
  exchanges: Exchanges,
  cid: number,
): Promise<{ response: number; time2WaitMs: number }> {
  const answer = await exchanges.begin((initiatorTaskTag) =>
    stream.send(INITIATOR_OPCODE.LOGOUT_REQUEST, {
      immediate: true,
      reason: LOGOUT_REASON.CLOSE_THE_SESSION,
      initiatorTaskTag,
      cid,
    }),
  )
  const { response, time2Wait } = LOGOUT_RESPONSE.decode(answer.header)
  return { response, time2WaitMs: 1000 * time2Wait }
}

/** What the target says unasked (RFC 7143 11.9). */
export interface AsyncMessage {
  /** ASYNC_EVENT names them. */
  readonly event: number
  /** Of a SCSI event; undefined where it is none that a LUN here can have. */
  readonly lun: number | undefined
  readonly parameters: readonly [number, number, number]
  /** Of a SCSI event. */
  readonly sense?: SenseData
}

export function readAsyncMessage({ header, at, data, dataOffset, dataLength }: ReceivedPdu): AsyncMessage {
  const { asyncEvent, lun, parameter1, parameter2, parameter3 } = ASYNC_MESSAGE.decode(header, at)
  const sense = senseOf(data.subarray(dataOffset, dataOffset + dataLength))
  return {
    event: asyncEvent,
    lun: decodeLun(lun),
    parameters: [parameter1, parameter2, parameter3],
    ...(sense && { sense }),
  }
}
