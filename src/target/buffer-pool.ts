// Buffers for data under way, kept for reuse: allocating 256 KiB costs more than reading it (performance.md).
// Last in, first out: the buffer that was used last is the one still in the processor's cache.

const KIB = 1024
/** Room beside the data for the headers of the PDUs that carry it. */
const HEADROOM = 4 * KIB
const CLASSES = [16 * KIB, 64 * KIB + HEADROOM, 256 * KIB + HEADROOM, 1024 * KIB + HEADROOM]
/** Freed memory that is kept for the next burst. */
const KEEP_BYTES = 32 * 1024 * KIB

export class BufferPool {
  readonly limit: number
  /** Bytes lent out. */
  lent = 0
  #kept = 0
  readonly #free = new Map<number, Buffer[]>(CLASSES.map((size) => [size, []]))
  readonly #waiting: { size: number; grant: (buffer: Buffer) => void }[] = []

  constructor(limit: number) {
    this.limit = limit
  }

  /** A buffer of at least `size` bytes at once, over the limit if need be: only for what is bounded otherwise. */
  take(size: number): Buffer {
    const length = CLASSES.find((c) => c >= size) ?? size
    this.lent += length
    const kept = this.#free.get(length)?.pop()
    if (!kept) return Buffer.allocUnsafeSlow(length)
    this.#kept -= length
    return kept
  }

  /** A buffer of at least `size` bytes, when there is one under the limit. First come, first served. */
  acquire(size: number): Buffer | Promise<Buffer> {
    if (this.#waiting.length === 0 && (this.lent === 0 || this.lent + size <= this.limit)) return this.take(size)
    return new Promise((grant) => this.#waiting.push({ size, grant }))
  }

  release(buffer: Buffer): void {
    this.lent -= buffer.length
    const free = this.#free.get(buffer.length)
    if (free && this.#kept + buffer.length <= KEEP_BYTES) {
      free.push(buffer)
      this.#kept += buffer.length
    }
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!
      if (this.lent > 0 && this.lent + first.size > this.limit) return
      this.#waiting.shift()
      first.grant(this.take(first.size))
    }
  }
}
