// What a logical unit has done since it was powered on, or since LOG SELECT set its counters back: the General Statistics
// and Performance log page (19h, SPC-4 7.3). The counters themselves are the device server's and the gate's.

import type { Gate } from '../../luns/gate.ts'

interface Totals {
  readonly readCommands: number
  readonly writeCommands: number
  readonly bytesRead: number
  readonly bytesWritten: number
}

export class Statistics {
  /** Commands that the device server has begun, by their access to the medium: only ever grow. */
  readonly commands = { none: 0, read: 0, write: 0 }
  readonly #gate: Gate
  readonly #blockSize: number
  #since: Totals = { readCommands: 0, writeCommands: 0, bytesRead: 0, bytesWritten: 0 }

  constructor(gate: Gate, blockSize: number) {
    this.#gate = gate
    this.#blockSize = blockSize
  }

  get readCommands(): number {
    return this.commands.read - this.#since.readCommands
  }

  get writeCommands(): number {
    return this.commands.write - this.#since.writeCommands
  }

  /** Logical blocks read for initiators, and written for them. */
  get blocksRead(): number {
    return Math.floor((this.#gate.counters.bytesRead - this.#since.bytesRead) / this.#blockSize)
  }

  get blocksWritten(): number {
    return Math.floor((this.#gate.counters.bytesWritten - this.#since.bytesWritten) / this.#blockSize)
  }

  reset(): void {
    const { read, write } = this.commands
    const { bytesRead, bytesWritten } = this.#gate.counters
    this.#since = { readCommands: read, writeCommands: write, bytesRead, bytesWritten }
  }
}
