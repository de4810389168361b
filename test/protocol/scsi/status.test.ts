import { expect, test } from 'vitest'
import { STATUS, statusName } from '../../../protocol/scsi/status.ts'

test('status codes of SAM-5 5.3.1 and their names', () => {
  expect(STATUS).toMatchObject({
    GOOD: 0,
    CHECK_CONDITION: 2,
    BUSY: 8,
    RESERVATION_CONFLICT: 0x18,
    TASK_SET_FULL: 0x28,
  })
  expect(statusName(STATUS.RESERVATION_CONFLICT)).toBe('RESERVATION CONFLICT')
  expect(statusName(0x10)).toBe('status 10h')
})
