// Group commit: callers that arrive while one sync runs share the next one, for the running one may have begun before
// their data was written. A sync that failed is never forgotten: after a failed fdatasync the kernel marks the lost pages
// clean, so that a second one succeeds although the data is gone. Every later flush fails until the image is reopened.

export class GroupSync {
  readonly #sync: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(sync: () => Promise<void>) {
    this.#sync = sync
  }

  /** Resolves when a sync that began after this call has ended. */
  flush(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure.error)
    if (this.#next) return this.#next
    if (!this.#running) return this.#start()
    const start = () => this.#start()
    this.#next = this.#running.then(start, start)
    return this.#next
  }

  #start(): Promise<void> {
    this.#next = undefined
    if (this.#failure) return Promise.reject(this.#failure.error)
    this.#running = this.#run()
    return this.#running
  }

  async #run(): Promise<void> {
    try {
      await this.#sync()
    } catch (error) {
      this.#failure = { error }
      throw error
    } finally {
      this.#running = undefined
    }
  }
}
