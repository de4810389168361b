import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SEGMENT_TYPE } from '../../../protocol/scsi/copy-descriptors.ts'
import { naa } from '../../../protocol/scsi/designator.ts'
import {
  type CopyListLid4Content,
  encodeCopyList,
  encodeCopyListLid4,
  parseCopyList,
  parseCopyListLid4,
} from '../../../protocol/scsi/extended-copy.ts'
import { type FieldPointer, SENSE, type Sense } from '../../../protocol/scsi/sense.ts'
import { hex } from './support.ts'

const LIMITS = {
  maximumCscdDescriptorCount: 2,
  maximumSegmentDescriptorCount: 4,
  maximumDescriptorListLength: 300,
  maximumInlineDataLength: 4,
}

// SPC-4 6.4.2: format, usage, header length; 11 reserved; G_SENSE and IMMED; FFh; list identifier; lengths.
const HEADER = `01 33 0020 ${'00'.repeat(11)} 03 ff 000000 01020304 ${'00'.repeat(18)} 0020 0064 0002`
const CSCD = 'e4 00 0001 01 03 00 10 6001405123456789abcdef0011223344 00000000 00 000200'
const BLOCKS = '02 02 0018 0000 ffff 0000 0800 0000000000000001 0000000000000002'
const OFFSETS = '0a 01 001c 0000 ffff 00000321 0000000000000003 0000000000000004 0010 01ff'
const VERIFY = '07 00 0008 0000 0000 01 000000'
const REGISTER = '14 00 0018 0000 0001 0102030405060708 1112131415161718 00000000'
const WIRE = hex(`${HEADER} ${CSCD} ${BLOCKS} ${OFFSETS} ${VERIFY} ${REGISTER} abcd`)

const CONTENT: CopyListLid4Content = {
  listId: 0x01020304,
  str: true,
  listIdUsage: 2,
  priority: 3,
  gSense: true,
  immed: true,
  cscds: [
    {
      luIdType: 0,
      nul: false,
      peripheralDeviceType: 0,
      relativeInitiatorPortId: 1,
      designator: naa(hex('6001405123456789abcdef0011223344')),
      pad: false,
      blockLength: 512,
    },
  ],
  segments: [
    {
      type: SEGMENT_TYPE.BLOCK_TO_BLOCK,
      dc: true,
      cat: false,
      source: 0,
      destination: 0xffff,
      blocks: 0x800,
      sourceLba: 1n,
      destinationLba: 2n,
    },
    {
      type: SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET,
      cat: true,
      source: 0,
      destination: 0xffff,
      bytes: 0x321,
      sourceLba: 3n,
      destinationLba: 4n,
      sourceOffset: 0x10,
      destinationOffset: 0x1ff,
    },
    { type: SEGMENT_TYPE.VERIFY_CSCD, source: 0, tur: true },
    {
      type: SEGMENT_TYPE.REGISTER_PERSISTENT_RESERVATION_KEY,
      destination: 1,
      reservationKey: 0x0102030405060708n,
      serviceActionReservationKey: 0x1112131415161718n,
    },
  ],
  inlineData: hex('abcd'),
}

describe('EXTENDED COPY(LID4) parameter list (SPC-4 6.4.2)', () => {
  test('encoded as the tables draw it', () => {
    expect(encodeCopyListLid4(CONTENT).toString('hex')).toBe(WIRE.toString('hex'))
  })

  test('parsed, mirrored; each descriptor knows where it stands', () => {
    const { list, problem } = parseCopyListLid4(WIRE, LIMITS)
    expect(problem).toBeUndefined()
    expect(list).toMatchObject(CONTENT)
    expect(list!.cscds.map(({ offset }) => offset)).toEqual([48])
    expect(list!.segments.map(({ offset }) => offset)).toEqual([80, 108, 140, 152])
    expect(encodeCopyListLid4(list!)).toEqual(WIRE)
  })

  test('the same descriptors behind a LID1 header', () => {
    const { list } = parseCopyList(encodeCopyList({ ...CONTENT, listId: 7 }), LIMITS)
    expect(list).toMatchObject({ ...CONTENT, listId: 7, gSense: false, immed: false })
  })

  test('cut at every length: PARAMETER LIST LENGTH ERROR', () => {
    for (let length = 0; length < WIRE.length; length++)
      expect(parseCopyListLid4(WIRE.subarray(0, length), LIMITS).problem).toEqual({
        sense: SENSE.PARAMETER_LIST_LENGTH_ERROR,
      })
  })

  test('what is encoded parses to the same', () => {
    const lba = fc.bigInt(0n, 2n ** 64n - 1n)
    const u16 = fc.nat(0xffff)
    const segment = fc.oneof(
      fc.record({
        type: fc.constant(SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET),
        cat: fc.boolean(),
        source: u16,
        destination: u16,
        bytes: fc.nat(0xffffffff),
        sourceLba: lba,
        destinationLba: lba,
        sourceOffset: u16,
        destinationOffset: u16,
      }),
      fc.record({ type: fc.constant(SEGMENT_TYPE.VERIFY_CSCD), source: u16, tur: fc.boolean() }),
    )
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 3 }), fc.nat(0xffffffff), fc.boolean(), (segments, listId, immed) => {
        const content = { ...CONTENT, segments, listId, immed }
        expect(parseCopyListLid4(encodeCopyListLid4(content), LIMITS).list).toMatchObject(content)
      }),
    )
  })

  test('the parser throws on no input', () => {
    const edits = fc.array(fc.tuple(fc.nat(WIRE.length - 1), fc.nat(255)), { maxLength: 4 })
    fc.assert(
      fc.property(edits, (changes) => {
        const wire = Buffer.from(WIRE)
        for (const [offset, value] of changes) wire[offset] = value
        const { list, problem } = parseCopyListLid4(wire, LIMITS)
        expect((list === undefined) !== (problem === undefined)).toBe(true)
      }),
    )
  })
})

const at = (byte: number, bit?: number): FieldPointer => ({ in: 'parameters', byte, ...(bit !== undefined && { bit }) })
const edited = (byte: number, ...values: number[]): Buffer => {
  const wire = Buffer.from(WIRE)
  wire.set(values, byte)
  return wire
}

describe('the rule that a LID4 list breaks', () => {
  const INVALID = SENSE.INVALID_FIELD_IN_PARAMETER_LIST

  test.each<[string, Buffer, Sense, FieldPointer | undefined]>([
    ['PARAMETER LIST FORMAT that is not 01h', edited(0, 2), INVALID, at(0)],
    ['LIST ID USAGE 01b', edited(1, 0x08), INVALID, at(1, 4)],
    ['HEADER CSCD DESCRIPTOR LIST LENGTH that is not 20h', edited(2, 0, 0x40), INVALID, at(2)],
    ['HEADER CSCD DESCRIPTOR TYPE CODE that is not FFh', edited(16, 0xe4), INVALID, at(16)],
    ['LIST ID USAGE 11b with a list identifier', edited(1, 0x18), INVALID, at(20)],
    ['LIST ID USAGE 11b with IMMED', edited(1, 0x18, 0, 0x20).fill(0, 20, 24), INVALID, at(15, 0)],
    ['descriptors over the advertised length', edited(44, 1, 0x48), SENSE.PARAMETER_LIST_LENGTH_ERROR, undefined],
    ['a CSCD list that is no multiple of 32', edited(42, 0, 0x1f), SENSE.PARAMETER_LIST_LENGTH_ERROR, undefined],
    ['too much inline data', edited(46, 0, 5), SENSE.INLINE_DATA_LENGTH_EXCEEDED, at(46)],
    ['a CSCD type that is not implemented', edited(48, 0xe0), SENSE.UNSUPPORTED_CSCD_DESCRIPTOR_TYPE_CODE, at(48)],
    ['a segment type that is not', edited(108, 0x03), SENSE.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE, at(108)],
    ['a segment of the length of another type', edited(111, 0x18), INVALID, at(110)],
    ['a segment list that ends inside a segment', edited(44, 0, 0x60), SENSE.PARAMETER_LIST_LENGTH_ERROR, undefined],
  ])('%s', (_, wire, sense, field) => {
    expect(parseCopyListLid4(wire, LIMITS).problem).toEqual({ sense, ...(field && { field }) })
  })

  test('too many CSCDs, too many segments: pointers to their lengths', () => {
    const cscds = encodeCopyListLid4({ ...CONTENT, cscds: Array(3).fill(CONTENT.cscds[0]) })
    expect(parseCopyListLid4(cscds, LIMITS).problem).toEqual({ sense: SENSE.TOO_MANY_CSCD_DESCRIPTORS, field: at(42) })
    const segments = encodeCopyListLid4({ ...CONTENT, segments: Array(5).fill(CONTENT.segments[2]) })
    expect(parseCopyListLid4(segments, LIMITS).problem).toEqual({
      sense: SENSE.TOO_MANY_SEGMENT_DESCRIPTORS,
      field: at(44),
    })
  })
})
