// The log of connections. Anybody who reaches a portal makes it write: in every stretch of time each address, and all of them
// together, have so many lines, and what is above that is told by its number when the stretch is over.

import { LIMITS } from './limits.ts'
import type { Log } from './log.ts'

interface ParentLog extends Log {
  child(bindings: Record<string, unknown>): Log
}

interface Bound {
  readonly perAddress: number
  readonly inAll: number
}

/** What was not written, by its message. */
type Held = Map<string, number>

/** The lines of one stretch. */
class Stretch {
  readonly #bound: Bound
  /** By address. */
  readonly #written = new Map<string, number>()
  #inAll = 0

  constructor(bound: Bound) {
    this.#bound = bound
  }

  admits(address: string): boolean {
    const written = this.#written.get(address) ?? 0
    if (this.#inAll >= this.#bound.inAll || written >= this.#bound.perAddress) return false
    this.#inAll++
    this.#written.set(address, written + 1)
    return true
  }
}

export class BoundedLog {
  readonly #log: ParentLog
  /** Who logs in, and what is wrong: a flood of one hides nothing of the other. */
  #notices = new Stretch(LIMITS.logNotices)
  #complaints = new Stretch(LIMITS.logComplaints)
  /** By address: so many are told one by one, the others together. */
  readonly #held = new Map<string, Held>()
  #others: Held = new Map()
  #ticks = 0

  constructor(log: ParentLog) {
    this.#log = log
  }

  /** For a connection from the address: the bindings stand in each of its lines. Who asks for level debug gets every line. */
  of(address: string, bindings: Record<string, unknown>): Log {
    const log = this.#log.child(bindings)
    if (log.isLevelEnabled('debug')) return log
    const bounded = (level: 'info' | 'warn' | 'error') => (line: object, message: string) => {
      if (!log.isLevelEnabled(level)) return
      if ((level === 'info' ? this.#notices : this.#complaints).admits(address)) log[level](line, message)
      else this.#hold(address, message)
    }
    return {
      debug: () => {},
      info: bounded('info'),
      warn: bounded('warn'),
      error: bounded('error'),
      isLevelEnabled: (level) => log.isLevelEnabled(level),
    }
  }

  /** A second has passed. */
  tick(): void {
    if (++this.#ticks >= LIMITS.logSeconds) this.flush()
  }

  /** Ends the stretch: what was not written is told by its number. */
  flush(): void {
    for (const [address, held] of this.#held) this.#tell(address, held)
    if (this.#others.size > 0) this.#tell('other addresses', this.#others)
    this.#notices = new Stretch(LIMITS.logNotices)
    this.#complaints = new Stretch(LIMITS.logComplaints)
    this.#held.clear()
    this.#others = new Map()
    this.#ticks = 0
  }

  #hold(address: string, message: string): void {
    let held = this.#held.get(address)
    if (!held) {
      const room = this.#held.size < LIMITS.logAddresses
      held = room ? new Map() : this.#others
      if (room) this.#held.set(address, held)
    }
    held.set(message, (held.get(message) ?? 0) + 1)
  }

  #tell(address: string, held: Held): void {
    const more = [...held.values()].reduce((sum, count) => sum + count, 0)
    const message = `and ${more.toLocaleString('en-US')} more like these from ${address} in the last ${LIMITS.logSeconds} s`
    this.#log.warn({ address, more, messages: Object.fromEntries(held) }, message)
  }
}
