// What a connection has to say, gathered over one turn of the event loop and written at once: PDUs are built one behind
// another in a pooled slab, so that a turn's responses leave in one system call without being copied.

import type { PoolShare } from './buffer-pool.ts'
import { LIMITS } from './limits.ts'

/** What Output needs of a socket; `written` is called when the kernel has taken the bytes, or never will. */
export interface Sink {
  cork(): void
  uncork(): void
  write(bytes: Buffer, written: () => void): void
}

const SLAB_BYTES = LIMITS.dataInLength

interface Part {
  readonly buffer: Buffer
  readonly length: number
}

export class Output {
  /** The slab that PDUs are built in; valid from `reserve` to `advance`. */
  slab: Buffer = NONE
  /** Counts what was appended: equal numbers mean that nothing was appended in between. */
  serial = 0
  /** Every buffer that is being filled, or that the kernel has not taken: what the initiator makes the array hold. */
  readonly share: PoolShare

  readonly #sink: Sink
  readonly #drained: () => void
  #end = 0
  #full: Part[] = []
  /** Nobody will read it: what is still said goes nowhere. */
  #discarded = false

  /** `drained` is called when a buffer has left. */
  constructor(share: PoolShare, sink: Sink, drained: () => void) {
    this.share = share
    this.#sink = sink
    this.#drained = drained
  }

  /** More waits for the initiator than its share: it is to read before it is told more. */
  get crowded(): boolean {
    return this.share.used > this.share.limit
  }

  /** Room for `length` bytes in `slab`, starting at the offset returned; `advance` makes them part of the stream. */
  reserve(length: number): number {
    if (this.#discarded) {
      this.slab = Buffer.alloc(length)
      return 0
    }
    if (this.slab.length - this.#end < length) {
      this.#seal()
      this.slab = this.share.take(Math.max(length, SLAB_BYTES))
    }
    return this.#end
  }

  advance(length: number): void {
    this.#end += length
    this.serial++
  }

  /** Appends a buffer of the share, bytes 0 to `length`, and takes it over. */
  append(buffer: Buffer, length: number): void {
    if (this.#discarded) return this.share.release(buffer)
    if (this.#end > 0) this.#seal() // the order of the stream
    this.#full.push({ buffer, length })
    this.serial++
  }

  /** Hands everything to the sink. */
  flush(): void {
    if (this.#discarded) return
    this.#seal()
    const parts = this.#full
    if (parts.length === 0) return
    this.#full = []
    if (parts.length > 1) this.#sink.cork()
    for (const { buffer, length } of parts) {
      this.#sink.write(buffer.subarray(0, length), () => {
        this.share.release(buffer)
        this.#drained()
      })
    }
    if (parts.length > 1) this.#sink.uncork()
  }

  /** Gives the buffers back unsent. */
  discard(): void {
    if (this.#discarded) return
    this.#seal()
    for (const { buffer } of this.#full) this.share.release(buffer)
    this.#full = []
    this.#discarded = true
  }

  #seal(): void {
    if (this.slab === NONE) return
    if (this.#end > 0) this.#full.push({ buffer: this.slab, length: this.#end })
    else this.share.release(this.slab)
    this.slab = NONE
    this.#end = 0
  }
}

const NONE = Buffer.alloc(0)
