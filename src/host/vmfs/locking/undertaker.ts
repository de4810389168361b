// Looks after the hosts that had a volume open when this one opened it: those whose slots do not change are buried, also when nobody
// wants a lock of theirs. Each host that lives is looked at once, after it must have beaten; only the others are watched.

import { judge, type LockingHost } from './burial.ts'
import type { Procedure } from './commands.ts'
import { occupantOf, replayerOf, stampOf } from './heartbeat-images.ts'
import { type Holder, sameHolder } from './lock-images.ts'
import { readSector } from './update-sector.ts'

/** A slot as it was read. */
export interface SeenSlot {
  readonly slotOffset: number
  /** Of the sector. */
  readonly image: Buffer
}

/** Of the time between two beats: a host that lives has beaten by then. */
const LOOK = 1.25

/** Slots of which it is not known yet whether their hosts live. */
class Suspects {
  readonly #host: LockingHost
  readonly #images = new Map<number, Buffer>()

  /** @param atMs when the slots had been read */
  constructor(host: LockingHost, slots: readonly SeenSlot[], atMs: number) {
    this.#host = host
    for (const { slotOffset, image } of slots) {
      const occupant = occupantOf(image, slotOffset)
      if (!occupant) continue
      this.#images.set(slotOffset, image)
      const read = { image, issuedMs: atMs, answeredMs: atMs }
      host.watch.isDead(slotOffset, read)
      host.burials.isEnded(occupant, read)
    }
  }

  /** Nothing more is to be expected of them. */
  get isSettled(): boolean {
    return [...this.#images.keys()].every((slotOffset) => this.#host.burials.isStuck(slotOffset))
  }

  /**
   * Looks at each of them once.
   * @param own who buries the host of a slot, if anybody
   * @returns slots that are free now
   */
  *round(own: (slotOffset: number) => Holder | undefined): Procedure<number[]> {
    const { burials } = this.#host
    for (const slotOffset of burials.leftBehind) if (!this.#images.has(slotOffset)) this.#images.set(slotOffset, EMPTY)
    const freed: number[] = []
    for (const [slotOffset, before] of [...this.#images]) {
      const by = own(slotOffset)
      if (burials.isEnding || !by) break
      if (yield* this.#look(slotOffset, before, by)) freed.push(slotOffset)
    }
    return freed
  }

  /** @returns whether the slot is free */
  *#look(slotOffset: number, before: Buffer, own: Holder): Procedure<boolean> {
    const { settings } = this.#host
    const read = yield* readSector(settings, 'replay heartbeat', slotOffset)
    if (read.kind !== 'done' || !read.image) return false
    const { image } = read
    const occupant = occupantOf(image, slotOffset)
    const hasBeaten = !replayerOf(image) && !isSameBeat(image, before, slotOffset)
    if (!occupant || hasBeaten) {
      this.#forget(slotOffset)
      return !occupant
    }
    this.#images.set(slotOffset, image)
    const isGone = yield* judge(this.#host, own, occupant, { ...read, image })
    if (isGone) this.#forget(slotOffset)
    return isGone
  }

  #forget(slotOffset: number): void {
    this.#images.delete(slotOffset)
    this.#host.burials.leftBehind.delete(slotOffset)
  }
}

const EMPTY = Buffer.alloc(0)

/** A host that has begun to replay a slot, and has left it, is none that beats. */
function isSameBeat(image: Buffer, before: Buffer, slotOffset: number): boolean {
  if (before.length === 0) return false
  const [now, then] = [occupantOf(image, slotOffset), occupantOf(before, slotOffset)]
  return now !== undefined && then !== undefined && sameHolder(now, then) && stampOf(image) === stampOf(before)
}

/**
 * Until the host ends. What it has begun to bury, and could neither finish nor leave to others, it takes up again as long as it
 * lives: who sees a claim of a host that beats waits for it.
 * @param atMs when the slots had been read
 * @param tell called after each round: with whether nothing is left to be found out
 */
export function* lookAfter(
  host: LockingHost,
  slots: readonly SeenSlot[],
  atMs: number,
  tell: (round: Round) => void = () => {},
): Procedure<void> {
  const own = host.holder()
  const others = slots.filter(({ slotOffset }) => slotOffset !== own?.heartbeatOffset)
  const suspects = new Suspects(host, others, atMs)
  for (;;) {
    yield { kind: 'wait', ms: LOOK * host.settings.beatMs }
    if (host.burials.isEnding) return
    const freed = yield* suspects.round(() => host.holder())
    tell({ freed: freed.length, isSettled: suspects.isSettled })
  }
}

export interface Round {
  /** Slots that are free now. */
  readonly freed: number
  /** All hosts are known to live, are buried, or cannot be. */
  readonly isSettled: boolean
}

/**
 * For a host that finds no slot free: waits for one whose host is dead, and frees that.
 * @param self its UUID: it claims the slot of the dead as its own lease
 * @returns the slot; nothing when all hosts live
 */
export function* vacate(
  host: LockingHost,
  self: string,
  { slots, atMs }: { readonly slots: readonly SeenSlot[]; readonly atMs: number },
): Procedure<number | undefined> {
  const { settings } = host
  const suspects = new Suspects(host, slots, atMs)
  yield {
    kind: 'event',
    event: {
      kind: 'waiting',
      text: `all ${slots.length} HB slots are in use: waiting up to ${settings.lostMs / 1000} s for one that does not change`,
    },
  }
  while (!suspects.isSettled) {
    yield { kind: 'wait', ms: LOOK * settings.beatMs }
    const [free] = yield* suspects.round((heartbeatOffset) => ({
      host: self,
      heartbeatOffset,
      heartbeatGeneration: 0n,
    }))
    if (free !== undefined) return free
  }
  return undefined
}
