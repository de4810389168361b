import { describe, expect, test } from 'vitest'
import { SENSE, SENSE_KEY, SenseError } from '../../../protocol/scsi/sense.ts'

describe('SENSE', () => {
  test('codes that hosts and test suites look for', () => {
    expect(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE).toMatchObject({ key: 5, asc: 0x21, ascq: 0 })
    expect(SENSE.INVALID_FIELD_IN_CDB).toMatchObject({ key: 5, asc: 0x24, ascq: 0 })
    expect(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION).toMatchObject({ key: 0xe, asc: 0x1d, ascq: 0 })
    expect(SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT).toMatchObject({ key: 7, asc: 0x27, ascq: 7 })
    expect(SENSE.UNREACHABLE_COPY_TARGET).toMatchObject({ key: 0xa, asc: 8, ascq: 4 })
    expect(SENSE.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED).toMatchObject({ key: 6, asc: 0x38, ascq: 7 })
    expect(SENSE.PROTOCOL_SERVICE_CRC_ERROR).toMatchObject({ key: 0xb, asc: 0x47, ascq: 5 })
  })

  test('no triple stands twice, every one fits its fields and has words', () => {
    const rows = Object.values(SENSE)
    expect(new Set(rows.map(({ key, asc, ascq }) => `${key}/${asc}/${ascq}`)).size).toBe(rows.length)
    for (const { key, asc, ascq, text } of rows) {
      expect(Object.values(SENSE_KEY)).toContain(key)
      expect([asc, ascq].every((code) => code >= 0 && code <= 0xff)).toBe(true)
      expect(text).toMatch(/^[A-Z][A-Z_ ,-]+$/)
    }
  })

  test('the sixteen sense keys', () => {
    expect(Object.values(SENSE_KEY)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
  })
})

describe('SenseError', () => {
  test('carries the row and what was given, numbers widened; nothing else', () => {
    const error = new SenseError(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, { information: 512, commandSpecific: 2n })
    expect(error).toBeInstanceOf(Error)
    expect(error.sense).toBe(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION)
    expect(error.message).toBe('MISCOMPARE DURING VERIFY OPERATION')
    expect([error.information, error.commandSpecific]).toEqual([512n, 2n])
    expect('field' in error || 'progress' in error).toBe(false)
  })
})
