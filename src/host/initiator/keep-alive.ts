// Finds out that a target is gone although nothing says so (RFC 7143 11.18): when nothing has come for a while a NOP-Out asks
// for an answer, and when nothing comes then the connection is dead.

import type { Clock } from '../clock.ts'

export interface KeepAliveOptions {
  /** Without anything received. Zero: never ask. */
  readonly intervalMs: number
  /** For the answer. */
  readonly timeoutMs: number
}

interface Pinged {
  /** PDUs that have come. */
  readonly received: number
  nop(): Promise<unknown>
}

/** A process that was stopped finds its timers due before it has read what has come meanwhile: it looks again. */
const SECOND_LOOK_MS = 1

/** `dead` is called once at most. @returns what ends it */
export function keepAlive(
  clock: Clock,
  { intervalMs, timeoutMs }: KeepAliveOptions,
  session: Pinged,
  dead: () => void,
): () => void {
  let cancel = (): void => {}
  const arm = (ms: number, then: () => void): void => {
    const seen = session.received
    cancel = clock.after(ms, () => (session.received === seen ? then() : watch()))
  }
  const watch = (): void => arm(intervalMs, ping)
  const ping = (): void => {
    session.nop().catch(() => {}) // its answer counts as anything else that comes
    arm(timeoutMs, () => arm(SECOND_LOOK_MS, dead))
  }
  if (intervalMs > 0) watch()
  return () => cancel()
}
