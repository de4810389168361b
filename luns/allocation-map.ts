// A bit a grain: is it allocated, may it hold anything but zeroes? What the map calls a hole reads as zeroes with no system
// call, and takes no room in the pool. Grains are 4 KiB, the blocks of the usual file systems, so that the count is theirs;
// over 1 TiB they double until the map fits in 32 MiB (64 TiB: 256 KiB), of which memory is used only where bits are set.
// The map errs on one side only: a bit may be 1 over a hole, never 0 over data. The counts follow the bits.

import type { PoolAccount } from './pool.ts'
import type { Extent } from './store.ts'

const SMALLEST_GRAIN_BYTES = 4096
const MOST_GRAINS = 8 * 32 * 1024 * 1024

export class AllocationMap {
  #length = 0
  #grainLength = 0
  /** A power of two: multiplying by it is exact, and faster than dividing. */
  #grainsPerByte = 0
  #grains = 0
  #words = new Int32Array(0)
  /** Bits that are 1. */
  #ones = 0
  readonly #account: PoolAccount | undefined

  /** A map of a medium of `length` bytes that is one hole. What it allocates is taken from the pool of the account. */
  constructor(length: number, account?: PoolAccount) {
    this.#account = account
    this.#shape(length)
  }

  get grainLength(): number {
    return this.#grainLength
  }

  /** Bytes of the medium in grains whose bit is 1. */
  get allocated(): number {
    return Math.min(this.#ones * this.#grainLength, this.#length)
  }

  /** Whether the range surely reads as zeroes. */
  isHole(offset: number, length: number): boolean {
    if (length === 0) return true
    const words = this.#words
    const first = this.#grainOf(offset)
    const last = this.#grainOf(offset + length - 1)
    const lastWord = last >>> 5
    let mask = from(first)
    for (let word = first >>> 5; word < lastWord; word++) {
      if ((words[word]! & mask) !== 0) return false
      mask = -1
    }
    return (words[lastWord]! & mask & upTo(last)) === 0
  }

  /** Makes room for a write to the range: throws StoreError 'no space', and then nothing has changed. */
  allocate(offset: number, length: number): void {
    if (length === 0) return
    const first = this.#grainOf(offset)
    const last = this.#grainOf(offset + length - 1)
    const missing = this.#count(first, last, -1)
    if (missing === 0) return
    this.#account?.take(missing * this.#grainLength)
    this.#ones += missing
    this.#fill(first, last, -1)
  }

  /** The range holds data already, or may: marks it, whether or not the pool has room. */
  markData(offset: number, length: number): void {
    if (length === 0) return
    const first = this.#grainOf(offset)
    const last = this.#grainOf(offset + length - 1)
    const missing = this.#count(first, last, -1)
    if (missing === 0) return
    this.#fill(first, last, -1)
    this.#ones += missing
    this.#account?.count(missing * this.#grainLength)
  }

  /** The range reads as zeroes: frees the grains that it covers whole. The last grain ends with the medium. */
  markHole(offset: number, length: number): void {
    const end = offset + length
    const first = Math.ceil(offset * this.#grainsPerByte)
    const last = (end >= this.#length ? this.#grains : this.#grainOf(end)) - 1
    if (last < first) return
    const freed = this.#count(first, last, 0)
    if (freed === 0) return
    this.#fill(first, last, 0)
    this.#ones -= freed
    this.#account?.give(freed * this.#grainLength)
  }

  /** The run of grains of one kind that holds `offset`, at most `length` bytes of it. */
  extent(offset: number, length: number): Extent {
    const first = this.#grainOf(offset)
    const last = this.#grainOf(offset + length - 1)
    const mapped = ((this.#words[first >>> 5]! >>> (first & 31)) & 1) === 1
    const next = this.#next(first, last, mapped ? -1 : 0)
    return { offset, length: Math.min(next * this.#grainLength, offset + length) - offset, mapped }
  }

  /** The medium grows by a hole. Grains that double on the way may count more than before, never less. */
  grow(length: number): void {
    const words = this.#words
    const grainLength = this.#grainLength
    const counted = this.#ones * grainLength
    this.#shape(length)
    if (this.#grainLength === grainLength) return this.#words.set(words)
    this.#coarsen(words, this.#grainLength / grainLength)
    this.#ones = this.#count(0, this.#grains - 1, 0)
    this.#account?.count(this.#ones * this.#grainLength - counted)
  }

  #shape(length: number): void {
    let grainLength = SMALLEST_GRAIN_BYTES
    while (length / grainLength > MOST_GRAINS) grainLength *= 2
    this.#length = length
    this.#grainLength = grainLength
    this.#grainsPerByte = 1 / grainLength
    this.#grains = Math.ceil(length / grainLength)
    this.#words = new Int32Array(Math.ceil(this.#grains / 32))
  }

  /** Takes over the bits of a map whose grains were `ratio` times smaller, a power of two. */
  #coarsen(words: Int32Array, ratio: number): void {
    const step = Math.min(ratio, 32)
    for (let word = 0; word < words.length; word++) {
      const bits = words[word]!
      if (bits === 0) continue
      for (let bit = 0; bit < 32; bit += step) {
        if (((bits >>> bit) & upTo(step - 1)) === 0) continue
        const grain = Math.floor((32 * word + bit) / ratio)
        this.#words[grain >>> 5]! |= 1 << (grain & 31)
      }
    }
  }

  /** Under 2^31, so that the bit operations below are exact. */
  #grainOf(offset: number): number {
    return (offset * this.#grainsPerByte) | 0
  }

  /** How many bits from `first` to `last` are not `bits`: 0, or -1 for all ones. */
  #count(first: number, last: number, bits: number): number {
    const words = this.#words
    const lastWord = last >>> 5
    let count = 0
    let mask = from(first)
    for (let word = first >>> 5; word <= lastWord; word++) {
      if (word === lastWord) mask &= upTo(last)
      const different = (words[word]! ^ bits) & mask
      if (different !== 0) count += ones(different)
      mask = -1
    }
    return count
  }

  #fill(first: number, last: number, bits: number): void {
    const words = this.#words
    const lastWord = last >>> 5
    let mask = from(first)
    for (let word = first >>> 5; word <= lastWord; word++) {
      if (word === lastWord) mask &= upTo(last)
      words[word] = (words[word]! & ~mask) | (bits & mask)
      mask = -1
    }
  }

  /** The first grain after `first` that is not `bits`; `last` + 1 when there is none. */
  #next(first: number, last: number, bits: number): number {
    const words = this.#words
    const lastWord = last >>> 5
    let word = first >>> 5
    let different = (words[word]! ^ bits) & from(first)
    if (different === 0) {
      word++
      while (word <= lastWord && words[word] === bits) word++
      if (word > lastWord) return last + 1
      different = words[word]! ^ bits
    }
    return Math.min(32 * word + lowest(different), last + 1)
  }
}

/** The bits of a word from that of `grain` on, and up to it. */
const from = (grain: number): number => -1 << (grain & 31)
const upTo = (grain: number): number => -1 >>> (31 - (grain & 31))

/** The index of the lowest bit that is 1. */
const lowest = (word: number): number => 31 - Math.clz32(word & -word)

/** How many bits are 1 (Warren, Hacker's Delight 5-1). */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
