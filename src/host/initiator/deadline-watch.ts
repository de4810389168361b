// One timer for the deadlines of many: armed for the earliest, it finds those that have passed.

import type { Clock } from '../clock.ts'

interface WithDeadline {
  deadlineMs: number
}

/** A process that was stopped finds its timers due before it has read what has come meanwhile: it looks again. */
const SECOND_LOOK_MS = 1

export class DeadlineWatch<T extends WithDeadline> {
  readonly #clock: Clock
  readonly #all: ReadonlySet<T>
  readonly #expired: (one: T) => void
  #armedForMs = Number.POSITIVE_INFINITY
  #cancel: () => void = () => {}
  /** Those that were late when they were looked at first. */
  #suspects: T[] = []

  /** `expired` is called once for each of `all` whose deadline passes while it is there. */
  constructor(clock: Clock, all: ReadonlySet<T>, expired: (one: T) => void) {
    this.#clock = clock
    this.#all = all
    this.#expired = expired
  }

  /** There is a new one, with this deadline. */
  expect(deadlineMs: number): void {
    if (deadlineMs >= this.#armedForMs) return
    this.#arm(deadlineMs)
  }

  stop(): void {
    this.#cancel()
    this.#armedForMs = Number.POSITIVE_INFINITY
  }

  #arm(deadlineMs: number): void {
    this.#cancel()
    this.#armedForMs = deadlineMs
    this.#cancel = this.#clock.after(Math.max(0, deadlineMs - this.#clock.now()), () => this.#look())
  }

  #look(): void {
    this.#armedForMs = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    const guilty = this.#suspects.filter((one) => this.#all.has(one) && one.deadlineMs <= now)
    this.#suspects = []
    for (const one of guilty) one.deadlineMs = Number.POSITIVE_INFINITY
    let next = Number.POSITIVE_INFINITY
    for (const one of this.#all) {
      if (one.deadlineMs <= now) this.#suspects.push(one)
      else next = Math.min(next, one.deadlineMs)
    }
    if (this.#suspects.length > 0) next = now + SECOND_LOOK_MS
    if (next < Number.POSITIVE_INFINITY) this.#arm(next)
    for (const one of guilty) this.#expired(one)
  }
}
