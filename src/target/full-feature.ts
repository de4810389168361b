// Full feature phase of a connection (RFC 7143 4.2, 11): takes the initiator's PDUs in the order of their command numbers
// and hands each to what it is for. Every rule about when a PDU is dropped, rejected or fatal stands here.

import { decodeAhs } from '../../protocol/iscsi/ahs.ts'
import { DATA_OUT } from '../../protocol/iscsi/data-out.ts'
import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import { LOGOUT_REASON, LOGOUT_REQUEST } from '../../protocol/iscsi/logout-request.ts'
import { LOGOUT_RESPONSE_CODE } from '../../protocol/iscsi/logout-response.ts'
import { NOP_OUT } from '../../protocol/iscsi/nop-out.ts'
import { BHS_LENGTH, INITIATOR_OPCODE, RESERVED_TAG, TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { REJECT_REASON } from '../../protocol/iscsi/reject.ts'
import { SCSI_COMMAND } from '../../protocol/iscsi/scsi-command.ts'
import { TASK_MANAGEMENT_REQUEST } from '../../protocol/iscsi/task-management-request.ts'
import { WireError } from '../../protocol/wire/error.ts'
import type { PoolShare } from './buffer-pool.ts'
import { LIMITS } from './limits.ts'
import type { Session } from './session.ts'
import { manage } from './task-management.ts'
import type { Arrival, TaskRunner } from './task-runner.ts'
import type { TextExchange } from './text-exchange.ts'

const INITIATOR_TASK_TAG = SCSI_COMMAND.at('initiatorTaskTag').byte
const CMD_SN = SCSI_COMMAND.at('cmdSn').byte
const LUN = SCSI_COMMAND.at('lun').byte
const EDTL = SCSI_COMMAND.at('expectedDataTransferLength').byte
const CDB = SCSI_COMMAND.at('cdb').byte
const DATA_OUT_TTT = DATA_OUT.at('targetTransferTag').byte
const DATA_OUT_SN = DATA_OUT.at('dataSn').byte
const DATA_OUT_OFFSET = DATA_OUT.at('bufferOffset').byte
const OPCODE_MASK = 0x3f
const IMMEDIATE = 0x40
const FINAL = 0x80
const READ = 0x40
const WRITE = 0x20

/** What full feature phase needs of its connection. */
export interface FullFeaturePort {
  readonly input: PoolShare
  /** Sends a PDU of the slow path; the connection fills in its counters. `statSn`: whether it takes a StatSN. */
  send(opcode: number, fields: Record<string, unknown>, options?: { data?: Buffer; statSn?: boolean }): void
  /** Sends what has been gathered, at the end of this turn of the event loop. */
  flushSoon(): void
  /** Ends the connection when everything has left. */
  finish(reason: string): void
}

type Receive = (phase: FullFeature, pdu: FramedPdu) => void

export class FullFeature {
  readonly session: Session
  /** Absent in a discovery session. */
  readonly runner: TaskRunner | undefined
  readonly text: TextExchange
  readonly port: FullFeaturePort
  #ending = false

  constructor(session: Session, runner: TaskRunner | undefined, text: TextExchange, port: FullFeaturePort) {
    this.session = session
    this.runner = runner
    this.text = text
    this.port = port
  }

  /** Where a straddling data segment is assembled: in the buffer that the task will use anyway. */
  place(header: Buffer, offset: number, length: number): Buffer | undefined {
    const opcode = header[offset]! & OPCODE_MASK
    if (opcode === INITIATOR_OPCODE.SCSI_COMMAND) {
      const expected = header.readUInt32BE(offset + EDTL)
      const bound = Math.min(expected, this.session.parameters.firstBurstLength)
      return (header[offset + 1]! & WRITE) === 0 || length > bound ? undefined : this.port.input.take(bound)
    }
    if (opcode !== INITIATOR_OPCODE.DATA_OUT) return undefined
    const task = this.session.tasks.get(header.readUInt32BE(offset + INITIATOR_TASK_TAG))
    return task?.dataOut?.place(header.readUInt32BE(offset + DATA_OUT_OFFSET), length)
  }

  receive(pdu: FramedPdu): void {
    const { header, headerOffset } = pdu
    const opcode = header[headerOffset]! & OPCODE_MASK
    if (opcode === INITIATOR_OPCODE.DATA_OUT) return this.dataOut(pdu)
    if (this.#ending && opcode !== INITIATOR_OPCODE.NOP_OUT) return this.discard(pdu)
    // Outside the window, or not its turn: dropped in silence (RFC 7143 4.2.2.1).
    if (isNumbered(pdu) && !this.session.takeCmdSn(header.readUInt32BE(headerOffset + CMD_SN))) return this.discard(pdu)
    const handle = RECEIVE.get(opcode)
    if (!handle || (this.session.target === undefined && !DISCOVERY.has(opcode)))
      return this.reject(pdu, REJECT_REASON.COMMAND_NOT_SUPPORTED)
    try {
      handle(this, pdu)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.reject(pdu, REJECT_REASON.INVALID_PDU_FIELD)
    }
  }

  /** Takes no more commands; those under way still get their data. */
  end(): void {
    this.#ending = true
  }

  /** Gives back the buffer of a PDU that goes no further. */
  discard(pdu: FramedPdu): void {
    if (pdu.placed && (pdu.header[pdu.headerOffset]! & OPCODE_MASK) === INITIATOR_OPCODE.SCSI_COMMAND)
      this.port.input.release(pdu.data)
  }

  /** RFC 7143 11.17: the header comes back with the reason. The command does not count as received (RFC 7143 7.3). */
  reject(pdu: FramedPdu, reason: number): void {
    if (isNumbered(pdu)) this.session.expCmdSn = pdu.header.readUInt32BE(pdu.headerOffset + CMD_SN)
    const data = Buffer.from(pdu.header.subarray(pdu.headerOffset, pdu.headerOffset + BHS_LENGTH))
    this.discard(pdu)
    this.port.send(TARGET_OPCODE.REJECT, { reason }, { data, statSn: true })
  }

  scsiCommand(pdu: FramedPdu): void {
    const { header, headerOffset: at } = pdu
    const flags = header[at + 1]!
    const edtl = header.readUInt32BE(at + EDTL)
    const initiatorTaskTag = header.readUInt32BE(at + INITIATOR_TASK_TAG)
    const immediate = (header[at]! & IMMEDIATE) !== 0
    if (initiatorTaskTag === RESERVED_TAG) return this.reject(pdu, REJECT_REASON.INVALID_PDU_FIELD)
    if (this.session.tasks.has(initiatorTaskTag)) return this.reject(pdu, REJECT_REASON.TASK_IN_PROGRESS)
    if (immediate && this.session.tasks.size >= this.session.limits.tasksPerSession)
      return this.reject(pdu, REJECT_REASON.IMMEDIATE_COMMAND_REJECT)
    const write = (flags & WRITE) !== 0
    const more = (flags & FINAL) === 0
    if (this.#breaksDataRules(pdu, write, more, edtl)) return this.reject(pdu, REJECT_REASON.PROTOCOL_ERROR)
    const read = (flags & READ) !== 0
    const bidirectional = pdu.ahsLength === 0 ? 0 : bidirectionalLength(pdu)
    const arrival: Arrival = {
      initiatorTaskTag,
      // A LUN with more than two levels names nothing here: its key is one that no logical unit has.
      lunKey: header.readUInt32BE(at + LUN + 4) === 0 ? header.readUInt32BE(at + LUN) : RESERVED_TAG,
      attributes: flags & 7,
      immediate,
      expectedIn: read ? (write ? bidirectional : edtl) : 0,
      expectedOut: write ? edtl : 0,
      more,
    }
    this.runner?.start(arrival, header, at + CDB, pdu)
  }

  /** RFC 7143 11.3.4, 13.10, 13.11, 13.14: how much data may come with and right after a command. */
  #breaksDataRules(pdu: FramedPdu, write: boolean, more: boolean, edtl: number): boolean {
    const { immediateData, initialR2T, firstBurstLength } = this.session.parameters
    if (more && (initialR2T || !write)) return true
    if (pdu.dataLength === 0) return false
    if (!write) return false // its data is dropped, the command goes on
    return !immediateData || pdu.dataLength > Math.min(firstBurstLength, edtl)
  }

  dataOut(pdu: FramedPdu): void {
    const { header, headerOffset: at } = pdu
    // Data of a task that has ended is on its way still when its response goes out: dropped (RFC 7143 4.2.5.2).
    const task = this.session.tasks.get(header.readUInt32BE(at + INITIATOR_TASK_TAG))
    const targetTransferTag = header.readUInt32BE(at + DATA_OUT_TTT)
    task?.dataOut?.take({
      final: (header[at + 1]! & FINAL) !== 0,
      solicited: targetTransferTag !== RESERVED_TAG,
      targetTransferTag,
      dataSn: header.readUInt32BE(at + DATA_OUT_SN),
      bufferOffset: header.readUInt32BE(at + DATA_OUT_OFFSET),
      data: pdu.data,
      dataOffset: pdu.dataOffset,
      dataLength: pdu.dataLength,
    })
  }

  /** RFC 7143 11.18: an answer wanted comes back with the ping's data; one that answers our ping is over. */
  nopOut(pdu: FramedPdu): void {
    const nop = NOP_OUT.decode(pdu.header, pdu.headerOffset)
    if (nop.initiatorTaskTag === RESERVED_TAG) return
    const data = Buffer.from(pdu.data.subarray(pdu.dataOffset, pdu.dataOffset + pdu.dataLength))
    const { initiatorTaskTag, lun } = nop
    const answer = data.subarray(0, this.session.parameters.maxRecvDataSegmentLengthPeer)
    this.port.send(
      TARGET_OPCODE.NOP_IN,
      { initiatorTaskTag, lun, targetTransferTag: RESERVED_TAG },
      { data: answer, statSn: true },
    )
  }

  logout(pdu: FramedPdu): void {
    const { reason, cid, initiatorTaskTag } = LOGOUT_REQUEST.decode(pdu.header, pdu.headerOffset)
    const known = reason === LOGOUT_REASON.CLOSE_THE_SESSION || cid === this.session.connection.cid
    const response = !known
      ? LOGOUT_RESPONSE_CODE.CID_NOT_FOUND
      : reason > LOGOUT_REASON.CLOSE_THE_CONNECTION
        ? LOGOUT_RESPONSE_CODE.CONNECTION_RECOVERY_NOT_SUPPORTED
        : LOGOUT_RESPONSE_CODE.CLOSED_SUCCESSFULLY
    const { defaultTime2Wait: time2Wait, defaultTime2Retain: time2Retain } = this.session.parameters
    const fields = { response, initiatorTaskTag, time2Wait, time2Retain }
    if (response !== LOGOUT_RESPONSE_CODE.CLOSED_SUCCESSFULLY)
      return this.port.send(TARGET_OPCODE.LOGOUT_RESPONSE, fields, { statSn: true })
    // The response says that nothing of the session goes on (RFC 7143 11.15): it is the session's only connection.
    this.end()
    void this.session.abortAll().then(() => {
      this.port.send(TARGET_OPCODE.LOGOUT_RESPONSE, fields, { statSn: true })
      this.port.finish('logout')
    })
  }

  taskManagement(pdu: FramedPdu): void {
    const { session } = this
    const request = TASK_MANAGEMENT_REQUEST.decode(pdu.header, pdu.headerOffset)
    if (session.managing >= LIMITS.taskManagementPerSession)
      return this.reject(pdu, REJECT_REASON.IMMEDIATE_COMMAND_REJECT)
    const target = session.target as NonNullable<Session['target']>
    const lunKey = request.lun.readUInt32BE(4) === 0 ? request.lun.readUInt32BE(0) : RESERVED_TAG
    const { response, aborted, dropSessions } = manage(session, target, { ...request, lunKey })
    const respond = (): void => {
      if (session.closed) return
      const { initiatorTaskTag } = request
      this.port.send(TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE, { response, initiatorTaskTag }, { statSn: true })
      this.port.flushSoon()
    }
    const done = (): void => {
      respond()
      if (!dropSessions) return
      for (const other of target.sessions) if (other !== session) void other.close('target cold reset')
      this.port.finish('target cold reset')
    }
    if (aborted.length === 0) return done()
    session.managing++
    void Promise.all(aborted.map((task) => task.ended)).then(() => {
      session.managing--
      done()
    })
  }
}

/** Whether the PDU takes a command number: all do but SNACK and what is immediate (RFC 7143 4.2.2.1). */
function isNumbered({ header, headerOffset }: FramedPdu): boolean {
  const byte = header[headerOffset]!
  return (byte & IMMEDIATE) === 0 && (byte & OPCODE_MASK) !== INITIATOR_OPCODE.SNACK_REQUEST
}

/** The expected read length of a bidirectional command; throws a WireError for AHSs that are malformed or unknown. */
function bidirectionalLength(pdu: FramedPdu): number {
  const start = pdu.headerOffset + BHS_LENGTH
  let length = 0
  for (const ahs of decodeAhs(pdu.header.subarray(start, start + pdu.ahsLength))) {
    if (ahs.kind === 'other') throw new WireError('AHS', 'ahsType', 2, 'bad value', `${ahs.ahsType}`)
    if (ahs.kind === 'bidirectional read') length = ahs.expectedReadDataLength
    // No command here is longer than 16 bytes: the device server refuses its operation code, whatever follows it.
  }
  return length
}

/** What a full feature connection takes, but for Data-Out, which carries no command number. */
const RECEIVE: ReadonlyMap<number, Receive> = new Map<number, Receive>([
  [INITIATOR_OPCODE.SCSI_COMMAND, (phase, pdu) => phase.scsiCommand(pdu)],
  [INITIATOR_OPCODE.NOP_OUT, (phase, pdu) => phase.nopOut(pdu)],
  [INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, (phase, pdu) => phase.taskManagement(pdu)],
  [INITIATOR_OPCODE.TEXT_REQUEST, (phase, pdu) => phase.text.receive(pdu, phase)],
  [INITIATOR_OPCODE.LOGOUT_REQUEST, (phase, pdu) => phase.logout(pdu)],
])

/** What a discovery session may send (RFC 7143 4.3). */
const DISCOVERY: ReadonlySet<number> = new Set([
  INITIATOR_OPCODE.TEXT_REQUEST,
  INITIATOR_OPCODE.LOGOUT_REQUEST,
  INITIATOR_OPCODE.NOP_OUT,
])
