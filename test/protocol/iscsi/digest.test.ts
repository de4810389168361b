import { describe, expect, test } from 'vitest'
import { digestOf, paddedLength } from '../../../protocol/iscsi/digest.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const ascending = Buffer.from([...Array(32).keys()])

describe('CRC32C digest', () => {
  test.each([
    ['32 bytes of zeros', Buffer.alloc(32), 'aa36918a'],
    ['32 bytes of ones', Buffer.alloc(32, 0xff), '43aba862'],
    ['32 bytes, 00h to 1Fh', ascending, '4e79dd46'],
    ['32 bytes, 1Fh to 00h', Buffer.from(ascending).reverse(), '5cdb3f11'],
    [
      'a SCSI READ(10) command PDU',
      bytes(
        '01c00000 00000000 00000000 00000000 14000000 00000400 00000014 00000018 28000000 00000000 02000000 00000000',
      ),
      '563a96d9',
    ],
  ])('RFC 3720 B.4: %s', (_, input, digest) => expect(digestOf(input).toString('hex')).toBe(digest))
})

test('padding to whole words (RFC 7143 11.1)', () => {
  expect([0, 1, 2, 3, 4, 5, 8, 2 ** 24 - 1].map(paddedLength)).toEqual([0, 4, 4, 4, 4, 8, 8, 2 ** 24])
})
