// Takes a lock whoever holds it: waits for hosts that live, and finds out of each whether it does. A host whose heartbeat slot has
// not changed for the time of a lease is dead: its slot is claimed, its journal replayed, its slot cleared with another generation,
// and only then its locks are there to be taken.

import { isGone, type LockingHost } from './burial.ts'
import type { AnswerKind, Command, Procedure } from './commands.ts'
import type { HeldMode, Holder } from './lock-images.ts'
import { acquireLock } from './lock-procedures.ts'

export type Taken =
  | { readonly kind: 'acquired'; readonly holder: Holder; readonly image: Buffer }
  | { readonly kind: 'busy'; readonly holders: readonly Holder[]; readonly image: Buffer }
  | { readonly kind: 'no heartbeat' }
  | { readonly kind: 'failed'; readonly why: AnswerKind }

/**
 * @param patienceMs how long hosts that live are waited for
 * @param known the lock as it was left, free, which it may be still
 */
export function* takeLock(
  host: LockingHost,
  offset: number,
  mode: HeldMode,
  patienceMs: number,
  known?: Buffer,
): Procedure<Taken> {
  let dead: Holder[] = []
  let left = known
  let waitedMs = 0
  for (;;) {
    const holder = host.holder()
    if (!holder) return { kind: 'no heartbeat' }
    const result = yield* acquireLock(host.settings, holder, offset, mode, { dead, known: left })
    left = undefined
    if (result.kind === 'failed') return result
    if (result.kind === 'acquired') return { kind: 'acquired', holder, image: result.image }
    const { holders, image } = result
    dead = []
    for (const other of holders) if (yield* isGone(host, holder, other)) dead.push(other)
    if (dead.length > 0) continue
    if (waitedMs >= patienceMs) return { kind: 'busy', holders, image }
    const { issuedMs, answeredMs } = yield { kind: 'wait', ms: host.settings.contentionWaitMs }
    waitedMs += answeredMs - issuedMs
    for (const other of holders)
      if (host.watch.isLate(other.heartbeatOffset, answeredMs)) yield waitingFor(other, host.settings.lostMs)
  }
}

const waitingFor = ({ host, heartbeatOffset }: Holder, lostMs: number): Command => ({
  kind: 'event',
  event: {
    kind: 'waiting',
    text:
      `waiting for host ${host}, which holds a lock: its HB slot at offset ${heartbeatOffset} does not change, and after ` +
      `${lostMs / 1000} s without a change it is taken for dead`,
  },
})
