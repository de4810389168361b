// SEEK(6) and SEEK(10) (SCSI-2 9.2.15): there is no head to move, but the LBA must exist. REZERO UNIT has nothing to check.

import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import type { Task } from '../task.ts'

export function seek({ lu, lba }: Task): void {
  if (lba >= lu.blocks) throw new SenseError(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, { information: lba })
}

export function rezeroUnit(): void {}
