// Buffers for data under way, kept for reuse: allocating 256 KiB costs more than reading it (performance.md). The array has
// a budget for all, each connection a share of it for what it sends and one for what it takes.

const KIB = 1024
/** Room beside the data for the headers of the PDUs that carry it. */
const HEADROOM = 4 * KIB
const CLASSES = [16 * KIB, 64 * KIB + HEADROOM, 256 * KIB + HEADROOM, 1024 * KIB + HEADROOM]
/** Freed memory that is kept for the next burst, and for how long when none comes. */
const KEEP_BYTES = 32 * 1024 * KIB
const KEEP_SECONDS = 10

/** What a connection gets even when the pool is used up: a piece, and what came before it. */
const GUARANTEED_BYTES = 2048 * KIB

/** Who waits for a buffer, a task: `wake`, called with a reason, ends the wait. */
export interface Waiting {
  readonly aborted: boolean
  wake: ((reason: Error) => void) | undefined
}

/**
 * Bytes that may be claimed at one time. First come, first served. What is taken without asking is counted apart: who holds
 * some of that and claims more must not wait for itself.
 */
class Budget {
  limit: number
  taken = 0
  #claimed = 0
  #queue: { bytes: number; grant: () => void }[] = []

  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number {
    return this.taken + this.#claimed
  }

  /** Undefined: granted at once. A claim larger than the limit is granted when nothing else is. */
  claim(bytes: number, waiting: Waiting): Promise<void> | undefined {
    if (this.#queue.length === 0 && this.#admits(bytes)) {
      this.#claimed += bytes
      return undefined
    }
    return new Promise((resolve, reject) => {
      const entry = {
        bytes,
        grant: () => {
          waiting.wake = undefined
          resolve()
        },
      }
      this.#queue.push(entry)
      waiting.wake = (reason) => {
        this.#queue = this.#queue.filter((other) => other !== entry)
        reject(reason)
        this.#grantNext()
      }
    })
  }

  giveBack(bytes: number): void {
    this.#claimed -= bytes
    this.#grantNext()
  }

  #admits(bytes: number): boolean {
    return this.#claimed === 0 || this.#claimed + bytes <= this.limit
  }

  #grantNext(): void {
    for (let first = this.#queue[0]; first && this.#admits(first.bytes); first = this.#queue[0]) {
      this.#queue.shift()
      this.#claimed += first.bytes
      first.grant()
    }
  }
}

/** Free buffers of one length. Last in, first out: the buffer used last is the one still in the processor's cache. */
class FreeList {
  readonly #buffers: Buffer[] = []
  /** So many have lain here ever since `expire`. */
  #idle = 0

  push(buffer: Buffer): void {
    this.#buffers.push(buffer)
  }

  pop(): Buffer | undefined {
    const buffer = this.#buffers.pop()
    if (this.#buffers.length < this.#idle) this.#idle = this.#buffers.length
    return buffer
  }

  /** Lets go of those that nobody has needed since the last time; how many they are. */
  expire(): number {
    const expired = this.#buffers.splice(0, this.#idle).length
    this.#idle = this.#buffers.length
    return expired
  }
}

export class BufferPool {
  readonly #budget: Budget
  #kept = 0
  /** Buffers that were acquired, not taken. */
  readonly #acquired = new Set<Buffer>()
  readonly #free = new Map<number, FreeList>(CLASSES.map((size) => [size, new FreeList()]))
  #seconds = 0

  constructor(limit: number) {
    this.#budget = new Budget(limit)
  }

  /** Bytes lent out. */
  get used(): number {
    return this.#budget.used
  }

  /** A lower one holds once enough has been given back. */
  set limit(bytes: number) {
    this.#budget.limit = bytes
  }

  /** Bytes that lie ready. */
  get kept(): number {
    return this.#kept
  }

  /** A second has passed. */
  tick(): void {
    if (++this.#seconds < KEEP_SECONDS) return
    this.#seconds = 0
    for (const [length, free] of this.#free) this.#kept -= length * free.expire()
  }

  /** What a buffer of at least `size` bytes takes of the budget. */
  lengthFor(size: number): number {
    return CLASSES.find((c) => c >= size) ?? size
  }

  /** At once, over the limit if need be: only for what is bounded otherwise. */
  take(size: number): Buffer {
    const length = this.lengthFor(size)
    this.#budget.taken += length
    return this.#get(length)
  }

  acquire(size: number, waiting: Waiting): Buffer | Promise<Buffer> {
    const length = this.lengthFor(size)
    return this.#budget.claim(length, waiting)?.then(() => this.#grant(length)) ?? this.#grant(length)
  }

  release(buffer: Buffer): void {
    const free = this.#free.get(buffer.length)
    if (free && this.#kept + buffer.length <= KEEP_BYTES) {
      free.push(buffer)
      this.#kept += buffer.length
    }
    if (this.#acquired.delete(buffer)) this.#budget.giveBack(buffer.length)
    else this.#budget.taken -= buffer.length
  }

  #grant(length: number): Buffer {
    const buffer = this.#get(length)
    this.#acquired.add(buffer)
    return buffer
  }

  #get(length: number): Buffer {
    const kept = this.#free.get(length)?.pop()
    if (!kept) return Buffer.allocUnsafeSlow(length)
    this.#kept -= length
    return kept
  }
}

/** One connection's part of the pool. */
export class PoolShare {
  readonly #pool: BufferPool
  readonly #budget: Budget
  readonly #acquired = new Set<Buffer>()

  constructor(pool: BufferPool, limit: number) {
    this.#pool = pool
    this.#budget = new Budget(limit)
  }

  get used(): number {
    return this.#budget.used
  }

  get limit(): number {
    return this.#budget.limit
  }

  /** A buffer of at least `size` bytes at once, over every limit if need be: only for what is bounded otherwise. */
  take(size: number): Buffer {
    const buffer = this.#pool.take(size)
    this.#budget.taken += buffer.length
    return buffer
  }

  /** A buffer of at least `size` bytes, when share and pool have room for it. Rejects when the waiter is woken. */
  acquire(size: number, waiting: Waiting): Buffer | Promise<Buffer> {
    const length = this.#pool.lengthFor(size)
    const claimed = this.#budget.claim(length, waiting)
    return claimed ? claimed.then(() => this.#fromPool(length, waiting)) : this.#fromPool(length, waiting)
  }

  release(buffer: Buffer): void {
    this.#pool.release(buffer)
    if (this.#acquired.delete(buffer)) this.#budget.giveBack(buffer.length)
    else this.#budget.taken -= buffer.length
  }

  /** The share has granted the bytes; they are given back when the pool does not. */
  #fromPool(length: number, waiting: Waiting): Buffer | Promise<Buffer> {
    if (waiting.aborted) {
      this.#budget.giveBack(length)
      throw new Error('aborted while waiting for a buffer')
    }
    // Everybody can go on, however many others hold what they have and let the array wait.
    if (this.#budget.used <= GUARANTEED_BYTES) return this.#keep(this.#pool.take(length))
    const buffer = this.#pool.acquire(length, waiting)
    if (!(buffer instanceof Promise)) return this.#keep(buffer)
    return buffer.then(
      (granted) => this.#keep(granted),
      (reason: unknown) => {
        this.#budget.giveBack(length)
        throw reason
      },
    )
  }

  #keep(buffer: Buffer): Buffer {
    this.#acquired.add(buffer)
    return buffer
  }
}
