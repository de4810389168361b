// Whether a logical unit is ready (SPC-4 5.10): its medium may be out, an operation in the background may have it for
// itself, or have failed and left it unusable. Commands say in their rows what they need.

import { SENSE, type SenseData, SenseError } from '../../protocol/scsi/sense.ts'
import type { BackgroundOperation } from './background-operation.ts'
import type { RemovableMedium } from './removable-medium.ts'

/**
 * 'nothing': answered whatever the state is; 'unit': the unit, not its medium; 'medium': both. FORMAT UNIT is 'formattable'
 * with a medium whose format is corrupt, SANITIZE 'sanitizable' also with one that an earlier SANITIZE failed on.
 */
export type Need = 'nothing' | 'unit' | 'medium' | 'formattable' | 'sanitizable'

export class Readiness {
  readonly #background: BackgroundOperation
  readonly #medium: RemovableMedium

  constructor(background: BackgroundOperation, medium: RemovableMedium) {
    this.#background = background
    this.#medium = medium
  }

  /** The sense that a command with this need ends with, if it cannot run now. */
  refusal(need: Need): SenseError | undefined {
    if (need === 'nothing') return undefined
    const why = this.#background.refusal(need)
    if (why) return new SenseError(why.sense, why)
    return need !== 'unit' && !this.#medium.present ? new SenseError(SENSE.MEDIUM_NOT_PRESENT) : undefined
  }

  /** Whether what needs the medium can go on. */
  get mediumReady(): boolean {
    return this.refusal('medium') === undefined
  }

  /** What REQUEST SENSE tells of it, if there is anything to tell. */
  get sense(): SenseData | undefined {
    return this.refusal('medium')
  }
}
