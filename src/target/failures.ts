// The one road of failure: whatever ends a command badly becomes a SCSI status with its sense data here.

import { StoreError } from '../../luns/errors.ts'
import { SENSE, SENSE_KEY, type SenseData, SenseError } from '../../protocol/scsi/sense.ts'
import { STATUS } from '../../protocol/scsi/status.ts'
import type { Task } from './task.ts'

/** Ends a command with a status that has no sense data: RESERVATION CONFLICT, BUSY, TASK SET FULL (SAM-5 5.3.1). */
export class StatusError extends Error {
  readonly status: number

  constructor(status: number) {
    super(`SCSI status ${status}`)
    this.name = 'StatusError'
    this.status = status
  }
}

export interface Failure {
  readonly status: number
  readonly sense?: SenseData
  /** Nobody foresaw it: log it with its stack. */
  readonly unexpected?: boolean
}

/** Sense data with the key COMPLETED goes with GOOD (SPC-4 6.4.2, G_SENSE). */
const check = (sense: SenseData): Failure => ({
  status: sense.sense.key === SENSE_KEY.COMPLETED ? STATUS.GOOD : STATUS.CHECK_CONDITION,
  sense,
})

const STORE_SENSE = {
  'no space': SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT,
  'read-only': SENSE.WRITE_PROTECTED,
  'cannot open': SENSE.INTERNAL_TARGET_FAILURE,
} as const

/** What the failure of a command makes of it. */
export function failureOf(error: unknown, task: Task): Failure {
  if (error instanceof SenseError) return check(error)
  if (error instanceof StatusError) return { status: error.status }
  if (error instanceof StoreError) {
    if (error.failure !== 'I/O error') return check({ sense: STORE_SENSE[error.failure] })
    if (task.row?.access !== 'read') return check({ sense: SENSE.WRITE_ERROR })
    // The first block that could not be sent (SBC-3 4.18.1).
    const lba = task.lba + Math.floor(task.sentIn / task.lu.blockSize)
    return check({ sense: SENSE.UNRECOVERED_READ_ERROR, information: BigInt(lba) })
  }
  return { ...check({ sense: SENSE.INTERNAL_TARGET_FAILURE }), unexpected: true }
}
