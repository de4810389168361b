// The Data-In PDUs and R2Ts that may be asked for again (RFC 7143 11.16), from ErrorRecoveryLevel 1 on. They are kept as they
// were sent: a medium that is read again may hold something else. Bounded for a session and for all; the oldest go first.

import type { Task } from './task.ts'

/** A PDU without its digests and padding. */
export interface SentPdu {
  readonly header: Buffer
  readonly data: Buffer
}

/** What is kept beside the bytes of a PDU. */
const OVERHEAD_BYTES = 200

/** Bytes that are kept by all sessions of an array. */
export interface RetentionBudget {
  readonly limit: number
  used: number
}

/** How a command has ended. */
export interface Answer {
  readonly statSn: number
  readonly status: number
  readonly sense: Buffer | undefined
}

/** What has been sent for one task, and what of it is not acknowledged. */
export class SentPdus {
  readonly task: Task
  /** What a DataACK names the task by (RFC 7143 11.7.4). */
  targetTransferTag = 0
  /** The first number that the initiator has not acknowledged: the data acknowledgment reference number (RFC 7143 11.5.6). */
  acknowledged = 0
  /** Of the last R-Data SNACK (RFC 7143 11.4.4). */
  snackTag = 0
  /** Data that were asked for are there no more: the command fails (RFC 7143 7.8). */
  refused = false
  answer: Answer | undefined
  /** In the order of their numbers, up to the last that was sent. */
  readonly pdus: SentPdu[] = []

  constructor(task: Task) {
    this.task = task
  }

  /** The number of the first that is kept. */
  get first(): number {
    return this.task.dataSn - this.pdus.length
  }
}

export class DataRetention {
  readonly #limit: number
  readonly #budget: RetentionBudget
  #used = 0
  /** Those that keep something, the oldest first. */
  readonly #holders = new Set<SentPdus>()
  #closed = false

  constructor(limit: number, budget: RetentionBudget) {
    this.#limit = limit
    this.#budget = budget
  }

  get used(): number {
    return this.#used
  }

  /** Keeps the PDU that has the task's last number. */
  keep(sent: SentPdus, pdu: SentPdu): void {
    const bytes = sizeOf(pdu)
    sent.pdus.push(pdu)
    this.#holders.add(sent)
    this.#count(bytes)
    while (this.#closed || this.#used > this.#limit || this.#budget.used > this.#budget.limit) {
      const [oldest] = this.#holders
      if (!oldest) return
      this.#drop(oldest, 1)
    }
  }

  /** The initiator has all before this number. */
  acknowledge(sent: SentPdus, number: number): void {
    sent.acknowledged = number
    this.#drop(sent, Math.max(0, number - sent.first))
  }

  release(sent: SentPdus): void {
    this.#drop(sent, sent.pdus.length)
  }

  /** The session has ended: nothing is kept any more. */
  close(): void {
    this.#closed = true
    for (const sent of this.#holders) this.release(sent)
  }

  #drop(sent: SentPdus, count: number): void {
    for (const pdu of sent.pdus.splice(0, count)) this.#count(-sizeOf(pdu))
    if (sent.pdus.length === 0) this.#holders.delete(sent)
  }

  #count(bytes: number): void {
    this.#used += bytes
    this.#budget.used += bytes
  }
}

const sizeOf = ({ header, data }: SentPdu): number => OVERHEAD_BYTES + header.length + data.length
