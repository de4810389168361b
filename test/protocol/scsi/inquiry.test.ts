import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeStandardInquiry,
  encodeStandardInquiry,
  NO_LOGICAL_UNIT,
  VERSION_DESCRIPTOR,
} from '../../../protocol/scsi/inquiry.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { bothWays, hex, identity, onlyWireErrors } from './support.ts'

const codec = { encode: encodeStandardInquiry, decode: decodeStandardInquiry }

const WIRE = hex(`
  00 80 06 12 5b 18 10 02
  4c554e4554544520 5649525455414c204449534b20202020 312e3020
  0000000000000000000000000000000000000000 0000
  00a0 0460 04c0 0960 0000 0000 0000 0000
  00000000000000000000000000000000000000000000`)

/** What older standards had. */
const OBSOLETE = {
  aerc: false,
  trmTsk: false,
  bQue: false,
  mChngr: false,
  ackReqQ: false,
  addr16: false,
  relAdr: false,
  wBus16: false,
  sync: false,
  linked: false,
  tranDis: false,
  clocking: 0,
  qas: false,
  ius: false,
}

const VALUES = {
  ...OBSOLETE,
  peripheralQualifier: 0,
  peripheralDeviceType: 0,
  rmb: true,
  luCong: false,
  hotPluggable: 0,
  version: 6,
  normAca: false,
  hiSup: true,
  responseDataFormat: 2,
  sccs: false,
  acc: false,
  tpgs: 1,
  threePc: true,
  protect: false,
  encServ: false,
  multiP: true,
  cmdQue: true,
  vendor: 'LUNETTE',
  product: 'VIRTUAL DISK',
  revision: '1.0',
  versionDescriptors: [
    VERSION_DESCRIPTOR.SAM_5,
    VERSION_DESCRIPTOR.SPC_4,
    VERSION_DESCRIPTOR.SBC_3,
    VERSION_DESCRIPTOR.ISCSI,
  ],
}

describe('standard INQUIRY data', () => {
  test('both ways; from 36 bytes on it is whole enough', () => {
    bothWays(codec, WIRE, VALUES, 36)
  })

  test('ADDITIONAL LENGTH is exact and fields not given are zero, the texts blank (SPC-4 6.6.2)', () => {
    const data = encodeStandardInquiry({})
    expect(data[4]).toBe(data.length - 5)
    expect(data.subarray(8, 36).toString()).toBe(' '.repeat(28))
    expect(data.subarray(36)).toEqual(Buffer.alloc(60))
  })

  test('no device server behind the LUN: byte 0 is 7Fh', () => {
    expect(encodeStandardInquiry(NO_LOGICAL_UNIT)[0]).toBe(0x7f)
  })

  test('what older standards had is read too, each bit where it stood', () => {
    const set = Buffer.from(WIRE)
    set[3]! |= 0xc0
    set[6]! |= 0x8d
    set[7]! |= 0xbc
    set[56] = 0x0f
    const every = Object.fromEntries(Object.keys(OBSOLETE).map((name) => [name, name === 'clocking' ? 3 : true]))
    expect(decodeStandardInquiry(set)).toEqual({ ...VALUES, ...every })
  })

  test('what an older device sends: bytes after its ADDITIONAL LENGTH mean nothing', () => {
    const spc2 = Buffer.concat([WIRE.subarray(0, 36), Buffer.alloc(60, 0xff)])
    spc2[4] = 31
    expect(decodeStandardInquiry(spc2)).toEqual({ ...VALUES, versionDescriptors: [] })
    spc2[4] = 30
    expect(() => decodeStandardInquiry(spc2)).toThrow(WireError)
  })

  test('more than eight version descriptors or a text that is too long do not fit', () => {
    expect(() => encodeStandardInquiry({ versionDescriptors: Array<number>(9).fill(1) })).toThrow(RangeError)
    expect(encodeStandardInquiry({ vendor: 'LONGER THAN EIGHT' }).subarray(8, 20).toString()).toBe('LONGER T    ')
  })

  test('no input makes the decoder throw anything but a WireError', () => {
    onlyWireErrors(decodeStandardInquiry, WIRE)
  })

  test('what is encoded decodes to the same', () => {
    const descriptors = fc.array(fc.integer({ min: 1, max: 0xffff }), { maxLength: 8 })
    const values = fc.record({
      ...Object.fromEntries(Object.entries(VALUES).map(([name, value]) => [name, sameKind(value)])),
      versionDescriptors: descriptors,
    }) as fc.Arbitrary<typeof VALUES>
    identity(codec, values)
  })
})

const sameKind = (value: unknown) =>
  typeof value === 'boolean' ? fc.boolean() : typeof value === 'number' ? fc.nat(3) : fc.stringMatching(/^[A-Z]{0,4}$/)
