// What a connection has to say, gathered over one turn of the event loop and written at once: PDUs are built one behind
// another in a pooled slab, so that a turn's responses leave in one system call without being copied.

import type { BufferPool } from './buffer-pool.ts'
import { LIMITS } from './limits.ts'

/** What Output needs of a socket; `written` is called when the kernel has taken the bytes, or never will. */
export interface Sink {
  cork(): void
  uncork(): void
  write(bytes: Buffer, written: () => void): void
}

const SLAB_BYTES = LIMITS.dataInLength

export class Output {
  /** The slab that PDUs are built in; valid from `reserve` to `advance`. */
  slab: Buffer = Buffer.alloc(0)
  /** Counts what was appended: equal numbers mean that nothing was appended in between. */
  serial = 0
  /** Bytes appended that the kernel has not taken. */
  pending = 0

  readonly #pool: BufferPool
  readonly #sink: Sink
  readonly #drained: () => void
  #waiting: (() => void)[] = []
  #start = 0
  #end = 0
  #full: { buffer: Buffer; start: number; end: number }[] = []

  /** `drained` is called when bytes have left. */
  constructor(pool: BufferPool, sink: Sink, drained: () => void) {
    this.#pool = pool
    this.#sink = sink
    this.#drained = drained
  }

  /** Room for `length` bytes in `slab`, starting at the offset returned; `advance` makes them part of the stream. */
  reserve(length: number): number {
    if (this.slab.length - this.#end < length) {
      this.#seal()
      this.slab = this.#pool.take(Math.max(length, SLAB_BYTES))
      this.#start = 0
      this.#end = 0
    }
    return this.#end
  }

  advance(length: number): void {
    this.#end += length
    this.pending += length
    this.serial++
  }

  /** Appends a buffer of the pool, bytes 0 to `length`, and takes it over. */
  append(buffer: Buffer, length: number): void {
    this.#sealPart()
    this.#full.push({ buffer, start: 0, end: length })
    this.pending += length
    this.serial++
  }

  /** Hands everything to the sink. */
  flush(): void {
    this.#seal()
    const parts = this.#full
    if (parts.length === 0) return
    this.#full = []
    if (parts.length > 1) this.#sink.cork()
    for (const { buffer, start, end } of parts) {
      this.#sink.write(buffer.subarray(start, end), () => this.#written(buffer, start, end))
    }
    if (parts.length > 1) this.#sink.uncork()
  }

  /** More waits for the initiator than it may hold of the array's buffers: say no more until `whenRoomy`. */
  get crowded(): boolean {
    return this.pending > LIMITS.queuedOutputPerConnection
  }

  /** Resolves when half of what an initiator may hold has left, or the connection has ended. */
  whenRoomy(): Promise<void> {
    return this.crowded ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve()
  }

  /** Gives the buffers back unsent. */
  discard(): void {
    this.#seal()
    for (const { buffer, start, end } of this.#full) this.#written(buffer, start, end)
    this.#full = []
    this.#wake()
  }

  #written(buffer: Buffer, start: number, end: number): void {
    this.pending -= end - start
    this.#pool.release(buffer)
    if (this.#waiting.length > 0 && this.pending <= LIMITS.queuedOutputPerConnection / 2) this.#wake()
    this.#drained()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #seal(): void {
    if (this.slab.length === 0) return
    if (this.#end > this.#start) this.#full.push({ buffer: this.slab, start: this.#start, end: this.#end })
    else this.#pool.release(this.slab)
    this.slab = NONE
    this.#start = 0
    this.#end = 0
  }

  /** Keeps the order of the stream: what stands in the slab goes before what is appended whole. */
  #sealPart(): void {
    if (this.#end > this.#start) this.#seal()
  }
}

const NONE = Buffer.alloc(0)
