// Builds what goes to the initiator for its tasks: Data-In, R2T, SCSI Response (RFC 7143 11.4, 11.7, 11.8). The hot path:
// headers are written in place, at the offsets of the layouts, into the slab that the socket will be given.

import { crc32c } from '@node-rs/crc32'
import type { Gate } from '../../luns/gate.ts'
import { DATA_IN } from '../../protocol/iscsi/data-in.ts'
import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'
import { BHS_LENGTH, RESERVED_TAG, TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { R2T } from '../../protocol/iscsi/r2t.ts'
import { SCSI_RESPONSE } from '../../protocol/iscsi/scsi-response.ts'
import { SENSE } from '../../protocol/scsi/sense.ts'
import { encodeSense } from '../../protocol/scsi/sense-data.ts'
import { STATUS } from '../../protocol/scsi/status.ts'
import type { Answer, SentPdu, SentPdus } from './data-retention.ts'
import { LIMITS } from './limits.ts'
import type { Output } from './output.ts'
import type { Retention } from './retention.ts'
import type { Task } from './task.ts'

const DATA_SEGMENT_LENGTH = DATA_IN.at('dataSegmentLength').byte
const INITIATOR_TASK_TAG = DATA_IN.at('initiatorTaskTag').byte
const TARGET_TRANSFER_TAG = DATA_IN.at('targetTransferTag').byte
const STAT_SN = DATA_IN.at('statSn').byte
const EXP_CMD_SN = DATA_IN.at('expCmdSn').byte
const MAX_CMD_SN = DATA_IN.at('maxCmdSn').byte
const DATA_SN = DATA_IN.at('dataSn').byte
const BUFFER_OFFSET = DATA_IN.at('bufferOffset').byte
const DATA_IN_STATUS = DATA_IN.at('status').byte
const RESIDUAL_COUNT = DATA_IN.at('residualCount').byte
const RESPONSE_STATUS = SCSI_RESPONSE.at('status').byte
const EXP_DATA_SN = SCSI_RESPONSE.at('expDataSn').byte
const BIDIRECTIONAL_RESIDUAL = SCSI_RESPONSE.at('bidirectionalReadResidualCount').byte
const SNACK_TAG = SCSI_RESPONSE.at('snackTag').byte
const LUN = R2T.at('lun').byte
const DESIRED_LENGTH = R2T.at('desiredDataTransferLength').byte

const FINAL = 0x80
const ACKNOWLEDGE = 0x40
const OPCODE_MASK = 0x3f
const OVERFLOW = 0x04
const UNDERFLOW = 0x02
const BIDIRECTIONAL_OVERFLOW = 0x10
const BIDIRECTIONAL_UNDERFLOW = 0x08
const HAS_STATUS = 0x01
const SENSE_LENGTH_BYTES = 2

/** What the responder needs of its connection: the counters that every PDU to the initiator carries, and a way out. */
export interface ResponderPort {
  /** The next status sequence number, counted on. */
  takeStatSn(): number
  statSn: number
  readonly expCmdSn: number
  readonly maxCmdSn: number
  /** Sends what has been gathered, at the end of this turn of the event loop. */
  flushSoon(): void
}

type ResponderOptions = Pick<
  OperationalParameters,
  'headerDigest' | 'dataDigest' | 'maxRecvDataSegmentLengthPeer' | 'maxBurstLength'
>

export class Responder {
  /** The connection has gone and its tasks wait for another one (ErrorRecoveryLevel 2): what is said only is kept. */
  isLost = false

  readonly #output: Output
  readonly #port: ResponderPort
  readonly #headerDigest: boolean
  readonly #dataDigest: boolean
  readonly #headLength: number
  readonly #maxBurstLength: number
  /** Absent at ErrorRecoveryLevel 0. */
  readonly #retention: Retention | undefined
  #dataInLength: number
  /** The Data-In PDU appended last, while a status can still ride on it. */
  #lastTask: Task | undefined
  #lastSlab: Buffer | undefined
  #lastOffset = 0
  #lastSerial = -1

  constructor(output: Output, port: ResponderPort, options: ResponderOptions, retention?: Retention) {
    this.#output = output
    this.#port = port
    this.#headerDigest = options.headerDigest === 'CRC32C'
    this.#dataDigest = options.dataDigest === 'CRC32C'
    this.#headLength = BHS_LENGTH + (this.#headerDigest ? 4 : 0)
    this.#maxBurstLength = options.maxBurstLength
    this.#retention = retention
    this.#dataInLength = Math.min(options.maxRecvDataSegmentLengthPeer, LIMITS.dataInLength)
  }

  get maxBurstLength(): number {
    return this.#maxBurstLength
  }

  /** Of one Data-In PDU. */
  get maxDataSegmentLength(): number {
    return this.#dataInLength
  }

  /** The initiator has declared another MaxRecvDataSegmentLength. */
  set maxDataSegmentLength(length: number) {
    this.#dataInLength = Math.min(length, LIMITS.dataInLength)
  }

  sendData(task: Task, data: Buffer): void {
    task.throwIfAborted()
    task.lengthIn = data.length
    const length = Math.min(data.length, task.expectedIn)
    for (let sent = 0; sent < length; ) {
      const part = this.#partLength(sent, length)
      const offset = this.#output.reserve(this.#pduLength(part))
      data.copy(this.#output.slab, offset + this.#headLength, sent, sent + part)
      sent = this.#advanceDataIn(task, offset, sent, part, length)
    }
  }

  sendMedium(task: Task, gate: Gate, offset: number, length: number): void | Promise<void> {
    task.lengthIn = length
    const wanted = Math.min(length, task.expectedIn)
    if (this.isLost) return sendElsewhere(task, gate, offset, 0, wanted)
    for (let sent = 0; sent < wanted; ) {
      const part = this.#partLength(sent, wanted)
      if (this.#output.crowded) return this.sendRest(task, gate, offset, sent, wanted)
      const at = this.#output.reserve(this.#pduLength(part))
      if (!gate.readNow(this.#output.slab, at + this.#headLength, part, offset + sent))
        return this.sendRest(task, gate, offset, sent, wanted)
      sent = this.#advanceDataIn(task, at, sent, part, wanted)
    }
  }

  /** What is not in the page cache: read into a buffer of its own, whole bursts at a time, appended when it is there. */
  async sendRest(task: Task, gate: Gate, offset: number, from: number, wanted: number): Promise<void> {
    for (let sent = from; sent < wanted; ) {
      if (this.isLost) return sendElsewhere(task, gate, offset, sent, wanted)
      const piece = Math.min(wanted - sent, LIMITS.pieceLength)
      const parts: { at: number; sent: number; length: number }[] = []
      let end = 0
      for (let done = 0; done < piece; ) {
        const length = this.#partLength(sent + done, sent + piece)
        parts.push({ at: end, sent: sent + done, length })
        end += this.#pduLength(length)
        done += length
      }
      task.throwIfAborted()
      const buffer = await this.#output.share.acquire(end, task)
      try {
        for (const part of parts) {
          task.throwIfAborted()
          const at = part.at + this.#headLength
          // What was read ahead for the part before is there now.
          if (!gate.readNow(buffer, at, part.length, offset + part.sent))
            await gate.read(buffer, at, part.length, offset + part.sent)
        }
        task.throwIfAborted()
      } catch (error) {
        this.#output.share.release(buffer)
        throw error
      }
      if (this.isLost) {
        this.#output.share.release(buffer)
        continue
      }
      for (const part of parts) this.#writeDataIn(task, buffer, part.at, part.sent, part.length, wanted)
      this.#output.append(buffer, end)
      this.#port.flushSoon() // the next piece may have to wait until this one has left
      this.#lastTask = undefined // its header is no longer in the slab
      sent += piece
    }
  }

  sendR2T(task: Task, targetTransferTag: number, bufferOffset: number, length: number): void {
    const at = this.#output.reserve(this.#headLength)
    const slab = this.#begin(TARGET_OPCODE.R2T, this.#output.slab, at, task.initiatorTaskTag, 0)
    slab[at + 1] = FINAL
    slab.writeUInt32BE(task.lunKey, at + LUN)
    slab.writeUInt32BE(targetTransferTag, at + TARGET_TRANSFER_TAG)
    slab.writeUInt32BE(this.#port.statSn, at + STAT_SN)
    slab.writeUInt32BE(task.dataSn++, at + DATA_SN)
    slab.writeUInt32BE(bufferOffset, at + BUFFER_OFFSET)
    slab.writeUInt32BE(length, at + DESIRED_LENGTH)
    this.#retention?.keep(task, slab.subarray(at, at + BHS_LENGTH), NO_DATA)
    this.#finish(slab, at, 0)
    this.#output.advance(this.#headLength)
  }

  /** Ends a task. GOOD without sense rides on the Data-In PDU before it, when nothing was said since. */
  sendStatus(task: Task, status: number, sense: Buffer | undefined): void {
    if (this.#retention) return this.#sendAnswer(this.#retention, task, status, sense)
    if (
      status === STATUS.GOOD &&
      !isBidirectional(task) &&
      this.#lastTask === task &&
      this.#lastSerial === this.#output.serial &&
      this.#lastSlab === this.#output.slab
    )
      this.#statusOnDataIn(task)
    else this.#sendResponse(task, this.#port.takeStatSn(), status, sense)
    this.#lastTask = undefined
  }

  /** At ErrorRecoveryLevel 1 and 2 it has a PDU of its own, whose ExpDataSN tells which data are missing. */
  #sendAnswer(retention: Retention, task: Task, status: number, sense: Buffer | undefined): void {
    const sent = retention.of(task)
    const statSn = this.#port.takeStatSn()
    sent.answer = sent.refused && status === STATUS.GOOD ? refusal(task, statSn) : { statSn, status, sense }
    this.repeatAnswer(sent)
    retention.keepAnswer(sent, statSn)
  }

  /** Sends the status of a task that another connection has brought; it counts on this one. */
  sendAnswerOf(sent: SentPdus): void {
    const { answer, task } = sent
    if (answer) this.sendStatus(task, answer.status, answer.sense)
  }

  /** Sends the status again that a task has ended with, with what its numbers and its SNACK Tag are now. */
  repeatAnswer({ task, answer }: SentPdus): void {
    if (answer) this.#sendResponse(task, answer.statSn, answer.status, answer.sense)
  }

  /** Sends a PDU again as it was, but for the counters of the session (RFC 7143 11.16). */
  repeat({ header, data }: SentPdu): void {
    const length = this.#pduLength(data.length)
    const at = this.#output.reserve(length)
    const { slab } = this.#output
    header.copy(slab, at)
    slab.writeUInt32BE(this.#port.expCmdSn, at + EXP_CMD_SN)
    slab.writeUInt32BE(this.#port.maxCmdSn, at + MAX_CMD_SN)
    if ((header[0]! & OPCODE_MASK) === TARGET_OPCODE.R2T) slab.writeUInt32BE(this.#port.statSn, at + STAT_SN)
    data.copy(slab, at + this.#headLength)
    this.#finish(slab, at, data.length)
    this.#output.advance(length)
  }

  /** The status of the task waits for those of others: who asks for the task meanwhile finds it. */
  expect(task: Task): void {
    this.#retention?.of(task)
  }

  /** The task has ended without a status: nothing of it is sent again. */
  forget(task: Task): void {
    this.#retention?.forget(task)
  }

  #statusOnDataIn(task: Task): void {
    const { slab } = this.#output
    const at = this.#lastOffset
    slab[at + 1]! |= HAS_STATUS | residualFlags(task.lengthIn, task.expectedIn, OVERFLOW, UNDERFLOW)
    slab[at + DATA_IN_STATUS] = STATUS.GOOD
    slab.writeUInt32BE(this.#port.takeStatSn(), at + STAT_SN)
    slab.writeUInt32BE(this.#port.expCmdSn, at + EXP_CMD_SN)
    slab.writeUInt32BE(this.#port.maxCmdSn, at + MAX_CMD_SN)
    slab.writeUInt32BE(residualCount(task.lengthIn, task.expectedIn), at + RESIDUAL_COUNT)
    if (this.#headerDigest) slab.writeUInt32LE(crc32c(slab.subarray(at, at + BHS_LENGTH)), at + BHS_LENGTH)
  }

  #sendResponse(task: Task, statSn: number, status: number, sense: Buffer | undefined): void {
    const bidirectional = isBidirectional(task)
    const dataLength = sense ? SENSE_LENGTH_BYTES + sense.length : 0
    const length = this.#pduLength(dataLength)
    const at = this.#output.reserve(length)
    const slab = this.#begin(TARGET_OPCODE.SCSI_RESPONSE, this.#output.slab, at, task.initiatorTaskTag, dataLength)
    const outward = bidirectional || (task.expectedOut !== 0 && task.expectedIn === 0)
    const actual = outward
      ? task.lengthOut
      : task.expectedIn !== 0
        ? task.lengthIn
        : Math.max(task.lengthIn, task.lengthOut)
    const expected = outward ? task.expectedOut : task.expectedIn
    slab[at + 1] = FINAL | residualFlags(actual, expected, OVERFLOW, UNDERFLOW)
    slab[at + RESPONSE_STATUS] = status
    if (task.sent) slab.writeUInt32BE(task.sent.snackTag, at + SNACK_TAG)
    slab.writeUInt32BE(statSn, at + STAT_SN)
    slab.writeUInt32BE(task.dataSn, at + EXP_DATA_SN)
    slab.writeUInt32BE(residualCount(actual, expected), at + RESIDUAL_COUNT)
    if (bidirectional) {
      slab[at + 1]! |= residualFlags(task.lengthIn, task.expectedIn, BIDIRECTIONAL_OVERFLOW, BIDIRECTIONAL_UNDERFLOW)
      slab.writeUInt32BE(residualCount(task.lengthIn, task.expectedIn), at + BIDIRECTIONAL_RESIDUAL)
    }
    if (sense) {
      slab.writeUInt16BE(sense.length, at + this.#headLength)
      sense.copy(slab, at + this.#headLength + SENSE_LENGTH_BYTES)
    }
    this.#finish(slab, at, dataLength)
    this.#output.advance(length)
  }

  /** A part ends at the PDU's limit or at the end of a burst, whichever is nearer (MaxBurstLength, RFC 7143 13.13). */
  #partLength(sent: number, wanted: number): number {
    const burst = this.#maxBurstLength - (sent % this.#maxBurstLength)
    return Math.min(this.#dataInLength, wanted - sent, burst)
  }

  #pduLength(dataLength: number): number {
    if (dataLength === 0) return this.#headLength
    return this.#headLength + ((dataLength + 3) & ~3) + (this.#dataDigest ? 4 : 0)
  }

  /** Completes the Data-In whose data stands in the slab; returns how much of the transfer is then sent. */
  #advanceDataIn(task: Task, at: number, sent: number, length: number, wanted: number): number {
    const end = this.#writeDataIn(task, this.#output.slab, at, sent, length, wanted)
    this.#output.advance(this.#pduLength(length))
    this.#lastTask = end === wanted ? task : undefined
    this.#lastSlab = this.#output.slab
    this.#lastOffset = at
    this.#lastSerial = this.#output.serial
    return end
  }

  #writeDataIn(task: Task, buffer: Buffer, at: number, sent: number, length: number, wanted: number): number {
    const end = sent + length
    this.#begin(TARGET_OPCODE.DATA_IN, buffer, at, task.initiatorTaskTag, length)
    buffer[at + 1] = end === wanted || end % this.#maxBurstLength === 0 ? FINAL : 0
    buffer.writeUInt32BE(RESERVED_TAG, at + TARGET_TRANSFER_TAG)
    buffer.writeUInt32BE(task.dataSn++, at + DATA_SN)
    buffer.writeUInt32BE(sent, at + BUFFER_OFFSET)
    if (this.#retention) this.#retain(this.#retention, task, buffer, at, length, end < wanted)
    this.#finish(buffer, at, length)
    task.sentIn = end
    return end
  }

  /** Keeps a Data-In PDU. At the end of a burst that others follow the initiator is asked to say that it has it (RFC 7143 11.7.2). */
  #retain(retention: Retention, task: Task, buffer: Buffer, at: number, length: number, more: boolean): void {
    if (more && (buffer[at + 1]! & FINAL) !== 0) {
      buffer[at + 1]! |= ACKNOWLEDGE
      buffer.writeUInt32BE(task.lunKey, at + LUN)
      buffer.writeUInt32BE(retention.of(task).targetTransferTag, at + TARGET_TRANSFER_TAG)
    }
    const start = at + this.#headLength
    retention.keep(task, buffer.subarray(at, at + BHS_LENGTH), buffer.subarray(start, start + length))
  }

  #begin(opcode: number, buffer: Buffer, at: number, initiatorTaskTag: number, dataLength: number): Buffer {
    buffer.fill(0, at, at + BHS_LENGTH)
    buffer[at] = opcode
    buffer.writeUInt16BE(dataLength & 0xffff, at + DATA_SEGMENT_LENGTH + 1)
    buffer[at + DATA_SEGMENT_LENGTH] = dataLength >> 16
    buffer.writeUInt32BE(initiatorTaskTag, at + INITIATOR_TASK_TAG)
    buffer.writeUInt32BE(this.#port.expCmdSn, at + EXP_CMD_SN)
    buffer.writeUInt32BE(this.#port.maxCmdSn, at + MAX_CMD_SN)
    return buffer
  }

  /** Padding and digests. */
  #finish(buffer: Buffer, at: number, dataLength: number): void {
    if (this.#headerDigest) buffer.writeUInt32LE(crc32c(buffer.subarray(at, at + BHS_LENGTH)), at + BHS_LENGTH)
    if (dataLength === 0) return
    const start = at + this.#headLength
    const end = start + ((dataLength + 3) & ~3)
    buffer.fill(0, start + dataLength, end)
    if (this.#dataDigest) buffer.writeUInt32LE(crc32c(buffer.subarray(start, end)), end)
  }
}

/** Goes on with a read on the connection that its task is reassigned to, when it is. */
async function sendElsewhere(task: Task, gate: Gate, offset: number, from: number, wanted: number): Promise<void> {
  await task.reassigned()
  await task.transport.sendRest(task, gate, offset, from, wanted)
}

/** RFC 7143 7.8, 11.4.7.2: data were asked for again that are there no more. */
function refusal(task: Task, statSn: number): Answer {
  const format = task.lu?.modes.descriptorSense ? 'descriptor' : 'fixed'
  const sense = encodeSense({ sense: SENSE.FAILED_RETRANSMISSION_REQUEST }, format)
  return { statSn, status: STATUS.CHECK_CONDITION, sense }
}

const isBidirectional = ({ expectedIn, expectedOut }: Task): boolean => expectedIn !== 0 && expectedOut !== 0

function residualFlags(actual: number, expected: number, over: number, under: number): number {
  if (actual === expected) return 0
  return actual > expected ? over : under
}

const MAX_RESIDUAL = 0xffff_ffff

const residualCount = (actual: number, expected: number): number => Math.min(Math.abs(actual - expected), MAX_RESIDUAL)

const NO_DATA = Buffer.alloc(0)
