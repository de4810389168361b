// Who may use libuv's threads, of which a process has four unless UV_THREADPOOL_SIZE says otherwise. A read that is not in
// the page cache needs one, and must not wait for calls that take the kernel milliseconds, or seconds where the disk is
// slower than what is copied: those are let into some of the threads only, and into fewer still for bulk work, which must
// leave a core to the event loop, too.
// The threads belong to the process, and so does this: the one state that arrays share. Nothing of theirs is in it.

import { availableParallelism } from 'node:os'

class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** In the order of arrival. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }
}

export class Threads {
  readonly #slow: Slots
  readonly #bulk: Slots

  constructor(count: number, cores: number) {
    this.#slow = new Slots(Math.max(1, count - 1))
    this.#bulk = new Slots(Math.max(1, Math.min(count >> 1, cores - 1)))
  }

  /** For one call that changes a file or waits for its disk: a thread is always left for reads. */
  slow<T>(call: () => Promise<T>): Promise<T> {
    return this.#slow.run(call)
  }

  /** For one call of an operation that takes many, and can wait: at least half of the threads are left for all others. */
  bulk<T>(call: () => Promise<T>): Promise<T> {
    return this.#bulk.run(() => this.#slow.run(call))
  }
}

const LIBUV_THREADS = 4

export const threads = new Threads(Number(process.env.UV_THREADPOOL_SIZE) || LIBUV_THREADS, availableParallelism())
