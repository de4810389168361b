// The locks that this host has found held by others, and what is known of those who hold them: whether a lock is kept, by a host that
// lives, or will soon be free. Operations hold a lock for a moment; who has a file open keeps it.

import { HEARTBEAT } from '../structures/heartbeat.ts'
import { decodeLock, LOCK_MODE } from '../structures/lock.ts'
import { type Holder, holdersOf } from './lock-images.ts'
import type { PeerWatch } from './peer-watch.ts'

/** A host that keeps a lock. */
export interface Keeper {
  readonly host: string
  /** As its heartbeat slot says it; empty where it does not. */
  readonly ip: string
  readonly mode: number
  /** How many others hold the lock as well. */
  readonly others: number
}

interface Met {
  readonly token: bigint
  readonly mode: number
  readonly holders: readonly Holder[]
  /** It has been held in this way since then at the latest. */
  readonly sinceMs: number
}

/** Of the time after which a host is dead: longer than operations hold a lock, and long enough to see a beat. */
const KEPT = 1 / 4
/** Of the same: a host that has beaten within it lives. */
const LIVES = 1 / 2
/** Locks that one host waits for are few. */
const MAX_MET = 64

export class Contention {
  readonly #watch: PeerWatch
  readonly #lostMs: number
  readonly #met = new Map<number, Met>()

  constructor(watch: PeerWatch, lostMs: number) {
    this.#watch = watch
    this.#lostMs = lostMs
  }

  /** The lock at `offset` holds this image, which does not let this host in. */
  met(offset: number, image: Buffer, nowMs: number): void {
    const { token, mode } = decodeLock(image)
    const before = this.#met.get(offset)
    // Each time it is taken it has another token. Several may share one, which then is that of the last of them.
    const isKept = before?.mode === mode && (mode !== LOCK_MODE.exclusive || before.token === token)
    if (!before && this.#met.size >= MAX_MET) this.#met.clear()
    this.#met.set(offset, { token, mode, holders: holdersOf(image), sinceMs: isKept ? before.sinceMs : nowMs })
  }

  /** The lock could be had. */
  forget(offset: number): void {
    this.#met.delete(offset)
  }

  /**
   * Who keeps the lock at `offset`: a host that was seen to live since `sinceMs`, and no operation of it will give the lock back soon.
   * No operation takes a lock that can be shared.
   */
  keeper(offset: number, sinceMs: number, nowMs: number): Keeper | undefined {
    const met = this.#met.get(offset)
    if (!met || (met.mode === LOCK_MODE.exclusive && nowMs - met.sinceMs < KEPT * this.#lostMs)) return undefined
    const aliveMs = Math.max(sinceMs, nowMs - LIVES * this.#lostMs)
    const living = met.holders.find(({ heartbeatOffset }) => this.#watch.hasBeaten(heartbeatOffset, aliveMs))
    const slot = living && this.#watch.imageOf(living.heartbeatOffset)
    return slot && { host: living.host, ip: HEARTBEAT.decode(slot).ip, mode: met.mode, others: met.holders.length - 1 }
  }
}
