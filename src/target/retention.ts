// What a connection keeps to send again at ErrorRecoveryLevel 1 and 2 (RFC 7143 11.16): the Data-In and R2Ts of its tasks, and
// every status, until the initiator acknowledges them by DataACK or ExpStatSN.

import { DATA_IN } from '../../protocol/iscsi/data-in.ts'
import { BHS_LENGTH, RESERVED_TAG } from '../../protocol/iscsi/opcodes.ts'
import { type DataRetention, type SentPdu, SentPdus } from './data-retention.ts'
import { LIMITS } from './limits.ts'
import { StatusRetention, type StatusRun } from './status-retention.ts'
import type { Task } from './task.ts'

const ACKNOWLEDGE = 0x40
const LUN = DATA_IN.at('lun').byte
const TARGET_TRANSFER_TAG = DATA_IN.at('targetTransferTag').byte

/** A status: of a task, which is made anew, or any other PDU that has a StatSN. */
export type Said = SentPdus | SentPdu

export class Retention {
  readonly #data: DataRetention
  readonly #statuses: StatusRetention<Said>
  readonly #byTaskTag = new Map<number, SentPdus>()
  readonly #byTransferTag = new Map<number, SentPdus>()
  #lastTransferTag = 0

  /** `statSn`: the first status that is kept. */
  constructor(data: DataRetention, statSn: number) {
    this.#data = data
    const bounds = { count: LIMITS.statusesPerConnection, bytes: LIMITS.statusBytesPerConnection }
    this.#statuses = new StatusRetention(statSn, bounds, (said) => {
      if (said instanceof SentPdus) this.#forget(said)
    })
  }

  /** What has been sent for a task, from now on known by its tag. */
  of(task: Task): SentPdus {
    if (!task.sent) {
      task.sent = new SentPdus(task)
      this.adopt(task.sent)
    }
    return task.sent
  }

  /** Takes over a task of another connection. A tag that its initiator uses again is that of the new task. */
  adopt(sent: SentPdus): void {
    const { initiatorTaskTag } = sent.task
    const before = this.#byTaskTag.get(initiatorTaskTag)
    if (before) this.#forget(before)
    this.#byTaskTag.set(initiatorTaskTag, sent)
    do this.#lastTransferTag = (this.#lastTransferTag + 1) >>> 0
    while (this.#lastTransferTag === RESERVED_TAG || this.#byTransferTag.has(this.#lastTransferTag))
    sent.targetTransferTag = this.#lastTransferTag
    this.#byTransferTag.set(sent.targetTransferTag, sent)
  }

  /** Keeps a copy of the Data-In or R2T that was numbered last. */
  keep(task: Task, header: Buffer, data: Buffer): void {
    this.#data.keep(this.of(task), { header: copyOf(header), data: copyOf(data) })
  }

  /** Keeps a Data-In that has been cut anew; its A bit names the task by its tag. */
  keepAnew(sent: SentPdus, pdu: SentPdu): SentPdu {
    if ((pdu.header[1]! & ACKNOWLEDGE) !== 0) {
      pdu.header.writeUInt32BE(sent.task.lunKey, LUN)
      pdu.header.writeUInt32BE(sent.targetTransferTag, TARGET_TRANSFER_TAG)
    }
    this.#data.keep(sent, pdu)
    return pdu
  }

  keepAnswer(sent: SentPdus, statSn: number): void {
    sent.task.leaveChunk() // the task stays for longer than the chunk that it came in
    this.#statuses.keep(statSn, sent, BHS_LENGTH + (sent.answer?.sense?.length ?? 0))
  }

  /** A status that no task has. */
  keepStatus(statSn: number, header: Buffer, data: Buffer): void {
    this.#statuses.keep(statSn, { header: copyOf(header), data: copyOf(data) }, header.length + data.length)
  }

  acknowledgeStatus(expStatSn: number): void {
    this.#statuses.acknowledge(expStatSn)
  }

  acknowledgeData(sent: SentPdus, number: number): void {
    this.#data.acknowledge(sent, number)
  }

  statuses(first: number, count: number): StatusRun<Said> {
    return this.#statuses.run(first, count)
  }

  find(initiatorTaskTag: number): SentPdus | undefined {
    return this.#byTaskTag.get(initiatorTaskTag)
  }

  findByTransferTag(targetTransferTag: number): SentPdus | undefined {
    return this.#byTransferTag.get(targetTransferTag)
  }

  /** What was kept is about to be sent in another way: the next number is `number`. */
  renumber(sent: SentPdus, number: number): void {
    this.#data.release(sent)
    sent.task.dataSn = number
  }

  /** The task has ended without a status, or goes on elsewhere. */
  forget(task: Task): void {
    if (task.sent) this.#forget(task.sent)
  }

  /** Hands a task over to another connection: what has been sent for it stays. */
  leave(sent: SentPdus): void {
    if (this.#byTaskTag.get(sent.task.initiatorTaskTag) === sent) this.#byTaskTag.delete(sent.task.initiatorTaskTag)
    this.#byTransferTag.delete(sent.targetTransferTag)
  }

  /** The connection has ended for good. */
  release(): void {
    for (const sent of this.#byTransferTag.values()) this.#forget(sent)
  }

  #forget(sent: SentPdus): void {
    if (this.#byTransferTag.get(sent.targetTransferTag) !== sent) return // it has gone elsewhere
    this.leave(sent)
    this.#data.release(sent)
  }
}

/** Of exactly as many bytes as are counted: none of a pool that it would keep alive. */
function copyOf(bytes: Buffer): Buffer {
  if (bytes.length === 0) return NO_DATA
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}

const NO_DATA = Buffer.alloc(0)
