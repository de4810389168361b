// A wait that has an end.

import { setTimeout } from 'node:timers/promises'

/** Waits for a promise, but no longer than that. Rejects where the promise does. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const timer = new AbortController()
  try {
    await Promise.race([promise, setTimeout(ms, undefined, { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}
