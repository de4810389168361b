// The one road of failure: whatever ends a command badly becomes a SCSI status with its sense data here.

import { StoreError } from '../../luns/errors.ts'
import { SENSE, type SenseData, SenseError } from '../../protocol/scsi/sense.ts'
import { STATUS } from '../../protocol/scsi/status.ts'

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

const check = (sense: SenseData): Failure => ({ status: STATUS.CHECK_CONDITION, sense })

const STORE_SENSE = {
  'no space': SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT,
  'read-only': SENSE.WRITE_PROTECTED,
  'cannot open': SENSE.INTERNAL_TARGET_FAILURE,
} as const

/** `writing`: whether the command writes, which tells a medium error on the way in from one on the way out. */
export function failureOf(error: unknown, writing: boolean): Failure {
  if (error instanceof SenseError) return check(error)
  if (error instanceof StatusError) return { status: error.status }
  if (error instanceof StoreError) {
    if (error.failure === 'I/O error')
      return check({ sense: writing ? SENSE.WRITE_ERROR : SENSE.UNRECOVERED_READ_ERROR })
    return check({ sense: STORE_SENSE[error.failure] })
  }
  return { ...check({ sense: SENSE.INTERNAL_TARGET_FAILURE }), unexpected: true }
}
