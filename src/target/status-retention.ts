// The statuses that an initiator has not acknowledged (RFC 7143 4.2.2.2, 11.16): kept by StatSN from ErrorRecoveryLevel 1 on,
// to be sent again when it asks for them, until its ExpStatSN says that it has them.

import { distance, lessThan, next } from '../../protocol/iscsi/serial.ts'

interface Kept<Status> {
  readonly status: Status
  readonly bytes: number
}

interface Bounds {
  readonly count: number
  readonly bytes: number
}

/** What a request for statuses finds: they were never sent, or are acknowledged; or they have been given up. */
export type StatusRun<Status> = readonly Status[] | 'not there' | 'given up'

export class StatusRetention<Status> {
  /** ExpStatSN, as it was heard last. */
  #expected: number
  /** The number that comes next. */
  #next: number
  readonly #kept = new Map<number, Kept<Status>>()
  #bytes = 0
  readonly #bounds: Bounds
  readonly #gone: (status: Status) => void

  /** `statSn`: the first that is kept. `gone` is called with what is acknowledged or given up. */
  constructor(statSn: number, bounds: Bounds, gone: (status: Status) => void) {
    this.#expected = statSn
    this.#next = statSn
    this.#bounds = bounds
    this.#gone = gone
  }

  /** Past the bounds the oldest are given up. */
  keep(statSn: number, status: Status, bytes: number): void {
    this.#next = next(statSn)
    this.#kept.set(statSn, { status, bytes })
    this.#bytes += bytes
    while (this.#kept.size > this.#bounds.count || this.#bytes > this.#bounds.bytes) this.#drop(this.#oldest)
  }

  /** A number that was not sent yet, or that goes back, acknowledges nothing. */
  acknowledge(expStatSn: number): void {
    if (!lessThan(this.#expected, expStatSn) || lessThan(this.#next, expStatSn)) return
    for (let sn = this.#expected; sn !== expStatSn; sn = next(sn)) this.#drop(sn)
    this.#expected = expStatSn
  }

  /** RFC 7143 11.16.6, 11.16.7: `count` statuses from `first` on; of 0 all from there, with `first` 0 all that are kept. */
  run(first: number, count: number): StatusRun<Status> {
    const from = first === 0 && count === 0 ? this.#expected : first
    const sent = distance(this.#expected, this.#next)
    const before = distance(this.#expected, from)
    const length = count === 0 ? sent - before : count
    const none = length === 0 && first !== 0
    if (before > sent || before + length > sent || none) return 'not there'
    const found: Status[] = []
    for (let sn = from, left = length; left > 0; sn = next(sn), left--) {
      const kept = this.#kept.get(sn)
      if (!kept) return 'given up'
      found.push(kept.status)
    }
    return found
  }

  get #oldest(): number {
    return this.#kept.keys().next().value as number
  }

  #drop(statSn: number): void {
    const kept = this.#kept.get(statSn)
    if (!kept) return
    this.#kept.delete(statSn)
    this.#bytes -= kept.bytes
    this.#gone(kept.status)
  }
}
