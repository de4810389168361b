// The descriptors of an EXTENDED COPY parameter list (SPC-4 6.4.5, 6.4.6): identification CSCDs (E4h), block to block segments
// (02h), the same with byte offsets (0Ah), verify CSCD (07h) and register persistent reservation key (14h). What is wrong with
// one is a result and not a WireError, since the standard has a sense for each rule.

import { bits, bytes, flag, reserved, u8, u16, u24, u32, u64 } from '../wire/fields.ts'
import { type Decoded, type Layout, layout } from '../wire/layout.ts'
import type { Designator } from './designator.ts'
import { fieldPointer } from './field-pointer.ts'
import { type FieldPointer, SENSE, type Sense } from './sense.ts'

/** Type code of the CSCD descriptor that Lunette implements (SPC-4 6.4.5.1). */
export const CSCD_IDENTIFICATION = 0xe4

/** Type codes of segment descriptors (SPC-4 6.4.6.1). */
export const SEGMENT_TYPE = {
  BLOCK_TO_BLOCK: 0x02,
  VERIFY_CSCD: 0x07,
  BLOCK_TO_BLOCK_OFFSET: 0x0a,
  REGISTER_PERSISTENT_RESERVATION_KEY: 0x14,
} as const

/** As an index of a CSCD: the logical unit that got the command (SPC-4 6.4.6.1). */
export const CSCD_COPY_MANAGER = 0xffff

export const CSCD = layout('Identification CSCD descriptor', 'SPC-4 6.4.5.2', 32, [
  u8('descriptorType', CSCD_IDENTIFICATION),
  bits(2, 'luIdType'),
  flag('nul'),
  bits(5, 'peripheralDeviceType'), // 1
  u16('relativeInitiatorPortId'),
  reserved(4),
  bits(4, 'codeSet'), // 4
  reserved(2),
  bits(2, 'association'),
  bits(4, 'designatorType'), // 5
  reserved(8),
  u8('designatorLength'), // 7
  bytes(20, 'designator'),
  reserved(5),
  flag('pad'),
  reserved(2), // 28
  u24('blockLength'), // 29-31, DISK BLOCK LENGTH
])

const SEGMENT_HEADER = 4

const BLOCK_TO_BLOCK = layout('block device to block device segment descriptor', 'SPC-4 6.4.6.6', 28, [
  u8('descriptorType', SEGMENT_TYPE.BLOCK_TO_BLOCK),
  reserved(6),
  flag('dc'),
  flag('cat'), // 1
  u16('descriptorLength', 0x18),
  u16('source'), // 4-5
  u16('destination'), // 6-7
  reserved(16),
  u16('blocks'), // 10-11
  u64('sourceLba'), // 12-19
  u64('destinationLba'), // 20-27
])

const VERIFY_CSCD = layout('verify CSCD segment descriptor', 'SPC-4 6.4.6.11', 12, [
  u8('descriptorType', SEGMENT_TYPE.VERIFY_CSCD),
  reserved(8),
  u16('descriptorLength', 0x08),
  u16('source'), // 4-5
  reserved(16),
  reserved(7),
  flag('tur'), // 8
  reserved(24),
])

const BLOCK_TO_BLOCK_OFFSET = layout(
  'block device to block device with offset segment descriptor',
  'SPC-4 6.4.6.8',
  32,
  [
    u8('descriptorType', SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET),
    reserved(7),
    flag('cat'), // 1
    u16('descriptorLength', 0x1c),
    u16('source'), // 4-5
    u16('destination'), // 6-7
    u32('bytes'), // 8-11, NUMBER OF BYTES
    u64('sourceLba'), // 12-19
    u64('destinationLba'), // 20-27
    u16('sourceOffset'), // 28-29, SOURCE BLOCK DEVICE BYTE OFFSET
    u16('destinationOffset'), // 30-31
  ],
)

const REGISTER_KEY = layout('register persistent reservation key segment descriptor', 'SPC-4 6.4.6.17', 28, [
  u8('descriptorType', SEGMENT_TYPE.REGISTER_PERSISTENT_RESERVATION_KEY),
  reserved(8),
  u16('descriptorLength', 0x18),
  reserved(16),
  u16('destination'), // 6-7
  u64('reservationKey'), // 8-15
  u64('serviceActionReservationKey'), // 16-23
  reserved(32),
])

export type CscdDescriptor = Omit<
  Decoded<typeof CSCD>,
  'codeSet' | 'association' | 'designatorType' | 'designatorLength' | 'designator'
> & {
  designator: Designator
}

/** The number of blocks counts destination blocks if `dc`, else source ones. */
export type BlockSegment = { type: typeof SEGMENT_TYPE.BLOCK_TO_BLOCK } & Decoded<typeof BLOCK_TO_BLOCK>
export type OffsetSegment = { type: typeof SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET } & Decoded<typeof BLOCK_TO_BLOCK_OFFSET>
export type VerifySegment = { type: typeof SEGMENT_TYPE.VERIFY_CSCD } & Decoded<typeof VERIFY_CSCD>
export type RegisterKeySegment = {
  type: typeof SEGMENT_TYPE.REGISTER_PERSISTENT_RESERVATION_KEY
} & Decoded<typeof REGISTER_KEY>

/** SOURCE and DESTINATION are indexes of CSCDs. */
export type CopySegment = BlockSegment | OffsetSegment | VerifySegment | RegisterKeySegment

const SEGMENTS: Readonly<Record<number, Layout>> = {
  [SEGMENT_TYPE.BLOCK_TO_BLOCK]: BLOCK_TO_BLOCK,
  [SEGMENT_TYPE.VERIFY_CSCD]: VERIFY_CSCD,
  [SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET]: BLOCK_TO_BLOCK_OFFSET,
  [SEGMENT_TYPE.REGISTER_PERSISTENT_RESERVATION_KEY]: REGISTER_KEY,
}

/** Type codes of all descriptors that parseCopyList knows, ascending. */
export const IMPLEMENTED_DESCRIPTORS: readonly number[] = [...Object.keys(SEGMENTS).map(Number), CSCD_IDENTIFICATION]

/** Where a descriptor stands in the parameter list, for field pointers. */
export interface Placed {
  readonly offset: number
}

/** The first rule that a list breaks, as the sense to end the command with. */
export interface CopyListProblem {
  readonly sense: Sense
  readonly field?: FieldPointer
}

export function encodeCscd({ designator, ...values }: CscdDescriptor): Buffer {
  return CSCD.encode({
    ...values,
    codeSet: designator.codeSet,
    association: designator.association,
    designatorType: designator.type,
    designatorLength: designator.value.length,
    designator: designator.value,
  })
}

export function encodeSegment({ type, ...values }: CopySegment): Buffer {
  return SEGMENTS[type]!.encode(values as never)
}

/** Where in its descriptor a field of a segment stands: the segment pointer of COPY ABORTED (SPC-4 4.5.2.4.5). */
export function segmentPointer({ type }: CopySegment, name: string): Pick<CopyListProblem, 'field'> {
  const field = fieldPointer(SEGMENTS[type]!, name, 'segment')
  return field ? { field } : {}
}

/** Identification descriptors from `start` to `end`, which are whole ones. */
export function parseCscds(source: Buffer, start: number, end: number): (CscdDescriptor & Placed)[] | CopyListProblem {
  const cscds: (CscdDescriptor & Placed)[] = []
  for (let offset = start; offset < end; offset += CSCD.size) {
    if (source[offset] !== CSCD_IDENTIFICATION)
      return { sense: SENSE.UNSUPPORTED_CSCD_DESCRIPTOR_TYPE_CODE, field: { in: 'parameters', byte: offset } }
    const { codeSet, association, designatorType, designatorLength, designator, ...values } = CSCD.decode(
      source,
      offset,
    )
    if (designatorLength > designator.length) return invalidField(CSCD, 'designatorLength', offset)
    const value = designator.subarray(0, designatorLength)
    cscds.push({ ...values, designator: { association, codeSet, type: designatorType, value }, offset })
  }
  return cscds
}

/** At most `maximum` segments, each as long as its type says, from `start` to `end`. */
export function parseSegments(
  source: Buffer,
  start: number,
  end: number,
  maximum: number,
): (CopySegment & Placed)[] | CopyListProblem | 'too many' {
  const segments: (CopySegment & Placed)[] = []
  for (let offset = start; offset < end; ) {
    if (segments.length === maximum) return 'too many'
    const type = source[offset]!
    const structure = SEGMENTS[type]
    if (!structure)
      return { sense: SENSE.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE, field: { in: 'parameters', byte: offset } }
    if (offset + SEGMENT_HEADER <= end && source.readUInt16BE(offset + 2) !== structure.size - SEGMENT_HEADER)
      return invalidField(structure, 'descriptorLength', offset)
    if (offset + structure.size > end) return { sense: SENSE.PARAMETER_LIST_LENGTH_ERROR }
    segments.push({ type, ...structure.decode(source, offset), offset } as CopySegment & Placed)
    offset += structure.size
  }
  return segments
}

function invalidField(structure: Layout, name: string, offset: number): CopyListProblem {
  const field = fieldPointer(structure, name, 'parameters', offset)
  return { sense: SENSE.INVALID_FIELD_IN_PARAMETER_LIST, ...(field && { field }) }
}
