// Shared and exclusive locks on byte ranges, first come first served. COMPARE AND WRITE takes an exclusive one: no write
// or unmap while it reads, no read or verify while it writes (SBC-4 5.3). A task holds one lock a gate, so the table is
// as long as the task set; with nothing exclusive in it, which is nearly always, every question is one comparison.

/** A range, and whether it is wanted alone. */
export interface Claim {
  readonly offset: number
  readonly length: number
  readonly exclusive: boolean
}

export const shared = (offset: number, length: number): Claim => ({ offset, length, exclusive: false })
export const alone = (offset: number, length: number): Claim => ({ offset, length, exclusive: true })

/** What a task holds or waits for: all of its claims are granted at once, so that no two tasks hold half each. */
export class RangeLock {
  readonly claims: readonly Claim[]
  /** Where the lock stands in the table of those held. */
  slot = -1
  grant: ((lock: RangeLock) => void) | undefined

  constructor(claims: readonly Claim[]) {
    this.claims = claims
  }
}

export class RangeLocks {
  readonly #held: RangeLock[] = []
  #waiting: RangeLock[] = []
  /** Exclusive claims, held or waited for. */
  #exclusives = 0

  /** Whether an exclusive lock, held or waited for, overlaps: then a read or a write has to wait. */
  excludes(offset: number, length: number): boolean {
    return this.#exclusives !== 0 && this.#conflicts([shared(offset, length)])
  }

  /** Whether any lock, held or waited for, overlaps: then an exclusive one has to wait. */
  touches(offset: number, length: number): boolean {
    if (this.#held.length === 0) return false // nobody waits for nobody
    return this.#conflicts([alone(offset, length)])
  }

  /** Takes the lock if nothing held or waited for stands against it. Claims of one lock do not exclude each other. */
  tryAcquire(claims: readonly Claim[]): RangeLock | undefined {
    if (this.#conflicts(claims)) return undefined
    const lock = new RangeLock(claims)
    this.#exclusives += exclusives(lock)
    this.#hold(lock)
    return lock
  }

  /** Takes the lock in its turn: after every conflicting one that was asked for earlier. */
  acquire(claims: readonly Claim[]): Promise<RangeLock> {
    const lock = this.tryAcquire(claims)
    if (lock) return Promise.resolve(lock)
    return new Promise((grant) => {
      const waiting = new RangeLock(claims)
      waiting.grant = grant
      this.#exclusives += exclusives(waiting)
      this.#waiting.push(waiting)
    })
  }

  /** Gives a held lock back and grants those that waited for it. */
  release(lock: RangeLock): void {
    if (this.#held[lock.slot] !== lock) throw new RangeError('released a range lock that is not held')
    const last = this.#held.pop()!
    if (last !== lock) {
      this.#held[lock.slot] = last
      last.slot = lock.slot
    }
    lock.slot = -1
    this.#exclusives -= exclusives(lock)
    if (this.#waiting.length > 0) this.#grant()
  }

  /** In the order of arrival; those that still wait hold back the later ones that overlap them. */
  #grant(): void {
    const still: RangeLock[] = []
    for (const lock of this.#waiting) {
      if (overlapping(this.#held, lock.claims) || overlapping(still, lock.claims)) still.push(lock)
      else {
        this.#hold(lock)
        lock.grant?.(lock)
      }
    }
    this.#waiting = still
  }

  #hold(lock: RangeLock): void {
    lock.slot = this.#held.length
    this.#held.push(lock)
  }

  #conflicts(claims: readonly Claim[]): boolean {
    if (this.#exclusives === 0 && !claims.some((claim) => claim.exclusive)) return false
    return overlapping(this.#held, claims) || overlapping(this.#waiting, claims)
  }
}

function exclusives(lock: RangeLock): number {
  let count = 0
  for (const claim of lock.claims) if (claim.exclusive) count++
  return count
}

function overlapping(locks: readonly RangeLock[], claims: readonly Claim[]): boolean {
  for (const lock of locks)
    for (const theirs of lock.claims) for (const ours of claims) if (excludeEachOther(theirs, ours)) return true
  return false
}

/** An empty range overlaps nothing. */
function excludeEachOther(a: Claim, b: Claim): boolean {
  if (!a.exclusive && !b.exclusive) return false
  return Math.max(a.offset, b.offset) < Math.min(a.offset + a.length, b.offset + b.length)
}
