import { describe, expect, test } from 'vitest'
import { COPY_STATUS, decodeCopyStatus, encodeCopyStatus } from '../../../protocol/scsi/copy-status.ts'
import { WireError } from '../../../protocol/wire/error.ts'

// SPC-4 6.24: available data, HDD and status, segments processed, unit, transfer count.
const FIXTURES = [
  ['running', '00000008 00 0001 00 00001000', { status: COPY_STATUS.running, segments: 1, transferred: 4096 }],
  [
    'completed',
    '00000008 01 0203 00 ffffffff',
    { status: COPY_STATUS.completed, segments: 0x203, transferred: 2 ** 32 - 1 },
  ],
  [
    '4 GiB: counted in KiB',
    '00000008 01 0001 01 00400000',
    { status: COPY_STATUS.completed, segments: 1, transferred: 2 ** 32 },
  ],
  [
    '4 PiB: counted in MiB',
    '00000008 02 0000 02 ffffffff',
    { status: COPY_STATUS.failed, segments: 0, transferred: (2 ** 32 - 1) * 2 ** 20 },
  ],
] as const

describe('RECEIVE COPY STATUS(LID1) parameter data', () => {
  test.each(FIXTURES)('%s', (_, hex, values) => {
    const wire = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    expect(encodeCopyStatus(values)).toEqual(wire)
    expect(decodeCopyStatus(wire)).toEqual(values)
  })

  test('truncated at every length: a WireError', () => {
    for (let length = 0; length < 12; length++) expect(() => decodeCopyStatus(Buffer.alloc(length))).toThrow(WireError)
  })
})
