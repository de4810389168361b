// SCSI status codes (SAM-5 5.3.1): the byte that ends every command.

export const STATUS = {
  GOOD: 0x00,
  CHECK_CONDITION: 0x02,
  CONDITION_MET: 0x04,
  BUSY: 0x08,
  RESERVATION_CONFLICT: 0x18,
  TASK_SET_FULL: 0x28,
  ACA_ACTIVE: 0x30,
  TASK_ABORTED: 0x40,
} as const

/** The standard's words for a status, for logs and for the command line. */
export function statusName(status: number): string {
  const found = Object.entries(STATUS).find(([, code]) => code === status)
  return found ? found[0].replaceAll('_', ' ') : `status ${status.toString(16).padStart(2, '0')}h`
}
