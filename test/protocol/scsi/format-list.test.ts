import { describe, expect, test } from 'vitest'
import {
  decodeFormatList,
  encodeFormatList,
  FORMAT_LIST_LONG_HEADER,
  FORMAT_LIST_SHORT_HEADER,
} from '../../../protocol/scsi/format-list.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { hex, identity, onlyWireErrors, valuesOf } from './support.ts'

const NOTHING = {
  protectionFieldUsage: 0,
  fov: false,
  dpry: false,
  dcrt: false,
  stpf: false,
  ip: false,
  immed: false,
  protectionInformation: 0,
  protectionIntervalExponent: 0,
  defectListLength: 0,
}

describe('FORMAT UNIT parameter list (SBC-4 5.4.2)', () => {
  test('short header: options in byte 1, the defect list length in bytes 2 and 3', () => {
    const wire = hex('03 a2 0108')
    const fields = { ...NOTHING, protectionFieldUsage: 3, fov: true, dcrt: true, immed: true, defectListLength: 0x108 }
    expect(decodeFormatList(wire, false)).toEqual({ ...fields, header: FORMAT_LIST_SHORT_HEADER })
    expect(encodeFormatList(fields)).toEqual(wire)
  })

  test('long header: protection information in byte 3, the defect list length in bytes 4 to 7', () => {
    const wire = hex('01 d0 00 25 01020304')
    const fields = {
      ...NOTHING,
      ...{ protectionFieldUsage: 1, fov: true, dpry: true, stpf: true },
      ...{ protectionInformation: 2, protectionIntervalExponent: 5, defectListLength: 0x1020304 },
    }
    expect(decodeFormatList(wire, true)).toEqual({ ...fields, header: FORMAT_LIST_LONG_HEADER })
    expect(encodeFormatList(fields, { long: true })).toEqual(wire)
  })

  test.each([
    ['short', false, '00 88 0000'],
    ['long', true, '00 88 0000 00000000'],
  ])('IP: an initialization pattern descriptor behind the %s header', (_, long, header) => {
    const wire = hex(`${header} 80 01 0002 a5b6`)
    const initialization = { modifier: 2, type: 1, length: 2, pattern: hex('a5b6') }
    expect(decodeFormatList(wire, long)).toMatchObject({ fov: true, ip: true, initialization })
    expect(encodeFormatList({ fov: true, ip: true }, { long, initialization })).toEqual(wire)
    expect(decodeFormatList(wire.subarray(0, -1), long).initialization?.pattern).toEqual(hex('a5'))
  })

  test('a header that is cut, or a descriptor: WireError', () => {
    for (let length = 0; length < 4; length++)
      expect(() => decodeFormatList(Buffer.alloc(length), false)).toThrow(WireError)
    for (let length = 0; length < 8; length++)
      expect(() => decodeFormatList(Buffer.alloc(length), true)).toThrow(WireError)
    expect(() => decodeFormatList(hex('00 88 0000 00 01 00'), false)).toThrow(WireError)
  })

  test('inverse, and only WireErrors', () => {
    for (const header of [FORMAT_LIST_SHORT_HEADER, FORMAT_LIST_LONG_HEADER]) identity(header, valuesOf(header))
    for (const long of [false, true])
      onlyWireErrors((source) => decodeFormatList(source, long), hex('00 88 0000 00 01 0002 a5b6 00 00'))
  })
})
