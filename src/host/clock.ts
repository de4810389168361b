// Time as the host sees it: a test hands in a clock that it steps itself.

export interface Clock {
  /** Milliseconds that only grow. */
  now(): number
  /** Calls `callback` once, `ms` from now; what comes back takes that back. */
  after(ms: number, callback: () => void): () => void
}

/** 24 days: what is longer Node takes for no time at all. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST_MS))
    return () => clearTimeout(timer)
  },
}

export const delay = (clock: Clock, ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve))

/** Calls `then` once, not before `atMs`: a timer may come a little early. */
export function callAt(clock: Clock, atMs: number, then: () => void): () => void {
  let cancel = (): void => {}
  const wait = (): void => {
    cancel = clock.after(Math.max(0, atMs - clock.now()), () => (clock.now() < atMs ? wait() : then()))
  }
  wait()
  return () => cancel()
}
