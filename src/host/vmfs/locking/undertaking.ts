// The undertaker of a host at work, as long as it has the volume open.

import type { LockingHost } from './burial.ts'
import type { Procedure } from './commands.ts'
import { lookAfter, type Round, type SeenSlot } from './undertaker.ts'

/** The slots that were in use before, and when they had been read. */
export interface Others {
  readonly slots: readonly SeenSlot[]
  readonly atMs: number
}

/** Who runs procedures. */
interface Runner {
  run(procedure: Procedure<void>): Promise<void>
  /** Ends the wait of a procedure. */
  wake(procedure: Procedure<void>): void
}

const OVER: Round = { freed: 0, isSettled: true }

export class Undertaking {
  readonly #host: LockingHost
  readonly #runner: Runner
  readonly #procedure: Procedure<void>
  readonly #done: Promise<void>
  #waiting: ((round: Round) => void)[] = []
  #isSettled: boolean

  constructor(host: LockingHost, { slots, atMs }: Others, runner: Runner) {
    this.#host = host
    this.#isSettled = slots.length === 0
    this.#runner = runner
    this.#procedure = lookAfter(host, slots, atMs, (round) => this.#tell(round))
    // A slot that makes no sense is for who opens the volume to be told, not for who has it open.
    this.#done = runner.run(this.#procedure).catch(() => this.#tell(OVER))
  }

  /** Resolves when one of the others is buried, or gone. @returns false when none is left that may be dead */
  async nextBurial(): Promise<boolean> {
    for (;;) {
      if (this.#isSettled || this.#host.burials.isEnding) return false
      const { freed, isSettled } = await new Promise<Round>((resolve) => this.#waiting.push(resolve))
      if (freed > 0 || isSettled) return freed > 0
    }
  }

  /** What it has begun to bury it finishes, or leaves to others. */
  async end(): Promise<void> {
    this.#host.burials.isEnding = true
    this.#runner.wake(this.#procedure)
    await this.#done
    this.#tell(OVER)
  }

  #tell(round: Round): void {
    this.#isSettled = round.isSettled
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve(round)
  }
}
