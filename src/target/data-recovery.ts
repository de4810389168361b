// What of a command's data is missing (RFC 7143 7.8, 7.9), from ErrorRecoveryLevel 1 on: data that came behind a gap stay where
// they are, and only the gaps are asked for again, by recovery R2Ts. Pure: positions in, positions out.

/** From `from` up to, but not including, `to`: bytes of the command's whole data. */
export interface Range {
  readonly from: number
  readonly to: number
}

export class DataRecovery {
  /** Came behind a gap: in order, apart from each other. */
  #early: Range[] = []
  /** Belongs to sequences that have ended, and has not come. */
  #missing: Range[] = []
  /** Recovery R2Ts that have been asked for. */
  #asked = 0

  /** Whether something has come behind a gap. */
  get hasEarly(): boolean {
    return this.#early.length > 0
  }

  /** Recovery R2Ts so far. */
  get asked(): number {
    return this.#asked
  }

  /** Where what has come behind gaps ends. */
  get reach(): number {
    return this.#early.at(-1)?.to ?? 0
  }

  /** Data have come; `have` is how far they are there without a gap. Returns how far they are now. */
  take(have: number, from: number, to: number): number {
    if (from > have) {
      this.#add({ from, to })
      return have
    }
    let end = Math.max(have, to)
    for (const early of this.#early) if (early.from <= end) end = Math.max(end, early.to)
    this.#early = this.#early.filter((early) => early.to > end)
    return end
  }

  /** A sequence has ended: what of it has not come is to be asked for. */
  endSequence(have: number, { from, to }: Range): void {
    let at = Math.max(from, Math.min(have, to))
    for (const early of this.#early) {
      if (early.from >= to) break
      if (early.from > at) this.#missing.push({ from: at, to: early.from })
      at = Math.max(at, early.to)
    }
    if (at < to) this.#missing.push({ from: at, to })
  }

  /** The next range to ask for, of at most `length` bytes. */
  next(length: number): Range | undefined {
    const first = this.#missing.shift()
    if (!first) return undefined
    this.#asked++
    const to = Math.min(first.to, first.from + length)
    if (to < first.to) this.#missing.unshift({ from: to, to: first.to })
    return { from: first.from, to }
  }

  /** Nothing that was asked for is to be expected any more. */
  startAgain(): void {
    this.#missing = []
  }

  #add(range: Range): void {
    const apart = this.#early.filter(({ from, to }) => to < range.from || from > range.to)
    const touching = this.#early.filter(({ from, to }) => to >= range.from && from <= range.to)
    const from = Math.min(range.from, ...touching.map((one) => one.from))
    const to = Math.max(range.to, ...touching.map((one) => one.to))
    this.#early = [...apart, { from, to }].sort((a, b) => a.from - b.from)
  }
}
