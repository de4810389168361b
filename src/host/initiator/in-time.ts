// An answer that is waited for so long and no longer: where it stays away the connection ends, and everything on it fails.

import type { Clock } from '../clock.ts'
import { ConnectionLostError } from './errors.ts'
import type { InitiatorSession } from './session.ts'

interface Patience {
  readonly clock: Clock
  readonly timeoutMs: number
  /** What messages call the request. */
  readonly what: string
}

export async function inTime<T>(
  session: InitiatorSession,
  answer: Promise<T>,
  { clock, timeoutMs, what }: Patience,
): Promise<T> {
  const cancel = clock.after(timeoutMs, () =>
    session.destroy(new ConnectionLostError(`${what}: no answer within ${timeoutMs} ms`)),
  )
  try {
    return await answer
  } finally {
    cancel()
  }
}
