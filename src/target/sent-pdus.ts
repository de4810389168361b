// What a task has sent that may be asked for again (RFC 7143 11.16), from ErrorRecoveryLevel 1 on: its Data-In PDUs and R2Ts by
// their numbers, and its status.

import type { Task } from './task.ts'

/** A PDU without its digests and padding. */
export interface SentPdu {
  readonly header: Buffer
  readonly data: Buffer
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
