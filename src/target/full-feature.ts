// Full feature phase of a connection (RFC 7143 4.2, 11): takes the initiator's PDUs in the order of their command numbers
// and hands each to what it is for. Every rule about when a PDU is dropped, rejected or fatal stands here.

import { decodeAhs } from '../../protocol/iscsi/ahs.ts'
import { DATA_OUT } from '../../protocol/iscsi/data-out.ts'
import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'
import { NOP_OUT } from '../../protocol/iscsi/nop-out.ts'
import { BHS_LENGTH, INITIATOR_OPCODE, RESERVED_TAG, TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { REJECT_REASON } from '../../protocol/iscsi/reject.ts'
import { SCSI_COMMAND } from '../../protocol/iscsi/scsi-command.ts'
import { WireError } from '../../protocol/wire/error.ts'
import type { Allegiance } from './allegiance.ts'
import type { PoolShare } from './buffer-pool.ts'
import type { CommandWindow } from './command-window.ts'
import type { DataOutPdu } from './data-out.ts'
import { LIMITS } from './limits.ts'
import { logout } from './logout.ts'
import type { ResponseFence } from './response-fence.ts'
import type { Session, SessionConnection } from './session.ts'
import { snack } from './snack.ts'
import type { Task } from './task.ts'
import { manageTasks } from './task-management-exchange.ts'
import type { Arrival, TaskRunner } from './task-runner.ts'
import type { TextExchange } from './text-exchange.ts'

const INITIATOR_TASK_TAG = SCSI_COMMAND.at('initiatorTaskTag').byte
const CMD_SN = SCSI_COMMAND.at('cmdSn').byte
/** Of every PDU of the initiator. */
const EXP_STAT_SN = SCSI_COMMAND.at('expStatSn').byte
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
export interface FullFeaturePort extends SessionConnection {
  readonly input: PoolShare
  /** Sends a PDU of the slow path; the connection fills in its counters. `statSn`: whether it takes a StatSN. */
  send(opcode: number, fields: Record<string, unknown>, options?: { data?: Buffer; statSn?: boolean }): void
  /** Sends what has been gathered, at the end of this turn of the event loop. */
  flushSoon(): void
  /** Something failed that nobody foresaw. */
  broken(error: unknown): void
}

type Receive = (phase: FullFeature, pdu: FramedPdu) => void

export class FullFeature {
  readonly session: Session
  /** Absent in a discovery session. */
  readonly runner: TaskRunner | undefined
  readonly text: TextExchange
  readonly port: FullFeaturePort
  /** The session's, with what is settled for this connection. */
  parameters: OperationalParameters
  readonly #window: CommandWindow
  readonly #fence: ResponseFence | undefined
  /** Absent at ErrorRecoveryLevel 0. */
  readonly allegiance: Allegiance | undefined
  /** The initiator is to log out: what else it asks for is not done any more. */
  #leaving = false
  #ended = false

  constructor(
    session: Session,
    parameters: OperationalParameters,
    runner: TaskRunner | undefined,
    text: TextExchange,
    port: FullFeaturePort,
  ) {
    this.session = session
    this.parameters = parameters
    this.runner = runner
    this.text = text
    this.port = port
    this.#window = session.window
    this.#fence = session.fence
    this.allegiance = port.allegiance
  }

  /** Where a straddling data segment is assembled: in the buffer that the task will use anyway. */
  place(header: Buffer, offset: number, length: number): Buffer | undefined {
    const opcode = header[offset]! & OPCODE_MASK
    if (opcode === INITIATOR_OPCODE.SCSI_COMMAND) {
      const expected = header.readUInt32BE(offset + EDTL)
      const bound = Math.min(expected, this.parameters.firstBurstLength)
      return (header[offset + 1]! & WRITE) === 0 || length > bound ? undefined : this.port.input.take(bound)
    }
    if (opcode !== INITIATOR_OPCODE.DATA_OUT) return undefined
    const task = this.#taskOf(header, offset)
    return task?.dataOut?.place(header.readUInt32BE(offset + DATA_OUT_OFFSET), length)
  }

  receive(pdu: FramedPdu): void {
    const { header, headerOffset } = pdu
    const opcode = header[headerOffset]! & OPCODE_MASK
    this.#fence?.acknowledge(this.port, header.readUInt32BE(headerOffset + EXP_STAT_SN))
    this.allegiance?.retention.acknowledgeStatus(header.readUInt32BE(headerOffset + EXP_STAT_SN))
    if (opcode === INITIATOR_OPCODE.DATA_OUT) return this.dataOut(pdu)
    if (this.#ended && opcode !== INITIATOR_OPCODE.NOP_OUT) return this.discard(pdu)
    if (isNumbered(pdu)) {
      const cmdSn = header.readUInt32BE(headerOffset + CMD_SN)
      if (!this.#window.take(cmdSn)) return this.#receiveEarly(pdu, opcode, cmdSn)
    }
    this.#handle(pdu, opcode)
    if (this.#window.busy) this.#window.deliver()
  }

  /** Outside the window, or there already: dropped in silence (RFC 7143 4.2.2.1). Else it is kept until its turn comes. */
  #receiveEarly(pdu: FramedPdu, opcode: number, cmdSn: number): void {
    if (!this.#window.admits(cmdSn)) return this.discard(pdu)
    const held = opcode === INITIATOR_OPCODE.SCSI_COMMAND ? this.#holdCommand(pdu) : this.#holdPdu(pdu, opcode)
    if (held) this.#window.hold(cmdSn, this.port, held)
  }

  /** A command becomes a task at once, which its data find and which can be aborted. */
  #holdCommand(pdu: FramedPdu): (() => void) | undefined {
    if (this.#leaving) {
      this.discard(pdu)
      return () => {}
    }
    const arrival = this.runner ? this.#judge(pdu) : REJECT_REASON.COMMAND_NOT_SUPPORTED
    if (typeof arrival !== 'number') return this.runner?.keep(arrival, pdu.header, pdu.headerOffset + CDB, pdu)
    this.reject(pdu, arrival)
    return undefined
  }

  #holdPdu(pdu: FramedPdu, opcode: number): (() => void) | undefined {
    if (pdu.dataLength > LIMITS.heldDataLength) {
      this.reject(pdu, REJECT_REASON.LONG_OPERATION_REJECT) // out of resources
      return undefined
    }
    const copy = copyOf(pdu)
    return () => {
      try {
        this.#handle(copy, opcode)
      } catch (error) {
        this.port.broken(error)
      }
      this.port.flushSoon()
    }
  }

  #handle(pdu: FramedPdu, opcode: number): void {
    if (this.#leaving && !LEAVING.has(opcode)) return this.discard(pdu)
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

  /** Takes no more commands but a logout; those under way go on. */
  leave(): void {
    this.#leaving = true
  }

  /** Takes nothing more; those under way still get their data. */
  end(): void {
    this.#ended = true
  }

  /** Gives back the buffer of a PDU that goes no further. */
  discard(pdu: FramedPdu): void {
    if (pdu.placed && (pdu.header[pdu.headerOffset]! & OPCODE_MASK) === INITIATOR_OPCODE.SCSI_COMMAND)
      this.port.input.release(pdu.data)
  }

  /**
   * RFC 7143 11.17: the header comes back with the reason. The command does not count as received (RFC 7143 7.3). `dataSn`: the
   * next of a task whose Data-In or R2Ts were asked for.
   */
  reject(pdu: FramedPdu, reason: number, dataSn = 0): void {
    if (isNumbered(pdu)) this.#window.giveBack(pdu.header.readUInt32BE(pdu.headerOffset + CMD_SN))
    this.discard(pdu)
    this.#sendReject(pdu, reason, dataSn)
  }

  #sendReject(pdu: FramedPdu, reason: number, dataSn: number): void {
    const data = Buffer.from(pdu.header.subarray(pdu.headerOffset, pdu.headerOffset + BHS_LENGTH))
    this.port.send(TARGET_OPCODE.REJECT, { reason, dataSn }, { data, statSn: true })
  }

  /**
   * The data of a PDU are not what was sent; its header is. From ErrorRecoveryLevel 1 on it is discarded and the stream goes on
   * (RFC 7143 7.8): a command's number stays due until it is retried, Data-Out is asked for again. False at ErrorRecoveryLevel 0.
   */
  damaged(pdu: FramedPdu): boolean {
    if (!this.allegiance) return false
    this.#sendReject(pdu, REJECT_REASON.DATA_DIGEST_ERROR, 0)
    this.discard(pdu)
    if ((pdu.header[pdu.headerOffset]! & OPCODE_MASK) === INITIATOR_OPCODE.DATA_OUT)
      this.#taskOf(pdu.header, pdu.headerOffset)?.dataOut?.damaged(dataOutOf(pdu))
    return true
  }

  scsiCommand(pdu: FramedPdu): void {
    const arrival = this.#judge(pdu)
    if (typeof arrival === 'number') this.reject(pdu, arrival)
    else this.runner?.start(arrival, pdu.header, pdu.headerOffset + CDB, pdu)
  }

  /** The command, or why it is rejected. */
  #judge(pdu: FramedPdu): Arrival | number {
    const { header, headerOffset: at } = pdu
    const flags = header[at + 1]!
    const edtl = header.readUInt32BE(at + EDTL)
    const initiatorTaskTag = header.readUInt32BE(at + INITIATOR_TASK_TAG)
    const immediate = (header[at]! & IMMEDIATE) !== 0
    if (initiatorTaskTag === RESERVED_TAG) return REJECT_REASON.INVALID_PDU_FIELD
    if (this.session.tasks.has(initiatorTaskTag)) return REJECT_REASON.TASK_IN_PROGRESS
    if (immediate && this.session.tasks.size + (this.#fence?.length ?? 0) >= this.session.limits.tasksPerSession)
      return REJECT_REASON.IMMEDIATE_COMMAND_REJECT
    const write = (flags & WRITE) !== 0
    const more = (flags & FINAL) === 0
    if (this.#breaksDataRules(pdu, write, more, edtl)) return REJECT_REASON.PROTOCOL_ERROR
    const read = (flags & READ) !== 0
    const bidirectional = pdu.ahsLength === 0 ? 0 : bidirectionalLength(pdu)
    if (bidirectional === undefined) return REJECT_REASON.INVALID_PDU_FIELD
    return {
      initiatorTaskTag,
      // A LUN with more than two levels names nothing here: its key is one that no logical unit has.
      lunKey: header.readUInt32BE(at + LUN + 4) === 0 ? header.readUInt32BE(at + LUN) : RESERVED_TAG,
      attributes: flags & 7,
      immediate,
      expectedIn: read ? (write ? bidirectional : edtl) : 0,
      expectedOut: write ? edtl : 0,
      more,
    }
  }

  /** RFC 7143 11.3.4, 13.10, 13.11, 13.14: how much data may come with and right after a command. */
  #breaksDataRules(pdu: FramedPdu, write: boolean, more: boolean, edtl: number): boolean {
    const { immediateData, initialR2T, firstBurstLength } = this.parameters
    if (more && (initialR2T || !write)) return true
    if (pdu.dataLength === 0) return false
    if (!write) return false // its data is dropped, the command goes on
    return !immediateData || pdu.dataLength > Math.min(firstBurstLength, edtl)
  }

  /** The task that a Data-Out is for, if it is allegiant to this connection (RFC 7143 4.2.2). */
  #taskOf(header: Buffer, at: number): Task | undefined {
    const task = this.session.tasks.get(header.readUInt32BE(at + INITIATOR_TASK_TAG))
    return task?.transport === this.runner ? task : undefined
  }

  dataOut(pdu: FramedPdu): void {
    // Data of a task that has ended is on its way still when its response goes out: dropped (RFC 7143 4.2.5.2).
    this.#taskOf(pdu.header, pdu.headerOffset)?.dataOut?.take(dataOutOf(pdu))
  }

  /** RFC 7143 11.18: an answer wanted comes back with the ping's data; one that answers our ping is over. */
  nopOut(pdu: FramedPdu): void {
    const nop = NOP_OUT.decode(pdu.header, pdu.headerOffset)
    if (nop.initiatorTaskTag === RESERVED_TAG) return
    const data = Buffer.from(pdu.data.subarray(pdu.dataOffset, pdu.dataOffset + pdu.dataLength))
    const { initiatorTaskTag, lun } = nop
    const answer = data.subarray(0, this.parameters.maxRecvDataSegmentLengthPeer)
    this.port.send(
      TARGET_OPCODE.NOP_IN,
      { initiatorTaskTag, lun, targetTransferTag: RESERVED_TAG },
      { data: answer, statSn: true },
    )
  }
}

function dataOutOf({ header, headerOffset: at, data, dataOffset, dataLength }: FramedPdu): DataOutPdu {
  const targetTransferTag = header.readUInt32BE(at + DATA_OUT_TTT)
  return {
    final: (header[at + 1]! & FINAL) !== 0,
    solicited: targetTransferTag !== RESERVED_TAG,
    targetTransferTag,
    dataSn: header.readUInt32BE(at + DATA_OUT_SN),
    bufferOffset: header.readUInt32BE(at + DATA_OUT_OFFSET),
    data,
    dataOffset,
    dataLength,
  }
}

/** Whether the PDU takes a command number: all do but SNACK and what is immediate (RFC 7143 4.2.2.1). */
function isNumbered({ header, headerOffset }: FramedPdu): boolean {
  const byte = header[headerOffset]!
  return (byte & IMMEDIATE) === 0 && (byte & OPCODE_MASK) !== INITIATOR_OPCODE.SNACK_REQUEST
}

/** The expected read length of a bidirectional command; undefined for AHSs that are malformed or unknown. */
function bidirectionalLength(pdu: FramedPdu): number | undefined {
  const start = pdu.headerOffset + BHS_LENGTH
  let length = 0
  try {
    for (const ahs of decodeAhs(pdu.header.subarray(start, start + pdu.ahsLength))) {
      if (ahs.kind === 'other') return undefined
      if (ahs.kind === 'bidirectional read') length = ahs.expectedReadDataLength
      // No command here is longer than 16 bytes: the device server refuses its operation code, whatever follows it.
    }
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
  return length
}

/** The PDU without the chunk that it lies in. */
function copyOf({ header, headerOffset, ahsLength, data, dataOffset, dataLength }: FramedPdu): FramedPdu {
  return {
    header: Buffer.from(header.subarray(headerOffset, headerOffset + BHS_LENGTH + ahsLength)),
    headerOffset: 0,
    ahsLength,
    data: Buffer.from(data.subarray(dataOffset, dataOffset + dataLength)),
    dataOffset: 0,
    dataLength,
    placed: false,
  }
}

/** What a full feature connection takes, but for Data-Out, which carries no command number. */
const RECEIVE: ReadonlyMap<number, Receive> = new Map<number, Receive>([
  [INITIATOR_OPCODE.SCSI_COMMAND, (phase, pdu) => phase.scsiCommand(pdu)],
  [INITIATOR_OPCODE.NOP_OUT, (phase, pdu) => phase.nopOut(pdu)],
  [INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, (phase, pdu) => manageTasks(phase, pdu)],
  [INITIATOR_OPCODE.TEXT_REQUEST, (phase, pdu) => phase.text.receive(pdu, phase)],
  [INITIATOR_OPCODE.LOGOUT_REQUEST, (phase, pdu) => logout(phase, pdu)],
  [INITIATOR_OPCODE.SNACK_REQUEST, (phase, pdu) => snack(phase, pdu)],
])

/** What an initiator may still send that is to log out. */
const LEAVING: ReadonlySet<number> = new Set([
  INITIATOR_OPCODE.LOGOUT_REQUEST,
  INITIATOR_OPCODE.NOP_OUT,
  INITIATOR_OPCODE.SNACK_REQUEST,
])

/** What a discovery session may send (RFC 7143 4.3). */
const DISCOVERY: ReadonlySet<number> = new Set([
  INITIATOR_OPCODE.TEXT_REQUEST,
  INITIATOR_OPCODE.LOGOUT_REQUEST,
  INITIATOR_OPCODE.NOP_OUT,
])
