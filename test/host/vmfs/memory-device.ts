// A disk in memory for tests of volumes: sparse, so that a volume of gigabytes costs what is written to it; it counts its writes,
// can lose its connection after any of them, and a fork of it shares what was there and keeps its own changes.

import type { BlockDevice } from '../../../src/host/block-device.ts'

const PAGE = 4096

/** Outside the device, or not on a block boundary: the mistake of whoever asked, whatever the volume says. */
export class MisuseError extends RangeError {
  override readonly name = 'MisuseError'
}

/** What a write gets from `cutAfter` on. */
export class CutError extends Error {
  override readonly name = 'CutError'
}

export interface WriteRecord {
  readonly offset: number
  readonly length: number
}

export class MemoryDevice implements BlockDevice {
  readonly name = 'memory'
  readonly size: number
  readonly blockBytes: number
  /** Each write that was carried out, in order. */
  readonly writes: WriteRecord[] = []
  reads = 0
  flushes = 0
  closed = false
  readonly #below: MemoryDevice | undefined
  readonly #pages = new Map<number, Buffer>()
  #cutAfter = Number.POSITIVE_INFINITY
  #tornBytes = 0

  constructor(size: number, blockBytes = 512, below?: MemoryDevice) {
    this.size = size
    this.blockBytes = blockBytes
    this.#below = below
  }

  /** A device that starts with what this one holds; this one must not be written any more. A smaller size truncates. */
  fork(size = this.size): MemoryDevice {
    return new MemoryDevice(size, this.blockBytes, this)
  }

  /** Of the writes from now on `count` succeed, the next one leaves its first `tornBytes` on the medium, and none after it does anything. */
  cutAfter(count: number, tornBytes = 0): void {
    this.#cutAfter = this.writes.length + count
    this.#tornBytes = tornBytes
  }

  /** The connection is back. */
  heal(): void {
    this.#cutAfter = Number.POSITIVE_INFINITY
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.#demand('read', offset, length)
    this.reads++
    return this.peek(offset, length)
  }

  async write(offset: number, data: Buffer): Promise<void> {
    this.#demand('write', offset, data.length)
    if (this.writes.length >= this.#cutAfter) {
      this.poke(offset, data.subarray(0, this.#tornBytes))
      this.#tornBytes = 0
      throw new CutError(`the connection was lost after ${this.#cutAfter} writes`)
    }
    this.writes.push({ offset, length: data.length })
    this.poke(offset, data)
  }

  async flush(): Promise<void> {
    if (this.writes.length >= this.#cutAfter) throw new CutError('the connection was lost')
    this.flushes++
  }

  async close(): Promise<void> {
    this.closed = true
  }

  /** Reads any bytes without being counted; past the end of a truncated device there is nothing. */
  peek(offset: number, length: number): Buffer {
    const result = Buffer.alloc(length)
    for (const { page, from, at, bytes } of pieces(offset, length))
      this.page(page)?.copy(result, at, from, from + bytes)
    return result
  }

  /** Writes any bytes without being counted. */
  poke(offset: number, data: Buffer): void {
    for (const { page, from, at, bytes } of pieces(offset, data.length)) {
      let own = this.#pages.get(page)
      if (own === undefined) {
        const under = this.#below?.page(page)
        if (under === undefined && isZero(data, at, bytes)) continue
        own = under === undefined ? Buffer.alloc(PAGE) : Buffer.from(under)
        this.#pages.set(page, own)
      }
      data.copy(own, from, at, at + bytes)
    }
  }

  /** Offsets of the pages of 4 KiB that hold anything, ascending: where a mutation can matter. */
  touchedPages(): number[] {
    const pages = new Set(this.#pages.keys())
    for (const offset of this.#below?.touchedPages() ?? []) pages.add(offset / PAGE)
    return [...pages].map((page) => page * PAGE).sort((a, b) => a - b)
  }

  private page(page: number): Buffer | undefined {
    return this.#pages.get(page) ?? this.#below?.page(page)
  }

  #demand(what: string, offset: number, length: number): void {
    const inside = offset >= 0 && length > 0 && offset + length <= this.size
    if (this.closed || !inside || offset % this.blockBytes !== 0 || length % this.blockBytes !== 0)
      throw new MisuseError(`${what} of ${length} bytes at ${offset} of ${this.closed ? 'a closed device' : this.size}`)
  }
}

function* pieces(offset: number, length: number): Generator<{ page: number; from: number; at: number; bytes: number }> {
  for (let at = 0; at < length; ) {
    const page = Math.floor((offset + at) / PAGE)
    const from = (offset + at) % PAGE
    const bytes = Math.min(PAGE - from, length - at)
    yield { page, from, at, bytes }
    at += bytes
  }
}

const ZEROS = Buffer.alloc(PAGE)
const isZero = (data: Buffer, at: number, bytes: number): boolean => data.compare(ZEROS, 0, bytes, at, at + bytes) === 0
