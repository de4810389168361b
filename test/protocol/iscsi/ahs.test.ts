import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Ahs, decodeAhs, encodeAhs } from '../../../protocol/iscsi/ahs.ts'
import { WireError } from '../../../protocol/wire/error.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

// Written by hand from RFC 7143 11.2.2: AHSLength (16), AHSType (8), AHS-specific (8), then content and padding.
const FIXTURES: { name: string; hex: string; list: Ahs[] }[] = [
  { name: 'none', hex: '', list: [] },
  {
    name: 'extended CDB: a CDB of 17 bytes is the shortest',
    hex: '0002 01 00 aa 000000',
    list: [{ kind: 'extended CDB', cdb: bytes('aa') }],
  },
  {
    name: 'extended CDB: AHSLength is CDBLength - 15',
    hex: '0009 01 00 0102030405060708',
    list: [{ kind: 'extended CDB', cdb: bytes('0102030405060708') }],
  },
  {
    name: 'expected bidirectional read data length: AHSLength is 5',
    hex: '0005 02 00 00100000',
    list: [{ kind: 'bidirectional read', expectedReadDataLength: 0x100000 }],
  },
  {
    name: 'a reserved type between two others, its content from the fourth byte on',
    hex: '0005 02 00 ffffffff  0003 3f c0c1c2 0000  0003 01 00 0102 0000',
    list: [
      { kind: 'bidirectional read', expectedReadDataLength: 0xffffffff },
      { kind: 'other', ahsType: 0x3f, content: bytes('c0c1c2') },
      { kind: 'extended CDB', cdb: bytes('0102') },
    ],
  },
]

describe('AHS (RFC 7143 11.2.2)', () => {
  test.each(FIXTURES)('$name', ({ hex, list }) => {
    expect(decodeAhs(bytes(hex))).toEqual(list)
    expect(encodeAhs(list)).toEqual(bytes(hex))
  })

  test.each(FIXTURES)('$name: truncated at every length', ({ hex }) => {
    const wire = bytes(hex)
    for (let length = 1; length < wire.length; length++) expectListOrWireError(wire.subarray(0, length))
  })

  test.each([
    ['an AHS that overruns TotalAHSLength', '0006 02 00 00000000', 'AHS: ahsLength at byte 0: bad length'],
    ['a second AHS that overruns', '0005 02 00 00000000 0002 01 00', 'AHS: ahsLength at byte 8: bad length'],
    ['the longest AHSLength', 'ffff 01 00', 'AHS: ahsLength at byte 0: bad length'],
    ['a header that is cut', '0005 02', 'AHS: ahsLength at byte 0: truncated'],
    ['an extended CDB without a byte of CDB', '0001 01 00', 'AHS: ahsLength at byte 0: bad length'],
    ['an extended CDB of AHSLength 0', '0000 01 00', 'AHS: ahsLength at byte 0: bad length'],
    ['a read length of 3 bytes', '0004 02 00 00000000', 'AHS: ahsLength at byte 0: bad length'],
    ['a read length of 5 bytes', '0006 02 00 00000000 00000000', 'AHS: ahsLength at byte 0: bad length'],
  ])('%s is a WireError', (_, hex, message) => {
    expect(() => decodeAhs(bytes(hex))).toThrow(WireError)
    expect(() => decodeAhs(bytes(hex))).toThrow(message)
  })

  test('the reserved bits of AHSType are ignored', () => {
    expect(decodeAhs(bytes('0002 c1 00 aa 000000'))).toEqual([{ kind: 'extended CDB', cdb: bytes('aa') }])
  })

  test('what cannot be said is refused: a CDB of 16 bytes, more than 1,020 bytes, a length over 32 bits', () => {
    expect(() => encodeAhs([{ kind: 'extended CDB', cdb: Buffer.alloc(0) }])).toThrow(RangeError)
    const half: Ahs = { kind: 'other', ahsType: 9, content: Buffer.alloc(510) }
    expect(() => encodeAhs([half, half])).toThrow('more than 1020')
    expect(() => encodeAhs([{ kind: 'bidirectional read', expectedReadDataLength: 2 ** 32 }])).toThrow(RangeError)
  })

  test('random bytes: a list, or a WireError', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (any) => expectListOrWireError(Buffer.from(any))))
    const typed = fc.tuple(fc.nat(12), fc.nat(3), fc.uint8Array({ maxLength: 40 }))
    fc.assert(
      fc.property(typed, ([length, type, rest]) => expectListOrWireError(Buffer.from([0, length, type, ...rest]))),
    )
  })

  test('every list that can be written is read back', () => {
    const content = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((any) => Buffer.from(any))
    const one = fc.oneof(
      content.map((cdb): Ahs => ({ kind: 'extended CDB', cdb })),
      fc.nat(0xffffffff).map((length): Ahs => ({ kind: 'bidirectional read', expectedReadDataLength: length })),
      fc
        .tuple(fc.integer({ min: 3, max: 63 }), content)
        .map(([ahsType, c]): Ahs => ({ kind: 'other', ahsType, content: c })),
    )
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), (list) => {
        expect(decodeAhs(encodeAhs(list))).toEqual(list)
      }),
    )
  })
})

function expectListOrWireError(wire: Buffer): void {
  try {
    expect(decodeAhs(wire)).toBeInstanceOf(Array)
  } catch (error) {
    expect(error).toBeInstanceOf(WireError)
  }
}
