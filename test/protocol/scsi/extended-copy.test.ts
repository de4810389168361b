import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CSCD_COPY_MANAGER, SEGMENT_TYPE } from '../../../protocol/scsi/copy-descriptors.ts'
import { naa } from '../../../protocol/scsi/designator.ts'
import {
  type CopyListContent,
  encodeCopyList,
  LIST_ID_USAGE,
  parseCopyList,
} from '../../../protocol/scsi/extended-copy.ts'
import { type FieldPointer, SENSE, type Sense } from '../../../protocol/scsi/sense.ts'
import { hex } from './support.ts'

const LIMITS = {
  maximumCscdDescriptorCount: 2,
  maximumSegmentDescriptorCount: 2,
  maximumDescriptorListLength: 3 * 32 + 3 * 28,
  maximumInlineDataLength: 4,
}

const CSCD_1 = 'e4 00 0001 01 03 00 10 6001405123456789abcdef0011223344 00000000 00 000200'
const CSCD_2 = 'e4 e5 0000 02 1a 00 14 0102030405060708090a0b0c0d0e0f1011121314 04 001000'
const SEGMENT_1 = '02 00 0018 0000 0001 0000 ffff 0000000100000002 0000000300000004'
const SEGMENT_2 = '02 03 0018 ffff 0000 0000 0001 0000000000000000 ffffffffffffffff'
const HEADER = '07 2b 0040 00000000 00000038 00000002'
const WIRE = hex(`${HEADER} ${CSCD_1} ${CSCD_2} ${SEGMENT_1} ${SEGMENT_2} abcd`)

const CONTENT: CopyListContent = {
  listId: 7,
  str: true,
  listIdUsage: 1,
  priority: 3,
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
    {
      luIdType: 3,
      nul: true,
      peripheralDeviceType: 5,
      relativeInitiatorPortId: 0,
      designator: { association: 1, codeSet: 2, type: 0xa, value: hex('0102030405060708090a0b0c0d0e0f1011121314') },
      pad: true,
      blockLength: 4096,
    },
  ],
  segments: [
    {
      type: SEGMENT_TYPE.BLOCK_TO_BLOCK,
      dc: false,
      cat: false,
      source: 0,
      destination: 1,
      blocks: 65535,
      sourceLba: 0x1_0000_0002n,
      destinationLba: 0x3_0000_0004n,
    },
    {
      type: SEGMENT_TYPE.BLOCK_TO_BLOCK,
      dc: true,
      cat: true,
      source: CSCD_COPY_MANAGER,
      destination: 0,
      blocks: 1,
      sourceLba: 0n,
      destinationLba: 2n ** 64n - 1n,
    },
  ],
  inlineData: hex('abcd'),
}

describe('EXTENDED COPY(LID1) parameter list (SPC-4 6.5)', () => {
  test('encoded as the tables draw it', () => {
    expect(encodeCopyList(CONTENT).toString('hex')).toBe(WIRE.toString('hex'))
  })

  test('parsed, mirrored; each descriptor knows where it stands', () => {
    const wire = Buffer.from(WIRE)
    wire[1] = 0x33 // LIST ID USAGE 10b: the only field of the fixture that is not legal
    const { list, problem } = parseCopyList(wire, LIMITS)
    expect(problem).toBeUndefined()
    expect(list!.cscds.map(({ offset }) => offset)).toEqual([16, 48])
    expect(list!.segments.map(({ offset }) => offset)).toEqual([80, 108])
    expect(list).toMatchObject({ ...CONTENT, listIdUsage: LIST_ID_USAGE.DISCARD })
    expect(encodeCopyList(list!)).toEqual(wire)
  })

  test('cut at every length: PARAMETER LIST LENGTH ERROR', () => {
    for (let length = 0; length < WIRE.length; length++)
      expect(parseCopyList(WIRE.subarray(0, length), LIMITS).problem).toEqual({
        sense: SENSE.PARAMETER_LIST_LENGTH_ERROR,
      })
  })

  test('bytes after the list do not matter', () => {
    const bare = hex('00 18 0000 00000000 00000000 00000000 ffff')
    expect(parseCopyList(bare, LIMITS).list).toMatchObject({ cscds: [], segments: [], inlineData: Buffer.alloc(0) })
  })
})

const SEGMENT_OF = (type: string, length: string) => `${type} 00 ${length} ${'00'.repeat(24)}`
const list = (cscds: string[], segments: string[], header: { id?: string; usage?: string; inline?: string } = {}) => {
  const [c, s] = [hex(cscds.join('')), hex(segments.join(''))]
  const lengths = Buffer.alloc(14)
  lengths.writeUInt16BE(c.length, 0)
  lengths.writeUInt32BE(s.length, 6)
  if (header.inline) lengths.writeUInt32BE(Number.parseInt(header.inline, 16), 10)
  return Buffer.concat([hex(header.id ?? '01'), hex(header.usage ?? '10'), lengths, c, s])
}
const at = (byte: number, bit?: number): FieldPointer => ({ in: 'parameters', byte, ...(bit !== undefined && { bit }) })

describe('the rule that a list breaks', () => {
  test.each<[string, Buffer, Sense, FieldPointer | undefined]>([
    ['LIST ID USAGE 01b', list([], [], { usage: '08' }), SENSE.INVALID_FIELD_IN_PARAMETER_LIST, at(1, 4)],
    [
      'LIST ID USAGE 11b with a list identifier',
      list([], [], { usage: '18' }),
      SENSE.INVALID_FIELD_IN_PARAMETER_LIST,
      at(0),
    ],
    [
      'descriptors over MAXIMUM DESCRIPTOR LIST LENGTH, before any count',
      list(Array(4).fill(CSCD_1), Array(3).fill(SEGMENT_1)),
      SENSE.PARAMETER_LIST_LENGTH_ERROR,
      undefined,
    ],
    [
      'a CSCD list length that is no multiple of 32',
      list([CSCD_1, '00'], []),
      SENSE.PARAMETER_LIST_LENGTH_ERROR,
      undefined,
    ],
    ['too many CSCD descriptors', list(Array(3).fill(CSCD_1), [SEGMENT_1]), SENSE.TOO_MANY_CSCD_DESCRIPTORS, at(2)],
    [
      'a CSCD descriptor type that is not implemented',
      list([CSCD_1, CSCD_2.replace('e4', 'e0')], []),
      SENSE.UNSUPPORTED_CSCD_DESCRIPTOR_TYPE_CODE,
      at(48),
    ],
    [
      'a designator that does not fit in its 20 bytes',
      list([CSCD_2.replace('00 14', '00 15')], []),
      SENSE.INVALID_FIELD_IN_PARAMETER_LIST,
      at(23),
    ],
    [
      'too many segment descriptors',
      list([CSCD_1], Array(3).fill(SEGMENT_1)),
      SENSE.TOO_MANY_SEGMENT_DESCRIPTORS,
      at(8),
    ],
    [
      'a segment descriptor type that is not implemented',
      list([CSCD_1], [SEGMENT_1, SEGMENT_OF('03', '0018')]),
      SENSE.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE,
      at(76),
    ],
    [
      'a segment descriptor of a wrong length',
      list([CSCD_1], [SEGMENT_OF('02', '0017')]),
      SENSE.INVALID_FIELD_IN_PARAMETER_LIST,
      at(50),
    ],
    [
      'a segment list that ends inside a descriptor',
      list([CSCD_1], ['02 00 0018 0000']),
      SENSE.PARAMETER_LIST_LENGTH_ERROR,
      undefined,
    ],
    [
      'a segment list that ends inside a header',
      list([CSCD_1], ['02 00']),
      SENSE.PARAMETER_LIST_LENGTH_ERROR,
      undefined,
    ],
    ['too much inline data', list([], [], { inline: '5' }), SENSE.INLINE_DATA_LENGTH_EXCEEDED, at(12)],
    ['inline data that are not there', list([], [], { inline: '4' }), SENSE.PARAMETER_LIST_LENGTH_ERROR, undefined],
  ])('%s', (_, wire, sense, field) => {
    expect(parseCopyList(wire, LIMITS).problem).toEqual({ sense, ...(field && { field }) })
  })

  test('exactly as many descriptors as advertised, and list identifier zero without one, are fine', () => {
    const wire = list([CSCD_1, CSCD_2], [SEGMENT_1, SEGMENT_2], { id: '00', usage: '18' })
    expect(parseCopyList(wire, LIMITS).problem).toBeUndefined()
  })
})

test('the parser throws on no input', () => {
  const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
  const edits = fc.array(fc.tuple(fc.nat(WIRE.length - 1), fc.nat(255)), { maxLength: 4 })
  const mutant = edits.map((changes) => {
    const wire = Buffer.from(WIRE)
    wire[1] = 0x10
    for (const [offset, value] of changes) wire[offset] = value
    return wire
  })
  fc.assert(
    fc.property(fc.oneof(noise, mutant), (wire) => {
      const { list: parsed, problem } = parseCopyList(wire, LIMITS)
      expect((parsed === undefined) !== (problem === undefined)).toBe(true)
    }),
  )
})

test('what is encoded parses to the same', () => {
  const designator = fc.record({
    association: fc.nat(3),
    codeSet: fc.nat(15),
    type: fc.nat(15),
    value: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  })
  const cscd = fc.record({
    luIdType: fc.nat(3),
    nul: fc.boolean(),
    peripheralDeviceType: fc.nat(31),
    relativeInitiatorPortId: fc.nat(0xffff),
    designator,
    pad: fc.boolean(),
    blockLength: fc.nat(0xffffff),
  })
  const lba = fc.bigInt(0n, 2n ** 64n - 1n)
  const segment = fc.record({
    type: fc.constant(SEGMENT_TYPE.BLOCK_TO_BLOCK),
    dc: fc.boolean(),
    cat: fc.boolean(),
    source: fc.nat(0xffff),
    destination: fc.nat(0xffff),
    blocks: fc.nat(0xffff),
    sourceLba: lba,
    destinationLba: lba,
  })
  const content = fc.record({
    listId: fc.nat(255),
    str: fc.boolean(),
    listIdUsage: fc.constantFrom(LIST_ID_USAGE.HOLD, LIST_ID_USAGE.DISCARD),
    priority: fc.nat(7),
    cscds: fc.array(cscd, { maxLength: 2 }),
    segments: fc.array(segment, { maxLength: 2 }),
    inlineData: fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
  })
  fc.assert(
    fc.property(content, (value) => {
      expect(parseCopyList(encodeCopyList(value), LIMITS).list).toMatchObject(value)
    }),
  )
})
