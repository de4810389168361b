// Whether another host lives, told from its heartbeat slot alone: one that has not changed over `lostMs` of the watcher's own time is
// dead. Its stamp is compared with nothing but itself: clocks of different hosts do not agree. A watcher that could not look for a while
// begins anew: what kept it from the disk, a reservation of a host that hangs, may have kept the other from beating.

import type { Answer } from './commands.ts'
import type { LockingSettings } from './settings.ts'

export type SlotRead = Pick<Answer, 'issuedMs' | 'answeredMs'> & { readonly image: Buffer }

export interface Watch {
  /** Tells of a slot that was read: whether it has not changed for so long that its host is dead. */
  isDead(slotOffset: number, read: SlotRead): boolean
  /** Whether it has not changed for longer than between two beats, and this is told for the first time. */
  isLate(slotOffset: number, nowMs: number): boolean
}

interface Seen {
  readonly image: Buffer
  /** It held this at that time at the latest, and was looked at again and again since. */
  sinceMs: number
  /** When the last read that found it was sent. */
  lookedMs: number
  /** It was written after that time; nothing of the first image that was seen. */
  readonly writtenAfterMs: number | undefined
  told: boolean
}

/** Of the time after which a host is dead: more than a beat, and soon enough to be told before anybody wonders. */
const LATE = 1 / 4

/** Of the time after which a host is dead: what keeps a live host from beating for that time lasts longer. */
const UNWATCHED = 1 / 2

/** Those who watch look again after a wait for a lock, or after somewhat more than a beat. */
const unwatchedMs = ({ lostMs, contentionWaitMs, beatMs }: LockingSettings): number =>
  Math.max(UNWATCHED * lostMs, 2 * contentionWaitMs, 2 * beatMs)

/** Slots that a host waits for at once are few. */
const MAX_SLOTS = 4096

export class PeerWatch implements Watch {
  readonly #seen = new Map<number, Seen>()
  readonly #lostMs: number
  readonly #unwatchedMs: number

  /** @param unwatchedMs who could not look for longer begins anew */
  constructor(lostMs: number, unwatchedMs: number) {
    this.#lostMs = lostMs
    this.#unwatchedMs = unwatchedMs
  }

  static of(settings: LockingSettings): PeerWatch {
    return new PeerWatch(settings.lostMs, unwatchedMs(settings))
  }

  isDead(slotOffset: number, { image, issuedMs, answeredMs }: SlotRead): boolean {
    const seen = this.#seen.get(slotOffset)
    // It held the image when the first read was answered at the latest, and when this one was sent at the earliest.
    if (seen?.image.equals(image)) {
      if (issuedMs - seen.lookedMs > this.#unwatchedMs) seen.sinceMs = answeredMs
      seen.lookedMs = issuedMs
      return issuedMs - seen.sinceMs >= this.#lostMs
    }
    if (this.#seen.size >= MAX_SLOTS) this.#seen.clear()
    const times = { sinceMs: answeredMs, lookedMs: issuedMs, writtenAfterMs: seen?.lookedMs }
    this.#seen.set(slotOffset, { image, ...times, told: false })
    return false
  }

  /** Whether it was seen to change, and that was after `sinceMs`. */
  hasBeaten(slotOffset: number, sinceMs: number): boolean {
    return (this.#seen.get(slotOffset)?.writtenAfterMs ?? Number.NEGATIVE_INFINITY) >= sinceMs
  }

  /** As it was last read. */
  imageOf(slotOffset: number): Buffer | undefined {
    return this.#seen.get(slotOffset)?.image
  }

  isLate(slotOffset: number, nowMs: number): boolean {
    const seen = this.#seen.get(slotOffset)
    if (!seen || seen.told || nowMs - seen.sinceMs < LATE * this.#lostMs) return false
    seen.told = true
    return true
  }
}
