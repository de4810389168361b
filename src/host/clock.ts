// Time as the host sees it: a test hands in a clock that it steps itself.

export interface Clock {
  /** Milliseconds that only grow. */
  now(): number
  /** Calls `callback` once, `ms` from now; what comes back takes that back. */
  after(ms: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
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
