import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ASSOCIATION,
  type Designator,
  decodeDesignators,
  designatorText,
  encodeDesignator,
  eui64,
  logicalUnitGroup,
  naa,
  relativeTargetPort,
  sameDesignator,
  scsiName,
  t10VendorId,
  targetPortGroup,
} from '../../../protocol/scsi/designator.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { bothWays, bytesOf, hex, identity, onlyWireErrors } from './support.ts'

const one = { encode: encodeDesignator, decode: (source: Buffer) => decodeDesignators(source)[0]! }

// The last octets of a SCSI name string are one to four zeros (SPC-4 7.8.6).
const FIXTURES: [string, Designator, string, string][] = [
  [
    'T10 vendor ID',
    t10VendorId('LUNETTE', 'disk 1'),
    '02 01 00 0e 4c554e4554544520 6469736b2031',
    't10.LUNETTE disk 1',
  ],
  ['EUI-64', eui64(hex('0123456789abcdef')), '01 02 00 08 0123456789abcdef', 'eui.0123456789abcdef'],
  ['NAA locally assigned', naa(hex('3123456789abcdef')), '01 03 00 08 3123456789abcdef', 'naa.3123456789abcdef'],
  [
    'NAA IEEE registered extended',
    naa(hex('6001405123456789abcdef0011223344')),
    '01 03 00 10 6001405123456789abcdef0011223344',
    'naa.6001405123456789abcdef0011223344',
  ],
  ['relative target port', relativeTargetPort(0x102), '51 94 00 04 00000102', 'relative target port 258'],
  ['target port group', targetPortGroup(1), '51 95 00 04 00000001', 'target port group 1'],
  ['logical unit group', logicalUnitGroup(2), '01 06 00 04 00000002', 'logical unit group 2'],
  [
    'SCSI name string of a target port',
    scsiName('iqn.a:b,t,0x0001', ASSOCIATION.TARGET_PORT),
    '53 98 00 14 69716e2e613a622c742c3078303030310000 0000',
    'iqn.a:b,t,0x0001',
  ],
  [
    'SCSI name string of a target device, UTF-8',
    scsiName('iqn.ü', ASSOCIATION.TARGET_DEVICE),
    '53 a8 00 08 69716e2ec3bc0000',
    'iqn.ü',
  ],
]

describe('designation descriptors', () => {
  test.each(FIXTURES)('%s: both ways, and in words', (_, designator, wire, words) => {
    // Nothing at all is a list of none.
    expect(decodeDesignators(Buffer.alloc(0))).toEqual([])
    bothWays({ ...one, decode: strict }, hex(wire), designator)
    expect(designatorText(designator)).toBe(words)
  })

  const strict = (source: Buffer): Designator => {
    if (source.length === 0) throw new WireError('designation descriptor', 'length', 0, 'truncated')
    return one.decode(source)
  }

  test('a list in order, with the offset of what is cut', () => {
    const list = Buffer.concat(FIXTURES.map(([, designator]) => encodeDesignator(designator)))
    expect(decodeDesignators(list)).toEqual(FIXTURES.map(([, designator]) => designator))
    const first = encodeDesignator(FIXTURES[0]![1]).length
    expect(() => decodeDesignators(list.subarray(0, first + 2))).toThrow(`at byte ${first}: truncated`)
    expect(() => decodeDesignators(list.subarray(0, first + 8))).toThrow(`at byte ${first + 3}: truncated`)
  })

  test('PIV = 0: PROTOCOL IDENTIFIER means nothing', () => {
    expect(one.decode(hex('51 14 00 04 00000001'))).not.toHaveProperty('protocol')
  })

  test('a type without words, and lengths that a type does not have, are shown as bytes', () => {
    expect(designatorText({ association: 0, codeSet: 1, type: 7, value: hex('abcd') })).toBe('abcd')
    expect(designatorText({ association: 1, codeSet: 1, type: 4, value: hex('ab') })).toBe('ab')
  })

  test.each(['', '60', '6001405123456789', '3123456789abcdef00', '1123456789abcdef'])('%s is no NAA', (value) => {
    expect(() => naa(hex(value))).toThrow(RangeError)
  })

  test('an EUI-64 based designator has 8, 12 or 16 bytes', () => {
    expect(eui64(Buffer.alloc(12)).value.length).toBe(12)
    expect(eui64(Buffer.alloc(16)).value.length).toBe(16)
    expect(() => eui64(Buffer.alloc(9))).toThrow(RangeError)
  })

  test('the same name: association, code set, type and value, whatever the protocol', () => {
    const a = naa(hex('3123456789abcdef'))
    expect(sameDesignator(a, { ...a, protocol: 5 })).toBe(true)
    for (const b of [{ ...a, association: 1 }, { ...a, codeSet: 2 }, { ...a, type: 2 }, naa(hex('3123456789abcdee'))])
      expect(sameDesignator(a, b)).toBe(false)
  })

  test('what is encoded decodes to the same; no input makes the decoder throw anything but a WireError', () => {
    const designators = fc.record(
      {
        association: fc.nat(3),
        codeSet: fc.nat(15),
        type: fc.nat(15),
        value: bytesOf(0, 255),
        protocol: fc.nat(15),
      },
      { requiredKeys: ['association', 'codeSet', 'type', 'value'] },
    )
    identity(one, designators)
    for (const [, , wire] of FIXTURES) onlyWireErrors(decodeDesignators, hex(wire))
  })
})
