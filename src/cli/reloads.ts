// SIGHUP: reloads a service while it runs, one reload at a time. Before it runs a signal waits; while it ends none does
// anything, and none ends the process.

import type { Logger } from '../log.ts'

export class Reloads {
  readonly #log: Logger
  #reload: (() => Promise<void>) | undefined
  #wanted = false
  #running = false
  #ended = false
  readonly #onSignal = (): void => {
    this.#wanted = true
    void this.#next()
  }

  constructor(log: Logger) {
    this.#log = log
    process.on('SIGHUP', this.#onSignal)
  }

  /** The service runs. A signal that came before is not forgotten. */
  begin(reload: () => Promise<void>): void {
    this.#reload = reload
    void this.#next()
  }

  /** No reload begins any more. */
  end(): void {
    this.#ended = true
  }

  unwatch(): void {
    this.end()
    process.off('SIGHUP', this.#onSignal)
  }

  /** Signals that come while a reload is under way are one more afterwards. */
  async #next(): Promise<void> {
    if (!this.#wanted || this.#running || this.#ended || !this.#reload) return
    this.#wanted = false
    this.#running = true
    try {
      await this.#reload()
    } catch (error) {
      this.#log.error(error, 'a fault of Lunette while reloading: please report it')
    }
    this.#running = false
    void this.#next()
  }
}
