// Time that a test steps: nothing happens by itself.

import type { Clock } from '../../src/host/index.ts'

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

export class ManualClock implements Clock {
  #now = 0
  readonly #timers = new Set<Timer>()
  #wake: (() => void)[] = []

  now(): number {
    return this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { atMs: this.#now + ms, callback }
    this.#timers.add(timer)
    const wake = this.#wake
    this.#wake = []
    for (const each of wake) each()
    return () => this.#timers.delete(timer)
  }

  /** Timers that nobody has taken back. */
  get armed(): number {
    return this.#timers.size
  }

  /** Lets time pass, every timer at its time. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.atMs)
      this.#timers.delete(next)
      next.callback()
    }
    this.#now = end
  }

  /** Waits until a timer is armed that is due exactly `ms` from now, and lets so much time pass. */
  async pass(ms: number): Promise<void> {
    while (![...this.#timers].some(({ atMs }) => atMs === this.#now + ms))
      await new Promise<void>((resolve) => this.#wake.push(resolve))
    this.advance(ms)
  }

  #next(endMs: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) if (timer.atMs <= endMs && (!first || timer.atMs < first.atMs)) first = timer
    return first
  }
}
