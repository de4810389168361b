// The Data-In PDUs and R2Ts that may be asked for again (RFC 7143 11.16), from ErrorRecoveryLevel 1 on. They are kept as they
// were sent: a medium that is read again may hold something else. Bounded for a session and for all; the oldest go first.

import type { SentPdu, SentPdus } from './sent-pdus.ts'

/** What is kept beside the bytes of a PDU. */
const OVERHEAD_BYTES = 200

/** Bytes that are kept by all sessions of an array. */
export interface RetentionBudget {
  readonly limit: number
  used: number
}

export class DataRetention {
  readonly budget: RetentionBudget
  readonly #limit: number
  #used = 0
  /** Those that keep something, the oldest first. */
  readonly #holders = new Set<SentPdus>()
  #closed = false

  constructor(limit: number, budget: RetentionBudget) {
    this.#limit = limit
    this.budget = budget
  }

  /** Keeps the PDU that has the task's last number. */
  keep(sent: SentPdus, pdu: SentPdu): void {
    const bytes = sizeOf(pdu)
    sent.pdus.push(pdu)
    this.#holders.add(sent)
    this.#count(bytes)
    while (this.#closed || this.#used > this.#limit || this.budget.used > this.budget.limit) {
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
    this.budget.used += bytes
  }
}

const sizeOf = ({ header, data }: SentPdu): number => OVERHEAD_BYTES + header.length + data.length
