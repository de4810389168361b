// Ranges of a medium whose first change is to be known: what stands for data as it was at a point in time (a ROD token) ends
// with it. The gate tells of every write; while nothing is watched, that is one comparison on the data path.

export interface WatchedRange {
  readonly offset: number
  readonly length: number
}

export class WriteWatch {
  /** Something was written into one of the ranges, or a write has begun. */
  changed = false
  readonly #ranges: readonly WatchedRange[]
  readonly #start: number
  readonly #end: number
  readonly #stop: (watch: WriteWatch) => void

  constructor(ranges: readonly WatchedRange[], stop: (watch: WriteWatch) => void) {
    this.#ranges = ranges.filter(({ length }) => length > 0).sort((a, b) => a.offset - b.offset)
    const [first, last] = [this.#ranges[0], this.#ranges.at(-1)]
    this.#start = first ? first.offset : 0
    this.#end = last ? last.offset + last.length : 0
    this.#stop = stop
  }

  /** No change is of interest any more. */
  stop(): void {
    this.#stop(this)
  }

  /** The ranges do not overlap each other, so that only the last one that begins before the end can hold the start. */
  overlaps(offset: number, length: number): boolean {
    const end = offset + length
    if (length === 0 || offset >= this.#end || end <= this.#start) return false
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#ranges[middle]!.offset < end) low = middle + 1
      else high = middle
    }
    const before = this.#ranges[low - 1]
    return before !== undefined && before.offset + before.length > offset
  }
}

/** Told of every change before it is made. */
export type WriteObserver = (offset: number, length: number) => void

export class WriteWatches {
  /** The data path asks for zero first. */
  count = 0
  #observer: WriteObserver | undefined
  readonly #watches = new Set<WriteWatch>()
  readonly #stop = (watch: WriteWatch): void => {
    this.#watches.delete(watch)
    this.#settle()
  }

  /** One, from now on. */
  observe(observer: WriteObserver): void {
    this.#observer = observer
    this.#settle()
  }

  /** Ranges that do not overlap each other. */
  begin(ranges: readonly WatchedRange[]): WriteWatch {
    const watch = new WriteWatch(ranges, this.#stop)
    this.#watches.add(watch)
    this.#settle()
    return watch
  }

  /** A range is about to change. A watch that has seen a change sees no more. */
  change(offset: number, length: number): void {
    this.#observer?.(offset, length)
    for (const watch of this.#watches) {
      if (!watch.overlaps(offset, length)) continue
      watch.changed = true
      watch.stop()
    }
  }

  #settle(): void {
    this.count = this.#watches.size + (this.#observer ? 1 : 0)
  }
}
