// A load on one LUN that checks itself: workers write blocks that only they write, read them back and compare, until they
// are told to stop. A unit attention is taken and the command is sent again, as hosts do.

import { type Decoded, type Layout, READ_16, type Sense, STATUS, WRITE_16 } from '../../protocol/index.ts'
import type { CommandResult } from '../../src/host/index.ts'
import { type Disk, expectGood, pattern } from './disk.ts'

const BLOCKS = 8
const PLACES = 16

export class Load {
  /** Commands that have ended GOOD. */
  done = 0
  /** Unit attention conditions that were reported, in their order. */
  readonly news: Sense[] = []
  readonly #disk: Disk
  readonly #workers: Promise<void>
  #stopping = false
  #waiters: { readonly at: number; readonly resolve: () => void }[] = []

  constructor(disk: Disk, workers = 4) {
    this.#disk = disk
    this.#workers = Promise.all(Array.from({ length: workers }, (_, worker) => this.#work(worker))).then(() => {})
    this.#workers.catch(() => {}) // told by stop and by moves
  }

  /** Resolves when so many more commands have ended; rejects when a worker has found something wrong. */
  async moves(commands = 50): Promise<void> {
    const moved = new Promise<void>((resolve) => {
      this.#waiters.push({ at: this.done + commands, resolve })
    })
    await Promise.race([moved, this.#workers])
  }

  /** Rejects when a worker has found something wrong. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#workers
  }

  async #work(worker: number): Promise<void> {
    for (let round = 0; !this.#stopping; round++) {
      const lba = BigInt((worker * PLACES + (round % PLACES)) * BLOCKS)
      const data = pattern(BLOCKS * 512, worker * 100_000 + round)
      await this.#run(WRITE_16, { lba, blocks: BLOCKS }, { dataOut: data })
      const { data: found } = await this.#run(READ_16, { lba, blocks: BLOCKS }, { dataInLength: data.length })
      if (!found.equals(data)) throw new Error(`worker ${worker}, round ${round}: not what was written`)
    }
  }

  async #run<L extends Layout>(cdb: L, fields: Partial<Decoded<L>>, io: object): Promise<CommandResult> {
    for (;;) {
      const result = await this.#disk.run(cdb, fields, io)
      if (result.status !== STATUS.CHECK_CONDITION || result.sense?.sense.key !== UNIT_ATTENTION) {
        expectGood(result)
        this.#count()
        return result
      }
      this.news.push(result.sense.sense)
    }
  }

  #count(): void {
    this.done++
    const due = this.#waiters.filter(({ at }) => at <= this.done)
    this.#waiters = this.#waiters.filter(({ at }) => at > this.done)
    for (const { resolve } of due) resolve()
  }
}

const UNIT_ATTENTION = 6
