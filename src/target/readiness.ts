// Whether a logical unit is ready (SPC-4 5.10): its medium may be out, an operation in the background may have it for
// itself. Commands say in their rows what they need.

import type { SenseError } from '../../protocol/scsi/sense.ts'

/** 'nothing': answered whatever the state is; 'unit': the unit, not its medium; 'medium': both. */
export type Need = 'nothing' | 'unit' | 'medium'

export class Readiness {
  /** The sense that a command with this need ends with, if it cannot run now. */
  refusal(_need: Need): SenseError | undefined {
    return undefined
  }
}
