// The clock of a logical unit (SPC-4 5.2): zero when the array starts, until SET TIMESTAMP sets it. Nothing but its own time
// and that command moves it: neither a reset nor the clock of the computer, which may be turned back.

import { TIMESTAMP_ORIGIN, type Timestamp } from '../../protocol/scsi/timestamp.ts'

const MODULUS = 2 ** 48

export class UnitClock {
  readonly #elapsed: () => number
  #origin: number = TIMESTAMP_ORIGIN.POWER_ON
  #offset: number

  /** `elapsed` counts milliseconds and never goes back. */
  constructor(elapsed: () => number = () => performance.now()) {
    this.#elapsed = elapsed
    this.#offset = -elapsed()
  }

  read(): Timestamp {
    return { origin: this.#origin, milliseconds: Math.floor(this.#elapsed() + this.#offset) % MODULUS }
  }

  set(milliseconds: number): void {
    this.#offset = milliseconds - this.#elapsed()
    this.#origin = TIMESTAMP_ORIGIN.SET_TIMESTAMP
  }
}
