// Long operations go in pieces and let the event loop turn between them: a store in memory never waits by itself.

import { setImmediate } from 'node:timers/promises'
import { AbortedError } from './errors.ts'

const SLICE_MS = 0.5

/** Asked between the pieces of a long operation: whether the task was aborted. */
export type Stop = () => boolean

export function throwIfStopped(stop: Stop | undefined): void {
  if (stop?.()) throw new AbortedError()
}

export class Pacer {
  readonly #stop: Stop | undefined
  #since = performance.now()

  constructor(stop: Stop | undefined) {
    this.#stop = stop
  }

  /** To be awaited before each piece. Throws AbortedError. */
  async next(): Promise<void> {
    if (performance.now() - this.#since > SLICE_MS) {
      await setImmediate()
      this.#since = performance.now()
    }
    throwIfStopped(this.#stop)
  }
}
