// The locks that a host holds by its heartbeat, those that it may still hold since the array has not said that they were given back,
// and those that it has left.

import type { HeldMode, Holder } from './lock-images.ts'

interface HeldLock {
  readonly holder: Holder
  readonly mode: HeldMode
  /** With which it was taken. */
  readonly image: Buffer
}

/** Locks that are remembered as they were left. */
const MAX_LEFT = 1024

export class HeldLocks {
  readonly #held = new Map<number, HeldLock>()
  /** They guard nothing any more, and are to be given back: whether that was done is not known. */
  readonly #inDoubt = new Map<number, HeldLock>()
  /** As they were left, for who takes one again. */
  readonly #left = new Map<number, Buffer>()

  get(offset: number): HeldLock | undefined {
    return this.#held.get(offset)
  }

  toGiveBack(offset: number): HeldLock | undefined {
    return this.#held.get(offset) ?? this.#inDoubt.get(offset)
  }

  /** Those that are to be given back again. */
  get inDoubt(): readonly number[] {
    return [...this.#inDoubt.keys()]
  }

  get isEmpty(): boolean {
    return this.#held.size === 0 && this.#inDoubt.size === 0
  }

  take(offset: number, lock: HeldLock): void {
    this.#held.set(offset, lock)
    this.#inDoubt.delete(offset)
  }

  /** It could not be given back. */
  doubt(offset: number): void {
    const lock = this.toGiveBack(offset)
    if (!lock) return
    this.#held.delete(offset)
    this.#inDoubt.set(offset, lock)
  }

  /** @param image as it was left, where the next one that takes it may compare with that */
  leave(offset: number, image?: Buffer): void {
    this.#held.delete(offset)
    this.#inDoubt.delete(offset)
    if (this.#left.size >= MAX_LEFT) this.#left.clear()
    if (image) this.#left.set(offset, image)
  }

  /** How this host has left it; known once. */
  takeLeft(offset: number): Buffer | undefined {
    const image = this.#left.get(offset)
    this.#left.delete(offset)
    return image
  }
}
