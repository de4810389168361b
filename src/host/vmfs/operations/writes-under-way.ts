// Writes of data that need not wait for each other: a few at once keep a remote disk busy.

const MAX_UNDER_WAY = 4

export class WritesUnderWay {
  readonly #writes: Promise<void>[] = []

  /** Waits until there is room for another. @throws what an earlier write failed with */
  async add(write: Promise<void>): Promise<void> {
    // Whoever settles it is told.
    write.catch(() => {})
    this.#writes.push(write)
    if (this.#writes.length >= MAX_UNDER_WAY) await this.#writes.shift()
  }

  /** All are done, or the first of them that failed is thrown; none is under way any more. */
  async settle(): Promise<void> {
    const results = await Promise.allSettled(this.#writes.splice(0))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }
}
