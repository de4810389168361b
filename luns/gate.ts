// The one way to a store. The gate asserts the range, takes the range locks, counts, and supplies what a store lacks:
// zeroing by writing, copying by reading. `readNow` and `writeNow` stand on the hot path; what answers at once holds no
// lock, for nothing else runs meanwhile. Bytes everywhere.

import { randomUUID } from 'node:crypto'
import { compareThenWrite, compareThenWriteNow, orInto, writeWhole } from './atomic.ts'
import { checkBuffer, isZero, repeat, requireBlocks } from './buffers.ts'
import { BUFFER_BYTES, type CopyPiece, copyPieces } from './copy-pieces.ts'
import { StoreError } from './errors.ts'
import { GateCounters } from './gate-counters.ts'
import type { CompareAndWriteOptions, CopyOptions, GateOptions, Judged, WriteSameOptions } from './gate-options.ts'
import { Pacer, type Stop, throwIfStopped } from './pacer.ts'
import type { Pool } from './pool.ts'
import { alone, type Claim, RangeLocks, shared } from './range-locks.ts'
import type { Extent, Store } from './store.ts'
import { copyPiece, extentOf, fetch, firstDifference, MATCH, zero } from './supply.ts'
import { type WatchedRange, type WriteObserver, type WriteWatch, WriteWatches } from './write-watch.ts'

export { MATCH }

/** Freeing 32 MiB of data takes about 10 ms. */
const UNMAP_PIECE_BYTES = 32 * 1024 * 1024
const VERIFY_PIECE_BYTES = 256 * 1024
/** PRE-FETCH may do less than it is asked: more than this would only push other data out. */
const PREFETCH_BYTES = 64 * 1024 * 1024

/** Longer than any medium. */
const ENDLESS = Number.MAX_SAFE_INTEGER

export class Gate {
  readonly counters = new GateCounters()
  readonly #store: Store
  /** May change at any time: what begins afterwards goes by it. */
  writeThrough: boolean
  readonly #locks = new RangeLocks()
  readonly #watches = new WriteWatches()
  /** Copies between two gates lock them in the order of these, whichever way they go: no two wait for each other. */
  readonly #rank = randomUUID()
  /** Compared with what COMPARE AND WRITE expects, when that is done at once. */
  #scratch = Buffer.alloc(0)
  #length: number
  /** The length, or -1 once closed: then every range is outside. */
  #limit: number
  #closing: Promise<void> | undefined

  constructor(store: Store, options: GateOptions) {
    this.#store = store
    this.#length = store.length
    this.#limit = store.length
    this.writeThrough = options.writeThrough
  }

  /** The size of the medium. */
  get length(): number {
    return this.#length
  }

  /** How much of it is allocated; all of it before a store that does not say. */
  get allocatedBytes(): number {
    return this.#store.allocated ?? this.#length
  }

  /** Where the store allocates. */
  get pool(): Pool | undefined {
    return this.#store.pool
  }

  /** As the store's; false also while something that excludes reads is under way. */
  readNow(target: Buffer, at: number, length: number, offset: number): boolean {
    this.#check(offset, length)
    checkBuffer(target, at, length)
    if (this.#locks.excludes(offset, length) || !this.#store.readNow(target, at, length, offset)) return false
    this.counters.read(length)
    return true
  }

  async read(target: Buffer, at: number, length: number, offset: number): Promise<void> {
    this.#check(offset, length)
    checkBuffer(target, at, length)
    await this.#locked([shared(offset, length)], () => this.#store.read(target, at, length, offset))
    this.counters.read(length)
  }

  /** As the store's; false also for what must be flushed, and while something that excludes writes is under way. */
  writeNow(source: Buffer, at: number, length: number, offset: number, fua: boolean): boolean {
    this.#check(offset, length)
    checkBuffer(source, at, length)
    if (fua || this.writeThrough || this.#locks.excludes(offset, length)) return false
    if (this.#watches.count !== 0) this.#watches.change(offset, length)
    if (!this.#store.writeNow(source, at, length, offset)) return false
    this.counters.wrote(length)
    return true
  }

  /** With `fua`, or through a gate that writes through, resolves once the data is on stable storage. */
  async write(source: Buffer, at: number, length: number, offset: number, fua: boolean): Promise<void> {
    this.#check(offset, length)
    checkBuffer(source, at, length)
    await this.#locked([shared(offset, length)], async () => {
      this.#change(offset, length)
      await this.#store.write(source, at, length, offset)
      if (fua || this.writeThrough) await this.#store.flush()
    })
    this.counters.wrote(length)
  }

  /** Compares the medium at `offset` with `expected`: MATCH, or the index of the first byte that differs. */
  async verify(expected: Buffer, offset: number, stop?: Stop): Promise<number> {
    const part = (done: number, length: number): Buffer => expected.subarray(done, done + length)
    return this.#verify(offset, expected.length, Math.min(VERIFY_PIECE_BYTES, expected.length), part, stop)
  }

  /** Compares every block of the range with `block`: MATCH, or where in the range the first byte differs (SBC-3 5.29). */
  async verifySame(block: Buffer, offset: number, length: number, stop?: Stop): Promise<number> {
    requireBlocks(block, length)
    const expected = repeat(block, Math.min(VERIFY_PIECE_BYTES, length))
    return this.#verify(offset, length, expected.length, (_, count) => expected.subarray(0, count), stop)
  }

  /**
   * Writes `replacement` if the medium holds `expected` (SBC-4 5.3): MATCH, or the index of the first byte that differs,
   * and then nothing is written. Atomic against everything else on its range; all or nothing. Done when it returns a
   * number; a promise when it has to wait. `stop` is asked until the first byte is written: aborted by then, it never
   * happened; aborted later, it is done when the promise resolves.
   */
  compareAndWrite(
    expected: Buffer,
    replacement: Buffer,
    offset: number,
    fua: boolean,
    { stop, judged }: CompareAndWriteOptions = {},
  ): number | Promise<number> {
    const { length } = expected
    if (replacement.length !== length)
      throw new RangeError(`${length} bytes to compare, ${replacement.length} to write`)
    this.#check(offset, length)
    this.counters.compareAndWrites++
    if (!fua && !this.writeThrough && !this.#locks.touches(offset, length)) {
      if (this.#scratch.length < length) this.#scratch = Buffer.allocUnsafeSlow(length)
      const medium = this.#scratch.subarray(0, length)
      const change = (): void => this.#change(offset, length)
      const index = compareThenWriteNow(this.#store, medium, expected, replacement, offset, change)
      if (index !== undefined) return this.#compared(index, medium, judged)
    }
    return this.#atomically(offset, length, fua, stop, async (commit) => {
      const { index, medium } = await compareThenWrite(this.#store, expected, replacement, offset, () => {
        commit()
        judged?.(MATCH, expected)
      })
      return index === MATCH ? MATCH : this.#compared(index, medium, judged)
    })
  }

  /** The medium becomes medium OR data (SBC-3 5.7), with nothing between the reading and the writing. `stop`: as above. */
  async orWrite(data: Buffer, offset: number, fua: boolean, stop?: Stop): Promise<void> {
    const { length } = data
    this.#check(offset, length)
    await this.#atomically(offset, length, fua, stop, (commit) => orInto(this.#store, data, offset, commit))
    this.counters.wrote(length)
  }

  /** Writes all of the data or none of it (SBC-4 4.29), also where the store fails; no other command sees a part. */
  async writeAtomic(data: Buffer, offset: number, fua: boolean, stop?: Stop): Promise<void> {
    const { length } = data
    this.#check(offset, length)
    await this.#atomically(offset, length, fua, stop, (commit) => writeWhole(this.#store, data, offset, commit))
    this.counters.wrote(length)
  }

  /** Fills the range with copies of `pattern`, one block. Zeroes become holes where the store has them. */
  async writeSame(pattern: Buffer, offset: number, length: number, options: WriteSameOptions): Promise<void> {
    this.#check(offset, length)
    requireBlocks(pattern, length)
    this.counters.writeSames++
    if (isZero(pattern) && !options.anchor) await this.#clear(offset, length, options.stop, options.unmap)
    else await this.#replicate(pattern, offset, length, options.stop)
    await this.#settle(offset, length, options.fua)
  }

  /** The range reads as zeroes when the promise resolves, and is free where the store can free it. */
  async unmap(offset: number, length: number, options: { readonly stop?: Stop } = {}): Promise<void> {
    this.#check(offset, length)
    this.counters.unmaps++
    await this.#clear(offset, length, options.stop, true)
    await this.#settle(offset, length, false)
  }

  /** The run of mapped or unmapped bytes that holds `offset`, at most `length` bytes of it. */
  async extent(offset: number, length: number): Promise<Extent> {
    this.#check(offset, length)
    if (length === 0) return { offset, length, mapped: false }
    return this.#locked([shared(offset, length)], () => extentOf(this.#store, offset, length))
  }

  /** Brings what it can of the range into the page cache. */
  async prefetch(offset: number, length: number): Promise<void> {
    this.#check(offset, length)
    const pacer = new Pacer(undefined)
    const end = offset + Math.min(length, PREFETCH_BYTES)
    const piece = Buffer.allocUnsafe(Math.min(length, BUFFER_BYTES))
    for (let at = offset; at < end; at += piece.length) {
      await pacer.next()
      const count = Math.min(piece.length, end - at)
      await this.#locked([shared(at, count)], () => fetch(this.#store, piece, count, at))
    }
  }

  /**
   * Copies from `source`, this gate or another, as if it were read whole first. Holes of the source become holes, or
   * zeroes. Locks are held a piece at a time. Throws AbortedError when `stop` says so between two pieces.
   */
  async copyFrom(
    source: Gate,
    sourceOffset: number,
    offset: number,
    length: number,
    { stop, progress }: CopyOptions = {},
  ): Promise<void> {
    source.#check(sourceOffset, length)
    this.#check(offset, length)
    this.counters.copies++
    const pacer = new Pacer(stop)
    let copied = 0
    for (const piece of copyPieces(sourceOffset, offset, length, source === this)) {
      await pacer.next()
      await this.#lockedBoth(source, piece, () => {
        this.#change(piece.offset, piece.length)
        return copyPiece(source.#store, this.#store, piece, pacer)
      })
      copied += piece.length
      this.counters.bytesCopied += piece.length
      progress?.(copied)
    }
    await this.#settle(offset, length, false)
  }

  /** From the moment that the promise resolves, every change of the ranges, which do not overlap each other, is seen. */
  async watch(ranges: readonly WatchedRange[]): Promise<WriteWatch> {
    for (const { offset, length } of ranges) this.#check(offset, length)
    // Alone: a write that is under way has ended before, one that begins later is seen.
    const claims = ranges.map(({ offset, length }) => alone(offset, length))
    return this.#locked(claims, async () => this.#watches.begin(ranges))
  }

  /** From now on the observer is told of every range that is about to change. */
  observe(observer: WriteObserver): void {
    this.#watches.observe(observer)
  }

  /** Everything written before the call is on stable storage when the promise resolves. */
  async flush(): Promise<void> {
    if (this.#closing) throw closed()
    this.counters.flushes++
    await this.#store.flush()
  }

  /**
   * Grows the medium, and throws RangeError rather than cutting it. What is under way goes on meanwhile: nothing of it can
   * reach the new part, which is locked until it is there. StoreError where there is no room: the medium is as it was.
   */
  async resize(length: number): Promise<void> {
    await this.#locked([alone(this.#length, ENDLESS)], async () => {
      if (!(Number.isSafeInteger(length) && length >= this.#length))
        throw new RangeError(`a medium of ${this.#length} bytes cannot be resized to ${length}`)
      if (length === this.#length) return
      if (!this.#store.resize) throw new StoreError('I/O error', 'this kind of store cannot grow')
      await this.#store.resize(length)
      this.#length = length
      if (!this.#closing) this.#limit = length
    })
  }

  /** Waits for what is under way, then flushes and closes the store. Operations that come later fail. */
  close(): Promise<void> {
    this.#limit = -1
    this.#closing ??= this.#locks.acquire([alone(0, ENDLESS)]).then(() => this.#store.close())
    return this.#closing
  }

  async #verify(
    offset: number,
    length: number,
    pieceLength: number,
    expected: (done: number, length: number) => Buffer,
    stop: Stop | undefined,
  ): Promise<number> {
    this.#check(offset, length)
    this.counters.verifies++
    const pacer = new Pacer(stop)
    const piece = Buffer.allocUnsafe(pieceLength)
    for (let done = 0; done < length; done += pieceLength) {
      await pacer.next()
      const count = Math.min(pieceLength, length - done)
      await this.#locked([shared(offset + done, count)], () => fetch(this.#store, piece, count, offset + done))
      const index = firstDifference(piece, expected(done, count))
      if (index !== MATCH) return done + index
    }
    return MATCH
  }

  /** Nothing else is on the range meanwhile. `work` is to call `commit`, which may throw, before it changes the first byte. */
  #atomically<T>(
    offset: number,
    length: number,
    fua: boolean,
    stop: Stop | undefined,
    work: (commit: () => void) => Promise<T>,
  ): Promise<T> {
    return this.#locked([alone(offset, length)], async () => {
      throwIfStopped(stop)
      let committed = false
      const result = await work(() => {
        throwIfStopped(stop)
        committed = true
        this.#change(offset, length)
      })
      if (committed && (fua || this.writeThrough)) await this.#store.flush()
      return result
    })
  }

  #compared(index: number, medium: Buffer, judged: Judged | undefined): number {
    if (index !== MATCH) this.counters.miscompares++
    judged?.(index, medium)
    return index
  }

  async #clear(offset: number, length: number, stop: Stop | undefined, unmap: boolean): Promise<void> {
    const pacer = new Pacer(stop)
    const end = offset + length
    for (let at = offset; at < end; ) {
      await pacer.next()
      // Up to a multiple of the piece: the allocation map forgets whole grains only.
      const count = Math.min(UNMAP_PIECE_BYTES - (at % UNMAP_PIECE_BYTES), end - at)
      await this.#locked([shared(at, count)], () => {
        this.#change(at, count)
        return zero(this.#store, at, count, unmap, pacer)
      })
      this.counters.bytesCleared += count
      at += count
    }
  }

  async #replicate(pattern: Buffer, offset: number, length: number, stop: Stop | undefined): Promise<void> {
    const pacer = new Pacer(stop)
    const piece = repeat(pattern, Math.min(BUFFER_BYTES, length))
    for (let at = offset; at < offset + length; at += piece.length) {
      await pacer.next()
      const count = Math.min(piece.length, offset + length - at)
      await this.#locked([shared(at, count)], () => {
        this.#change(at, count)
        return this.#store.write(piece, 0, count, at)
      })
      this.counters.bytesWritten += count
    }
  }

  /** After an operation of many pieces. */
  async #settle(offset: number, length: number, fua: boolean): Promise<void> {
    if (!fua && !this.writeThrough) return
    await this.#locked([shared(offset, length)], () => this.#store.flush())
  }

  async #locked<T>(claims: readonly Claim[], work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw closed()
    const lock = this.#locks.tryAcquire(claims) ?? (await this.#locks.acquire(claims))
    try {
      return await work()
    } finally {
      this.#locks.release(lock)
    }
  }

  /** The source shared, the destination alone. */
  #lockedBoth(source: Gate, piece: CopyPiece, work: () => Promise<void>): Promise<void> {
    const { length } = piece
    const from = shared(piece.sourceOffset, length)
    const to = alone(piece.offset, length)
    if (source === this) return this.#locked([from, to], work)
    if (source.#rank < this.#rank) return source.#locked([from], () => this.#locked([to], work))
    return this.#locked([to], () => source.#locked([from], work))
  }

  #check(offset: number, length: number): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.#limit) return // false for NaN, too
    if (this.#closing) throw closed()
    throw new RangeError(`${length} bytes at ${offset} are outside a medium of ${this.length}`)
  }

  /** The range is about to change; its lock is held, unless it changes within this turn. */
  #change(offset: number, length: number): void {
    if (this.#watches.count !== 0) this.#watches.change(offset, length)
  }
}

const closed = (): StoreError => new StoreError('I/O error', 'the logical unit is closed')
