// Synchronous writes go to the page cache in microseconds, until the kernel throttles a process that dirties pages
// faster than the disk takes them. The guard times them: after a slow one, writes go to the thread pool for twenty times
// as long, so that stalls take at most a twentieth of the event loop's time, however slow the disk is.

const SLOW_MS = 2
const PAUSE_FACTOR = 20
const LONGEST_PAUSE_MS = 5000

/** What `enter` gives while synchronous calls are not to be made. */
export const STALLED = -1

export class StallGuard {
  readonly #now: () => number
  #pausedUntil = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** The time, to be handed to `leave` after the call; STALLED: leave the call to the thread pool. */
  enter(): number {
    const now = this.#now()
    return now < this.#pausedUntil ? STALLED : now
  }

  leave(entered: number): void {
    const now = this.#now()
    const took = now - entered
    if (took > SLOW_MS) this.#pausedUntil = now + Math.min(PAUSE_FACTOR * took, LONGEST_PAUSE_MS)
  }
}
