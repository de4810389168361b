// The burial of a host that is dead: its slot is claimed, its journal replayed, and its slot cleared with another generation. Only
// then its locks are there to be taken. A host that has died over a burial leaves its claim, and is found dead itself first.

import type { Procedure } from './commands.ts'
import { cleared, journalOffsetOf, notReplayed, occupantOf, replayerOf, replaying } from './heartbeat-images.ts'
import { type Holder, sameHolder } from './lock-images.ts'
import { PeerWatch, type SlotRead, type Watch } from './peer-watch.ts'
import { type LockingSettings, leaseMs } from './settings.ts'
import { readSector, updateSector } from './update-sector.ts'

/** A host that takes locks. */
export interface LockingHost {
  readonly settings: LockingSettings
  readonly watch: Watch
  readonly burials: Burials
  /** As whom it takes them; nothing while it has no heartbeat. */
  holder(): Holder | undefined
}

/** One that fails may have met an array that did not answer just then. */
const MAX_REPLAYS = 3

/**
 * What a host does for the dead: nothing twice at once, and nothing half. Here is also what it knows of hosts besides their slots.
 *
 * A process of this very kernel that has ended sends nothing any more, and need not be watched for `lostMs`. What its kernel had
 * taken over may still be on its way: the send buffer goes out before the FIN, and what has come to the array waits there for its
 * turn. Nothing that another I_T nexus sends is ordered behind it (SAM-5 orders the commands of one nexus alone), and what would end
 * it, CLEAR TASK SET or a reset, ends the commands of all hosts. So it is given the time between two beats, counted from the first
 * look at which the process was known to have ended, in which its slot may not change: a beat of it that was on its way comes
 * within that time as well as a write. The FIN comes behind the last of them, and ends what waits for data at the array. What is
 * stuck for longer would be so with this machine's own commands, which use the same network and the same array.
 */
export class Burials {
  /** Slots whose claim could not be given back: as long as this host lives, nobody else buries them. */
  readonly leftBehind = new Set<number>()
  /** How often the journal of a slot's host could not be replayed. */
  readonly #failures = new Map<number, number>()
  /** A burial that does not succeed is left to others: this host gives its own slot back. */
  isEnding = false
  readonly #underWay = new Set<number>()
  readonly #isEnded: (host: string) => boolean
  readonly #ended: Watch

  /** @param isEnded whether a host is known to be a process that has ended */
  constructor({ beatMs }: LockingSettings, isEnded: (host: string) => boolean = () => false) {
    this.#isEnded = isEnded
    // Nothing can keep it from beating: it does not beat any more.
    this.#ended = new PeerWatch(beatMs, Number.POSITIVE_INFINITY)
  }

  /** @returns false while the slot's host is being buried already: two replays at once would not both be in time */
  begin(slotOffset: number): boolean {
    if (this.#underWay.has(slotOffset)) return false
    this.#underWay.add(slotOffset)
    return true
  }

  end(slotOffset: number): void {
    this.#underWay.delete(slotOffset)
  }

  /** Whether its journal cannot be replayed, for all that is known: it is tried as long as this host lives, and not waited for. */
  isStuck(slotOffset: number): boolean {
    return (this.#failures.get(slotOffset) ?? 0) >= MAX_REPLAYS
  }

  replayed(slotOffset: number, isDone: boolean): void {
    if (isDone) this.#failures.delete(slotOffset)
    else this.#failures.set(slotOffset, (this.#failures.get(slotOffset) ?? 0) + 1)
  }

  /** Whether nothing of it can be on its way any more. */
  isEnded({ host, heartbeatOffset }: Holder, read: SlotRead): boolean {
    return this.#isEnded(host) && this.#ended.isDead(heartbeatOffset, read)
  }
}

/** Whether the holder of a lock has no heartbeat any more; one that has just been found dead is buried first. */
export function* isGone(
  host: LockingHost,
  own: Holder,
  other: Holder,
  silent: readonly number[] = [],
): Procedure<boolean> {
  if (sameHolder(own, other)) return false
  const read = yield* readSector(host.settings, 'replay heartbeat', other.heartbeatOffset)
  if (read.kind !== 'done' || !read.image) return false
  return yield* judge(host, own, other, { ...read, image: read.image }, silent)
}

/**
 * As `isGone`, after the slot was read.
 * @param silent slots of those that have been found dead on the way here, each replayed by the next one
 */
export function* judge(
  host: LockingHost,
  own: Holder,
  other: Holder,
  read: SlotRead,
  silent: readonly number[] = [],
): Procedure<boolean> {
  const { heartbeatOffset } = other
  const { image } = read
  const occupant = occupantOf(image, heartbeatOffset)
  if (!occupant || !sameHolder(occupant, other)) return true
  const why = causeOfDeath(host, other, read)
  const replayer = replayerOf(image)
  if (replayer && sameHolder(replayer, own)) return yield* bury(host, own, heartbeatOffset, image, why)
  if (why === undefined) return false
  // Nobody beats a slot that is being replayed: whether that goes on, the replaying host's own slot tells. Two may have died over
  // the burial of each other.
  const chain = [...silent, heartbeatOffset]
  const goesOn = replayer && !chain.includes(replayer.heartbeatOffset) && !(yield* isGone(host, own, replayer, chain))
  return goesOn ? false : yield* bury(host, own, heartbeatOffset, image, why)
}

function causeOfDeath({ watch, settings, burials }: LockingHost, other: Holder, read: SlotRead): string | undefined {
  const { heartbeatOffset } = other
  const isSilent = watch.isDead(heartbeatOffset, read)
  // The claim of a host that has no slot is its lease, whoever is dead.
  const isLease = replayerOf(read.image)?.heartbeatOffset === heartbeatOffset
  const isEnded = burials.isEnded(other, read) && !isLease
  if (isSilent) return `its HB slot at offset ${heartbeatOffset} did not change for ${settings.lostMs} ms`
  return isEnded
    ? `it was a process of this machine that has ended, with the HB slot at offset ${heartbeatOffset}`
    : undefined
}

/**
 * Operation 7, the replay itself, and operation 6.
 * @param own who does it; with the slot itself for a host that has none: its claim is its lease then
 * @returns false when somebody else was faster, or the owner lives after all
 */
function* bury(
  host: LockingHost,
  own: Holder,
  slotOffset: number,
  seen: Buffer,
  why = 'it was being replayed',
): Procedure<boolean> {
  if (!host.burials.begin(slotOffset)) return false
  try {
    return yield* replayAndClear(host, own, slotOffset, seen, why)
  } finally {
    host.burials.end(slotOffset)
  }
}

function* replayAndClear(
  host: LockingHost,
  own: Holder,
  slotOffset: number,
  seen: Buffer,
  why: string,
): Procedure<boolean> {
  const { settings } = host
  const { issuedMs } = yield { kind: 'wait', ms: 0 }
  const claim = replaying(seen, own)
  const claimed = yield* updateSector<'changed'>(settings, 'replay heartbeat', slotOffset, (image) =>
    image.equals(seen) ? { write: claim } : { leave: 'changed' },
  )
  if (claimed.kind !== 'written') return false
  const dead = occupantOf(claim, slotOffset)!
  const hasSlot = own.heartbeatOffset !== slotOffset
  const replayed = yield {
    ...{ kind: 'replay', journalOffset: journalOffsetOf(claim), host: dead.host },
    ...(!hasSlot && { untilMs: issuedMs + leaseMs(settings) }),
  }
  host.burials.replayed(slotOffset, replayed.kind === 'done')
  if (replayed.kind !== 'done') {
    yield* unclaim(host, slotOffset, claim)
    return false
  }
  const result = yield* updateSector<'changed'>(settings, 'clear heartbeat', slotOffset, (image) =>
    image.equals(claim) ? { write: cleared(claim, 'replay') } : { leave: 'changed' },
  )
  if (result.kind === 'failed') host.burials.leftBehind.add(slotOffset)
  if (result.kind !== 'written') return false
  host.burials.leftBehind.delete(slotOffset)
  yield {
    kind: 'event',
    event: { kind: 'broken', text: `host ${dead.host} is dead: ${why}, its journal is replayed` },
  }
  return true
}

/** Times that of a lease: so long a disk that does not answer is tried. */
const MAX_UNCLAIM = 8

/** Who does not get a replay done leaves it to others: while it lives, they would wait for it. */
function* unclaim(host: LockingHost, slotOffset: number, claim: Buffer): Procedure<void> {
  const { settings, burials } = host
  let firstMs: number | undefined
  for (;;) {
    const { kind } = yield* updateSector<'changed'>(settings, 'replay heartbeat', slotOffset, (image) =>
      image.equals(claim) ? { write: notReplayed(claim) } : { leave: 'changed' },
    )
    if (kind !== 'failed') return void burials.leftBehind.delete(slotOffset)
    if (burials.isEnding) return
    const { issuedMs, answeredMs } = yield { kind: 'wait', ms: settings.retryMs }
    firstMs ??= issuedMs
    if (answeredMs - firstMs >= MAX_UNCLAIM * settings.lostMs) return void burials.leftBehind.add(slotOffset)
  }
}
