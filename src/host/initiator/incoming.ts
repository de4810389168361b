// What a target may send in full feature phase, by opcode, and what ends a command, read in place from the two PDUs that can
// carry a status (RFC 7143 11.4, 11.7).

import { DATA_IN } from '../../../protocol/iscsi/data-in.ts'
import { BHS_LENGTH, TARGET_OPCODE } from '../../../protocol/iscsi/opcodes.ts'
import { REJECT } from '../../../protocol/iscsi/reject.ts'
import { SCSI_COMMAND } from '../../../protocol/iscsi/scsi-command.ts'
import { SCSI_RESPONSE } from '../../../protocol/iscsi/scsi-response.ts'
import type { Ending } from './command.ts'
import type { ReceivedPdu } from './stream.ts'

const DATA_IN_STATUS = DATA_IN.at('status').byte
const RESIDUAL_COUNT = DATA_IN.at('residualCount').byte
const RESPONSE = SCSI_RESPONSE.at('response').byte
const RESPONSE_STATUS = SCSI_RESPONSE.at('status').byte
const CMD_SN = SCSI_COMMAND.at('cmdSn').byte
const EXP_CMD_SN = REJECT.at('expCmdSn').byte
const IMMEDIATE = 0x40
const HAS_STATUS = 0x01
const OVERFLOW = 0x04
const UNDERFLOW = 0x02

export type Handlers = Readonly<
  Record<'dataIn' | 'response' | 'r2t' | 'nopIn' | 'answer' | 'asyncMessage' | 'reject', (pdu: ReceivedPdu) => void>
>

const RECEIVE: ReadonlyMap<number, keyof Handlers> = new Map([
  [TARGET_OPCODE.DATA_IN, 'dataIn'],
  [TARGET_OPCODE.SCSI_RESPONSE, 'response'],
  [TARGET_OPCODE.R2T, 'r2t'],
  [TARGET_OPCODE.NOP_IN, 'nopIn'],
  [TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE, 'answer'],
  [TARGET_OPCODE.TEXT_RESPONSE, 'answer'],
  [TARGET_OPCODE.LOGOUT_RESPONSE, 'answer'],
  [TARGET_OPCODE.ASYNC_MESSAGE, 'asyncMessage'],
  [TARGET_OPCODE.REJECT, 'reject'],
] satisfies [number, keyof Handlers][])

/** Anything else than what a target may send is passed over. */
export function dispatch(handlers: Handlers, pdu: ReceivedPdu): void {
  const name = RECEIVE.get(pdu.opcode)
  if (name) handlers[name](pdu)
}

/** How a Data-In ends its command; undefined when it does not. */
export function endingOfDataIn({ header, at }: ReceivedPdu): Ending | undefined {
  if ((header[at + 1]! & HAS_STATUS) === 0) return undefined
  return ending(header, at, header[at + DATA_IN_STATUS]!, 0)
}

export const endingOfResponse = ({ header, at }: ReceivedPdu): Ending =>
  ending(header, at, header[at + RESPONSE_STATUS]!, header[at + RESPONSE]!)

function ending(header: Buffer, at: number, status: number, response: number): Ending {
  const flags = header[at + 1]!
  const residualCount = header.readUInt32BE(at + RESIDUAL_COUNT)
  return { status, response, overflow: (flags & OVERFLOW) !== 0, underflow: (flags & UNDERFLOW) !== 0, residualCount }
}

/** The header of a PDU that was rejected is the data of the Reject (RFC 7143 11.17.3): whose it was. */
export function rejectedHeader({ data, dataOffset, dataLength }: ReceivedPdu): Buffer | undefined {
  return dataLength >= BHS_LENGTH ? data.subarray(dataOffset, dataOffset + BHS_LENGTH) : undefined
}

/**
 * A command that was rejected has not been received (RFC 7143 7.3), and those after it wait for its number: which, unless it
 * is immediate or the target has counted it.
 */
export function numberToFill(rejected: Buffer, { header, at }: ReceivedPdu): number | undefined {
  const cmdSn = rejected.readUInt32BE(CMD_SN)
  if ((rejected[0]! & IMMEDIATE) !== 0 || header.readUInt32BE(at + EXP_CMD_SN) !== cmdSn) return undefined
  return cmdSn
}
