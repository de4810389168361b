// The numbers of a session's commands (RFC 7143 4.2.2.1): which are due, which may come, and in which order they are
// delivered, over whatever connections they come. What comes before its turn is held here; the window bounds it.

import { lessThan, next } from '../../protocol/iscsi/serial.ts'

/** What has come before its turn. */
interface Held {
  /** The connection that it came on. */
  readonly owner: unknown
  readonly deliver: () => void
}

/** What must not happen before all the commands up to a number have come. */
interface Waiting extends Held {
  readonly cmdSn: number
}

export class CommandWindow {
  expCmdSn: number

  /** Commands that a session may have under way. */
  readonly #size: number
  /** Commands that take a place in the window. */
  #places = 0
  readonly #held = new Map<number, Held>()
  #waiting: Waiting[] = []
  #delivering = false

  constructor(cmdSn: number, size: number) {
    this.expCmdSn = cmdSn
    this.#size = size
  }

  /** The window never shrinks: a command takes its place when it is delivered and gives it back when it ends. */
  get maxCmdSn(): number {
    return (this.expCmdSn + this.#size - this.#places - 1) >>> 0
  }

  takePlace(): void {
    this.#places++
  }

  givePlace(): void {
    this.#places--
  }

  /** Takes the number of a PDU whose turn it is. */
  take(cmdSn: number): boolean {
    if (cmdSn !== this.expCmdSn || this.#places >= this.#size) return false
    this.expCmdSn = next(cmdSn)
    return true
  }

  /** The PDU that took the number last does not count as received (RFC 7143 7.3). */
  giveBack(cmdSn: number): void {
    if (next(cmdSn) === this.expCmdSn) this.expCmdSn = cmdSn
  }

  /** Whether a number that is not due yet may come now, once. */
  admits(cmdSn: number): boolean {
    return lessThan(this.expCmdSn, cmdSn) && !lessThan(this.maxCmdSn, cmdSn) && !this.#held.has(cmdSn)
  }

  /** Keeps what has come with a number that the window admits until its turn comes. */
  hold(cmdSn: number, owner: unknown, deliver: () => void): void {
    this.#held.set(cmdSn, { owner, deliver })
  }

  /** A number that will not come counts as received from the next `deliver` on; false when it has come, or may not. */
  plug(cmdSn: number): boolean {
    const outside = lessThan(cmdSn, this.expCmdSn) || lessThan(this.maxCmdSn, cmdSn)
    if (outside || this.#held.has(cmdSn)) return false
    this.#held.set(cmdSn, NOTHING)
    return true
  }

  /** Delivers all before `cmdSn`, which is in the window or right behind it; those that are missing count as received. */
  advanceTo(cmdSn: number): void {
    if (!this.isAwaiting(cmdSn)) return
    for (let sn = this.expCmdSn; sn !== cmdSn; sn = next(sn)) if (!this.#held.has(sn)) this.#held.set(sn, NOTHING)
    this.deliver(cmdSn)
  }

  /** Whether commands before `cmdSn` are still to come: not when it is none that the window lets the initiator use. */
  isAwaiting(cmdSn: number): boolean {
    return lessThan(this.expCmdSn, cmdSn) && !lessThan(next(this.maxCmdSn), cmdSn)
  }

  /** Runs when all commands before `cmdSn` have been delivered. */
  whenReached(cmdSn: number, owner: unknown, deliver: () => void): void {
    this.#waiting.push({ cmdSn, owner, deliver })
  }

  /** How many wait so. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Whether `deliver` may have something to do. */
  get busy(): boolean {
    return this.#held.size > 0 || this.#waiting.length > 0
  }

  /** Delivers whatever is due, as far as to the number `end`. */
  deliver(end?: number): void {
    if (this.#delivering) return // what is delivered may plug a number
    this.#delivering = true
    try {
      for (let due = this.#takeDue(end); due; due = this.#takeDue(end)) due.deliver()
    } finally {
      this.#delivering = false
    }
  }

  /** The connection is gone: what it brought and was not due has not come (its initiator may send it on another one). */
  forget(owner: unknown): void {
    for (const [cmdSn, held] of this.#held) if (held.owner === owner) this.#held.delete(cmdSn)
    this.#waiting = this.#waiting.filter((waiting) => waiting.owner !== owner)
  }

  #takeDue(end: number | undefined): Held | undefined {
    const index = this.#waiting.findIndex(({ cmdSn }) => !lessThan(this.expCmdSn, cmdSn))
    if (index >= 0) return this.#waiting.splice(index, 1)[0]
    const held = this.expCmdSn === end ? undefined : this.#held.get(this.expCmdSn)
    if (!held) return undefined
    this.#held.delete(this.expCmdSn)
    this.expCmdSn = next(this.expCmdSn)
    return held
  }
}

const NOTHING: Held = { owner: undefined, deliver: () => {} }
