// A bit a chunk: may it hold anything but zeroes? A chunk whose bit is 0 reads as zeroes with no system call.
// Chunks are 64 KiB; over 64 GiB they double until the map fits in 128 KiB (1 TiB: 1 MiB chunks).
// The map errs on one side only: a bit may be 1 over a hole, never 0 over data.

import type { Extent } from './store.ts'

const SMALLEST_CHUNK_BYTES = 64 * 1024
const MOST_CHUNKS = 8 * 128 * 1024

export class HoleMap {
  readonly chunkLength: number
  readonly #length: number
  readonly #chunks: number
  readonly #bits: Uint8Array

  /** A map of a medium of `length` bytes that is one hole. */
  constructor(length: number) {
    let chunkLength = SMALLEST_CHUNK_BYTES
    while (length / chunkLength > MOST_CHUNKS) chunkLength *= 2
    this.chunkLength = chunkLength
    this.#length = length
    this.#chunks = Math.ceil(length / chunkLength)
    this.#bits = new Uint8Array(Math.ceil(this.#chunks / 8))
  }

  /** Whether the range surely reads as zeroes. */
  isHole(offset: number, length: number): boolean {
    const last = this.#chunkOf(offset + length - 1)
    for (let chunk = this.#chunkOf(offset); chunk <= last; chunk++) if (this.#mayHoldData(chunk)) return false
    return true
  }

  /** Something is written, or about to be written, to the range. */
  markData(offset: number, length: number): void {
    const last = this.#chunkOf(offset + length - 1)
    for (let chunk = this.#chunkOf(offset); chunk <= last; chunk++) this.#bits[chunk >> 3]! |= 1 << (chunk & 7)
  }

  /** The range reads as zeroes: clears the chunks that it covers whole. The last chunk ends with the medium. */
  markHole(offset: number, length: number): void {
    const end = offset + length
    const past = end >= this.#length ? this.#chunks : this.#chunkOf(end)
    for (let chunk = Math.ceil(offset / this.chunkLength); chunk < past; chunk++)
      this.#bits[chunk >> 3]! &= ~(1 << (chunk & 7))
  }

  /** The run of chunks of one kind that holds `offset`, at most `length` bytes of it. */
  extent(offset: number, length: number): Extent {
    const first = this.#chunkOf(offset)
    const last = this.#chunkOf(offset + length - 1)
    const mapped = this.#mayHoldData(first)
    let next = first + 1
    while (next <= last && this.#mayHoldData(next) === mapped) next++
    return { offset, length: Math.min(next * this.chunkLength, offset + length) - offset, mapped }
  }

  /** Both are whole and the quotient is under 2^20: exact, whatever the offset. */
  #chunkOf(offset: number): number {
    return Math.floor(offset / this.chunkLength)
  }

  #mayHoldData(chunk: number): boolean {
    return (this.#bits[chunk >> 3]! & (1 << (chunk & 7))) !== 0
  }
}
