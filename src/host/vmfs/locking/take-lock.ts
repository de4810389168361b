// Takes a lock whoever holds it: waits for hosts that live, and finds out of each whether it does. A host whose heartbeat slot has
// not changed for the time of a lease is dead: its slot is claimed, its journal replayed, its slot cleared with another generation,
// and only then its locks are there to be taken.

import type { AnswerKind, Command, Procedure } from './commands.ts'
import { cleared, journalOffsetOf, occupantOf, replayerOf, replaying } from './heartbeat-images.ts'
import { type HeldMode, type Holder, sameHolder } from './lock-images.ts'
import { acquireLock } from './lock-procedures.ts'
import type { Watch } from './peer-watch.ts'
import type { LockingSettings } from './settings.ts'
import { readSector, updateSector } from './update-sector.ts'

/** A host that takes locks. */
export interface LockingHost {
  readonly settings: LockingSettings
  readonly watch: Watch
  /** As whom it takes them; nothing while it has no heartbeat. */
  holder(): Holder | undefined
}

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
  }
}

/** Whether the holder of a lock has no heartbeat any more; one that has just been found dead is buried first. */
function* isGone(host: LockingHost, own: Holder, other: Holder): Procedure<boolean> {
  if (sameHolder(own, other)) return false
  const { heartbeatOffset } = other
  const read = yield* readSector(host.settings, 'replay heartbeat', heartbeatOffset)
  if (read.kind !== 'done' || !read.image) return false
  const image = read.image
  const occupant = occupantOf(image, heartbeatOffset)
  if (!occupant || !sameHolder(occupant, other)) return true
  const unchanged = host.watch.isDead(heartbeatOffset, { ...read, image })
  const replayer = replayerOf(image)
  if (replayer && sameHolder(replayer, own)) return yield* bury(host, own, heartbeatOffset, image)
  if (!unchanged) {
    if (host.watch.isLate(heartbeatOffset, read.issuedMs)) yield waitingFor(other, host.settings.lostMs)
    return false
  }
  // Nobody beats a slot that is being replayed: whether that goes on, the replaying host's own slot tells.
  if (replayer && !(yield* isGone(host, own, replayer))) return false
  return yield* bury(host, own, heartbeatOffset, image)
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

/** Operation 7, the replay itself, and operation 6. @returns false when somebody else was faster, or the owner lives after all */
function* bury(host: LockingHost, own: Holder, slotOffset: number, seen: Buffer): Procedure<boolean> {
  const { settings } = host
  const claim = replaying(seen, own)
  const claimed = yield* updateSector<'changed'>(settings, 'replay heartbeat', slotOffset, (image) =>
    image.equals(seen) ? { write: claim } : { leave: 'changed' },
  )
  if (claimed.kind !== 'written') return false
  const dead = occupantOf(claim, slotOffset)!
  const replayed = yield { kind: 'replay', journalOffset: journalOffsetOf(claim), host: dead.host }
  if (replayed.kind !== 'done') {
    yield* unclaim(settings, slotOffset, claim, seen)
    return false
  }
  const result = yield* updateSector<'changed'>(settings, 'clear heartbeat', slotOffset, (image) =>
    image.equals(claim) ? { write: cleared(claim, 'replay') } : { leave: 'changed' },
  )
  if (result.kind !== 'written') return false
  yield {
    kind: 'event',
    event: {
      kind: 'broken',
      text: `host ${dead.host} is dead: its HB slot at offset ${slotOffset} did not change for ${settings.lostMs} ms, its journal is replayed`,
    },
  }
  return true
}

/** Times that of a lease: so long a disk that does not answer is tried. */
const MAX_UNCLAIM = 8

/** Who does not get a replay done leaves it to others: while it lives, they would wait for it. */
function* unclaim(settings: LockingSettings, slotOffset: number, claim: Buffer, before: Buffer): Procedure<void> {
  let firstMs: number | undefined
  for (;;) {
    const { kind } = yield* updateSector<'changed'>(settings, 'replay heartbeat', slotOffset, (image) =>
      image.equals(claim) ? { write: before } : { leave: 'changed' },
    )
    if (kind !== 'failed') return
    const { issuedMs, answeredMs } = yield { kind: 'wait', ms: settings.retryMs }
    firstMs ??= issuedMs
    if (answeredMs - firstMs >= MAX_UNCLAIM * settings.lostMs) return
  }
}
