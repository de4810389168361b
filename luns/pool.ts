// A pool of a thin-provisioned array: the room that its logical units share, and who has taken how much of it. It counts;
// it reserves nothing on the disk. Nothing is written down: opening the images of a pool tells how full it is.
// An over-full pool is no failure: whoever holds room keeps it, only new room is refused.

import { StoreError } from './errors.ts'

/**
 * Use must fall this far below the soft threshold before the next crossing is told: a host that writes and unmaps
 * around it would raise a unit attention a second otherwise, and nobody cures a pool of its last twentieth.
 */
const HYSTERESIS = 0.05

export interface PoolLimits {
  /** Bytes. */
  readonly capacity: number
  /** Bytes in use from which on the administrator is to be told. */
  readonly softThreshold: number
}

export class Pool {
  readonly name: string
  /** Called at every upward crossing of the soft threshold, before the write that crosses it is done. Must not throw. */
  onSoftThreshold: ((pool: Pool) => void) | undefined
  #limits: PoolLimits
  #used = 0
  #armed = true
  readonly #watchers = new Set<() => void>()

  constructor(name: string, limits: PoolLimits) {
    this.name = name
    this.#limits = limits
  }

  get capacity(): number {
    return this.#limits.capacity
  }

  get softThreshold(): number {
    return this.#limits.softThreshold
  }

  /** Bytes; more than the capacity in an over-full pool. */
  get used(): number {
    return this.#used
  }

  /** Bytes that can still be taken. */
  get available(): number {
    return Math.max(0, this.capacity - this.#used)
  }

  /** Calls it after every change of what is used, or of the limits, until the returned function is called. Must not throw. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => this.#watchers.delete(changed)
  }

  /** Other limits from now on, also smaller ones than what is in use. */
  configure(limits: PoolLimits): void {
    this.#limits = limits
    this.#changed()
  }

  /** For one store. */
  open(): PoolAccount {
    return new PoolAccount(this)
  }

  /** For accounts. False: there is no room, and nothing is taken. */
  take(bytes: number): boolean {
    if (bytes > this.available) return false
    this.add(bytes)
    return true
  }

  /** For accounts: changes the use, whatever the capacity. */
  add(bytes: number): void {
    this.#used += bytes
    this.#changed()
  }

  #changed(): void {
    this.#judge()
    for (const changed of this.#watchers) changed()
  }

  #judge(): void {
    const { capacity, softThreshold } = this.#limits
    if (this.#armed) {
      if (this.#used < softThreshold) return
      this.#armed = false
      this.onSoftThreshold?.(this)
    } else if (this.#used < softThreshold && this.#used <= Math.max(0, softThreshold - HYSTERESIS * capacity)) {
      this.#armed = true
    }
  }
}

/** What one store has taken of its pool. */
export class PoolAccount {
  readonly pool: Pool
  #used = 0

  constructor(pool: Pool) {
    this.pool = pool
  }

  /** Throws StoreError 'no space', and nothing is taken. */
  take(bytes: number): void {
    const { pool } = this
    if (!pool.take(bytes))
      throw new StoreError('no space', `pool ${pool.name}: ${bytes} bytes wanted, ${pool.available} free`)
    this.#used += bytes
  }

  /** What is on the disk already: it counts, whether or not the pool has room for it. */
  count(bytes: number): void {
    this.#used += bytes
    this.pool.add(bytes)
  }

  give(bytes: number): void {
    this.count(-bytes)
  }

  /** Gives everything back. */
  close(): void {
    this.give(this.#used)
  }
}
