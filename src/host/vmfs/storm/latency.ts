// How long operations took: counts in buckets that are 1/64 wide of what they hold, so that a storm of any length takes the same
// few kilobytes, and percentiles by nearest rank from them.

const US_PER_MS = 1000
/** Significant bits of a bucket. */
const BITS = 7

export interface LatencySummary {
  readonly count: number
  /** Zero where there is none. */
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export class Latencies {
  /** By the lowest number of microseconds of a bucket. */
  readonly #buckets = new Map<number, number>()
  #count = 0
  #maxUs = 0

  get count(): number {
    return this.#count
  }

  record(ms: number): void {
    const us = Math.max(0, Math.round(ms * US_PER_MS))
    this.#add(bucketOf(us), 1)
    this.#maxUs = Math.max(this.#maxUs, us)
  }

  add(other: Latencies): void {
    for (const [bucket, count] of other.#buckets) this.#add(bucket, count)
    this.#maxUs = Math.max(this.#maxUs, other.#maxUs)
  }

  /** What so many percent did not exceed; at most 1/64 more than that. Zero where nothing was recorded. */
  percentileMs(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count))
    let seen = 0
    for (const [bucket, count] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      seen += count
      if (seen >= rank) return Math.min(bucket + widthOf(bucket) - 1, this.#maxUs) / US_PER_MS
    }
    return 0
  }

  summary(): LatencySummary {
    const [p50Ms, p95Ms, p99Ms] = [50, 95, 99].map((percent) => this.percentileMs(percent)) as [number, number, number]
    return { count: this.#count, p50Ms, p95Ms, p99Ms, maxMs: this.#maxUs / US_PER_MS }
  }

  #add(bucket: number, count: number): void {
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + count)
    this.#count += count
  }
}

/** A power of two: 1 below 128 µs. */
const widthOf = (us: number): number => 2 ** Math.max(0, Math.floor(Math.log2(Math.max(us, 1))) - BITS + 1)
const bucketOf = (us: number): number => us - (us % widthOf(us))
