// The data that an initiator sends for one task (RFC 7143 4.2.5.2, 11.7, 11.8): immediate, unsolicited, and what R2Ts ask
// for, in order (DataPDUInOrder and DataSequenceInOrder are Yes here). Bytes and R2Ts pass through the DataOutPort.

import { SENSE, type Sense, SenseError } from '../../protocol/scsi/sense.ts'
import type { PoolShare } from './buffer-pool.ts'
import { DataRecovery } from './data-recovery.ts'
import { LIMITS } from './limits.ts'
import { type Task, TaskAborted } from './task.ts'

/** What the connection does for the transfer. */
export interface DataOutPort {
  /** Buffers for what initiators send. */
  readonly input: PoolShare
  readonly maxBurstLength: number
  readonly firstBurstLength: number
  readonly maxOutstandingR2T: number
  readonly errorRecoveryLevel: number
  sendR2T(task: Task, targetTransferTag: number, bufferOffset: number, length: number): void
  /** The buffer goes back to the pool: nothing that still arrives may be assembled in it. */
  displaced(buffer: Buffer): void
}

/** One Data-Out PDU. */
export interface DataOutPdu {
  readonly final: boolean
  readonly solicited: boolean
  readonly targetTransferTag: number
  readonly dataSn: number
  readonly bufferOffset: number
  readonly data: Buffer
  readonly dataOffset: number
  readonly dataLength: number
}

interface Sequence {
  readonly targetTransferTag: number
  readonly from: number
  readonly end: number
}

/** Positions count bytes of the command's whole data; the buffer holds those from `#base` on. */
export class DataOut {
  /** Seconds that the initiator has kept the target waiting. */
  waitedSeconds = 0

  readonly #task: Task
  #port: DataOutPort
  /** What the buffer is of: also when the task goes on elsewhere. */
  readonly #input: PoolShare
  /** Absent at ErrorRecoveryLevel 0. */
  readonly #recovery: DataRecovery | undefined
  readonly #immediateLength: number
  /** Where the initiator's unsolicited data ends at the latest. */
  readonly #unsolicitedEnd: number
  #unsolicited: boolean
  #buffer: Buffer | undefined
  #base = 0
  /** Bytes that have come, in order. */
  #have: number
  /** Bytes that R2Ts have asked for, or that come unasked. */
  #solicited: number
  /** Where the piece that the handler waits for ends. */
  #wanted = 0
  #sequences: Sequence[] = []
  #nextDataSn = 0
  #failure: Sense | undefined
  #waiter: { resolve: () => void; reject: (reason: Error) => void } | undefined
  #released = false

  /**
   * `immediate`: the data that came with the command. `placed`: it lies at the start of a pooled buffer, which the
   * transfer takes over. `more`: the command's F bit was zero, unsolicited Data-Out PDUs follow.
   */
  constructor(task: Task, port: DataOutPort, immediate: Buffer, placed: Buffer | undefined, more: boolean) {
    this.#task = task
    this.#port = port
    this.#input = port.input
    this.#recovery = port.errorRecoveryLevel > 0 ? new DataRecovery() : undefined
    this.#immediateLength = immediate.length
    this.#unsolicitedEnd = Math.min(port.firstBurstLength, task.expectedOut)
    this.#unsolicited = more
    this.#buffer = placed
    this.#have = immediate.length
    this.#solicited = immediate.length
    if (placed || (!more && immediate.length === 0)) return
    // What comes unasked must find its place at once: the command window bounds it.
    this.#buffer = this.#input.take(more ? this.#unsolicitedEnd : immediate.length)
    immediate.copy(this.#buffer)
  }

  /** The next piece, at most `length` bytes of the command's data; valid until the next call. */
  piece(from: number, length: number): Buffer | Promise<Buffer> {
    const size = Math.min(length, LIMITS.pieceLength)
    if (!this.#buffer || this.#buffer.length < size) return this.#acquire(size, () => this.piece(from, length))
    this.#base = from
    return this.#receive(from, size)
  }

  /** The first `length` bytes of the data in one buffer. */
  all(length: number): Buffer | Promise<Buffer> {
    if (!this.#buffer || this.#buffer.length < length) return this.#acquire(length, () => this.all(length))
    return this.#receive(0, length)
  }

  /** Moves to a pooled buffer for `size` bytes, when there is one; then goes on with `next`. */
  #acquire(size: number, next: () => Buffer | Promise<Buffer>): Buffer | Promise<Buffer> {
    this.#task.throwIfAborted()
    const granted = this.#input.acquire(size, this.#task)
    if (!(granted instanceof Promise)) {
      this.#moveTo(granted)
      return next()
    }
    return granted.then((buffer) => {
      this.#moveTo(buffer)
      if (this.#released) this.release()
      return next()
    })
  }

  #moveTo(buffer: Buffer): void {
    const old = this.#buffer
    old?.copy(buffer, 0, 0, Math.max(this.#have, this.#recovery?.reach ?? 0) - this.#base)
    if (old) this.#giveBack(old)
    this.#buffer = buffer
  }

  #receive(from: number, length: number): Buffer | Promise<Buffer> {
    this.#task.throwIfAborted()
    this.#wanted = from + length
    if (this.#failure && !this.#unsolicited) throw new SenseError(this.#failure)
    if (this.#have >= this.#wanted && !this.#failure) return this.#view(from, length)
    this.#solicit()
    return new Promise<void>((resolve, reject) => {
      this.#waiter = { resolve, reject }
      this.#task.wake = (reason) => this.#settle(() => reject(reason))
    }).then(() => this.#view(from, length))
  }

  #view(from: number, length: number): Buffer {
    if (!this.#buffer) throw new TaskAborted()
    const start = from - this.#base
    return this.#buffer.subarray(start, start + length)
  }

  #solicit(): void {
    if (this.#unsolicited) return // until its F bit nobody knows where the unsolicited data ends
    const { maxOutstandingR2T, maxBurstLength } = this.#port
    while (this.#sequences.length < maxOutstandingR2T) {
      const missing = this.#recovery?.next(maxBurstLength)
      if (missing) {
        this.#ask(missing.from, missing.to)
        continue
      }
      if (this.#solicited >= this.#wanted) return
      const from = this.#solicited
      this.#solicited += Math.min(maxBurstLength, this.#wanted - from)
      this.#ask(from, this.#solicited)
    }
  }

  #ask(from: number, end: number): void {
    const targetTransferTag = this.#task.dataSn
    this.#sequences.push({ targetTransferTag, from, end })
    this.#port.sendR2T(this.#task, targetTransferTag, from, end - from)
  }

  /**
   * A second has passed. When half of the time is over in which data must come, they are taken for lost and asked for again
   * (sequence reception timeout, RFC 7143 7.1.4.1); so are unsolicited data whose end nobody has seen.
   */
  tick(timeoutSeconds: number): void {
    if (!this.#waiter && !this.#unsolicited) return
    this.waitedSeconds++
    if (this.#recovery && this.waitedSeconds === Math.ceil(timeoutSeconds / 2)) this.#askAgain(this.#recovery)
  }

  /** The number of the first R2T that is not answered, if there is one: its tag. */
  get firstUnanswered(): number | undefined {
    return this.#sequences[0]?.targetTransferTag
  }

  /** The task is allegiant to another connection: what has not come is asked for there. */
  resume(port: DataOutPort): void {
    this.#port = port
    this.waitedSeconds = 0
    if (this.#recovery) this.#askAgain(this.#recovery)
  }

  #askAgain(recovery: DataRecovery): void {
    this.#unsolicited = false
    this.#sequences = []
    this.#solicited = Math.max(this.#solicited, recovery.reach)
    recovery.startAgain()
    recovery.endSequence(this.#have, { from: this.#have, to: this.#solicited })
    this.#goOn()
  }

  /** Where a straddling Data-Out's payload can be assembled at once, if it is the one that is expected. */
  place(bufferOffset: number, length: number): Buffer | undefined {
    const start = bufferOffset - this.#base
    if (this.#recovery?.hasEarly) return undefined // damaged data must not lie over good ones
    if (bufferOffset !== this.#have || start + length > (this.#buffer?.length ?? 0)) return undefined
    return this.#buffer?.subarray(start, start + length)
  }

  /**
   * Takes a Data-Out PDU. A PDU out of order or out of bounds fails the command when its sequence has ended (the
   * RFC 7143 7.9 treatment of a sequence error inside a connection that stays up), never the connection.
   */
  take(pdu: DataOutPdu): void {
    this.waitedSeconds = 0
    if (this.#recovery) return this.#recover(this.#recovery, pdu, false)
    const sequence = this.#sequences[0]
    const problem = this.#judge(pdu, sequence)
    if (problem) this.#failure ??= problem
    else this.#store(pdu)
    if (!pdu.final) return
    this.#nextDataSn = 0
    if (!pdu.solicited) this.#unsolicited = false
    else if (sequence) this.#sequences.shift()
    this.#continue(pdu)
  }

  /** A Data-Out PDU whose data are not what was sent: they are missing. */
  damaged(pdu: DataOutPdu): void {
    this.waitedSeconds = 0
    if (this.#recovery) this.#recover(this.#recovery, pdu, true)
  }

  /** Data may be missing before a PDU, or within it: they are asked for when the sequence has ended (RFC 7143 7.8, 7.9). */
  #recover(recovery: DataRecovery, pdu: DataOutPdu, damaged: boolean): void {
    const end = pdu.bufferOffset + pdu.dataLength
    const sequence = this.#sequenceOf(pdu, end)
    if (!sequence) return // an answer to an R2T that was answered, or has been sent anew
    if (pdu.bufferOffset < sequence.from || end > sequence.end) this.#failure ??= outOfBounds(pdu)
    else if (!damaged) this.#storeAnywhere(recovery, pdu, end)
    if (!pdu.final) return
    if (pdu.solicited) {
      this.#sequences = this.#sequences.filter((other) => other !== sequence)
      if (end < sequence.end) this.#failure ??= SENSE.NOT_ENOUGH_UNSOLICITED_DATA
    } else {
      this.#unsolicited = false
      this.#solicited = Math.max(this.#solicited, Math.min(end, sequence.end))
    }
    recovery.endSequence(this.#have, { from: sequence.from, to: pdu.solicited ? sequence.end : this.#solicited })
    if (recovery.asked > LIMITS.recoveryR2TsPerTask) this.#failure ??= SENSE.PROTOCOL_SERVICE_CRC_ERROR
    this.#continue(pdu)
  }

  #sequenceOf({ solicited, targetTransferTag }: DataOutPdu, end: number): Sequence | undefined {
    if (solicited) return this.#sequences.find((sequence) => sequence.targetTransferTag === targetTransferTag)
    if (this.#unsolicited) return { targetTransferTag, from: this.#immediateLength, end: this.#unsolicitedEnd }
    // After the end of the unsolicited data: too much of them, unless they have come before.
    return end <= this.#solicited ? undefined : { targetTransferTag, from: end, end }
  }

  #storeAnywhere(recovery: DataRecovery, pdu: DataOutPdu, end: number): void {
    this.#copy(pdu)
    this.#have = recovery.take(this.#have, pdu.bufferOffset, end)
    if (!pdu.solicited) this.#solicited = Math.max(this.#solicited, this.#have)
  }

  #judge(pdu: DataOutPdu, sequence: Sequence | undefined): Sense | undefined {
    const end = pdu.bufferOffset + pdu.dataLength
    if (!pdu.solicited) {
      if (!this.#unsolicited || end > this.#unsolicitedEnd) return SENSE.UNEXPECTED_UNSOLICITED_DATA
    } else if (!sequence || sequence.targetTransferTag !== pdu.targetTransferTag || end > sequence.end)
      return SENSE.PROTOCOL_SERVICE_CRC_ERROR
    if (pdu.dataSn !== this.#nextDataSn || pdu.bufferOffset !== this.#have) return SENSE.PROTOCOL_SERVICE_CRC_ERROR
    if (pdu.final && pdu.solicited && end !== sequence?.end) return SENSE.NOT_ENOUGH_UNSOLICITED_DATA
    return undefined
  }

  #store(pdu: DataOutPdu): void {
    this.#nextDataSn++
    this.#copy(pdu)
    this.#have += pdu.dataLength
    if (!pdu.solicited) this.#solicited = this.#have
  }

  #copy(pdu: DataOutPdu): void {
    const known = Math.max(0, this.#have - pdu.bufferOffset) // what has come before stays as it is
    const start = pdu.bufferOffset + known - this.#base
    const buffer = this.#buffer
    const inPlace = pdu.data.buffer === buffer?.buffer && pdu.data.byteOffset === buffer.byteOffset + start
    // Data beyond the first piece comes unasked only where the initiator sends more than the command needs.
    if (buffer && !inPlace && start < buffer.length && known < pdu.dataLength)
      pdu.data.copy(buffer, start, pdu.dataOffset + known, pdu.dataOffset + pdu.dataLength)
  }

  #continue(pdu: DataOutPdu): void {
    const waiter = this.#waiter
    if (!waiter) return
    const failure = this.#failure
    if (failure) {
      if (this.#sequences.length === 0 || pdu.solicited) this.#settle(() => waiter.reject(new SenseError(failure)))
    } else this.#goOn()
  }

  #goOn(): void {
    const waiter = this.#waiter
    if (!waiter) return
    if (this.#have >= this.#wanted) this.#settle(waiter.resolve)
    else this.#solicit()
  }

  #settle(how: () => void): void {
    this.#waiter = undefined
    this.#task.wake = undefined
    how()
  }

  /** Gives the buffer back; the task has ended. */
  release(): void {
    this.#released = true
    if (this.#buffer) this.#giveBack(this.#buffer)
    this.#buffer = undefined
  }

  #giveBack(buffer: Buffer): void {
    this.#port.displaced(buffer)
    this.#input.release(buffer)
  }
}

const outOfBounds = ({ solicited }: DataOutPdu): Sense =>
  solicited ? SENSE.PROTOCOL_SERVICE_CRC_ERROR : SENSE.UNEXPECTED_UNSOLICITED_DATA
