// EXTENDED COPY(LID1) parameter list (SPC-4 6.5): identification CSCD descriptors (E4h) and block device to block device
// segments (02h). What is wrong with a list is a result and not a WireError, since the standard has a sense for each rule.

import { bits, bytes, flag, reserved, u8, u16, u24, u32, u64 } from '../wire/fields.ts'
import { type Decoded, type Layout, layout } from '../wire/layout.ts'
import type { Designator } from './designator.ts'
import type { OperatingParameters } from './extended-copy-parameters.ts'
import { fieldPointer } from './field-pointer.ts'
import { type FieldPointer, SENSE, type Sense } from './sense.ts'

const HEADER = layout('EXTENDED COPY(LID1) parameter list', 'SPC-4 6.5', 16, [
  u8('listId'),
  reserved(2),
  flag('str'),
  bits(2, 'listIdUsage'),
  bits(3, 'priority'), // 1
  u16('cscdDescriptorListLength'), // 2-3
  reserved(32),
  u32('segmentDescriptorListLength'), // 8-11
  u32('inlineDataLength'), // 12-15
])

/** Types of the descriptors that Lunette implements (SPC-4 6.4.5.1, 6.4.6.1). */
export const CSCD_IDENTIFICATION = 0xe4
export const SEGMENT_BLOCK_TO_BLOCK = 0x02

/** LIST ID USAGE (SPC-4 6.5). */
export const LIST_ID_USAGE = { HOLD: 0, DISCARD: 2, NONE: 3 } as const

/** As an index of a CSCD: the logical unit that got the command (SPC-4 6.4.6.1). */
export const CSCD_COPY_MANAGER = 0xffff

const CSCD = layout('Identification CSCD descriptor', 'SPC-4 6.4.5.2', 32, [
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

const SEGMENT = layout('block device to block device segment descriptor', 'SPC-4 6.4.6.6', 28, [
  u8('descriptorType', SEGMENT_BLOCK_TO_BLOCK),
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

const SEGMENT_HEADER = 4

export type CscdDescriptor = Omit<
  Decoded<typeof CSCD>,
  'codeSet' | 'association' | 'designatorType' | 'designatorLength' | 'designator'
> & {
  designator: Designator
}

/** SOURCE and DESTINATION are indexes of CSCDs; the number of blocks counts destination blocks if `dc`, else source ones. */
export type CopySegment = Decoded<typeof SEGMENT>

/** Where a descriptor stands in the parameter list, for field pointers. */
interface Placed {
  readonly offset: number
}

export interface CopyList {
  readonly listId: number
  readonly str: boolean
  readonly listIdUsage: number
  readonly priority: number
  readonly cscds: readonly (CscdDescriptor & Placed)[]
  readonly segments: readonly (CopySegment & Placed)[]
  readonly inlineData: Buffer
}

/** The first rule of SPC-4 6.5 that a list breaks, as the sense to end the command with. */
export interface CopyListProblem {
  readonly sense: Sense
  readonly field?: FieldPointer
}

export type CopyListResult =
  | { readonly list: CopyList; readonly problem?: undefined }
  | { readonly list?: undefined; readonly problem: CopyListProblem }

export type CopyListContent = Omit<CopyList, 'cscds' | 'segments' | 'inlineData'> & {
  readonly cscds: readonly CscdDescriptor[]
  readonly segments: readonly CopySegment[]
  readonly inlineData?: Buffer
}

export function encodeCopyList(content: CopyListContent): Buffer {
  const { cscds, segments, inlineData = Buffer.alloc(0), ...header } = content
  const head = HEADER.encode({
    ...header,
    cscdDescriptorListLength: CSCD.size * cscds.length,
    segmentDescriptorListLength: SEGMENT.size * segments.length,
    inlineDataLength: inlineData.length,
  })
  return Buffer.concat([head, ...cscds.map(encodeCscd), ...segments.map((s) => SEGMENT.encode(s)), inlineData])
}

function encodeCscd({ designator, ...values }: CscdDescriptor): Buffer {
  return CSCD.encode({
    ...values,
    codeSet: designator.codeSet,
    association: designator.association,
    designatorType: designator.type,
    designatorLength: designator.value.length,
    designator: designator.value,
  })
}

type Limits = Pick<
  OperatingParameters,
  | 'maximumCscdDescriptorCount'
  | 'maximumSegmentDescriptorCount'
  | 'maximumDescriptorListLength'
  | 'maximumInlineDataLength'
>

/** Reads a parameter list of more than zero bytes; its lengths are judged first, then its counts, then its descriptors. */
export function parseCopyList(source: Buffer, limits: Limits): CopyListResult {
  if (source.length < HEADER.size) return { problem: { sense: SENSE.PARAMETER_LIST_LENGTH_ERROR } }
  const header = HEADER.decode(source)
  const problem = lengthProblem(source, header, limits) ?? listIdProblem(header)
  if (problem) return { problem }
  const segmentsAt = HEADER.size + header.cscdDescriptorListLength
  const inlineAt = segmentsAt + header.segmentDescriptorListLength
  const cscds = parseCscds(source, segmentsAt, limits.maximumCscdDescriptorCount)
  if (!Array.isArray(cscds)) return { problem: cscds }
  const segments = parseSegments(source, segmentsAt, inlineAt, limits.maximumSegmentDescriptorCount)
  if (!Array.isArray(segments)) return { problem: segments }
  const { listId, str, listIdUsage, priority } = header
  const inlineData = source.subarray(inlineAt, inlineAt + header.inlineDataLength)
  return { list: { listId, str, listIdUsage, priority, cscds, segments, inlineData } }
}

type Header = Decoded<typeof HEADER>

function lengthProblem(source: Buffer, header: Header, limits: Limits): CopyListProblem | undefined {
  const { cscdDescriptorListLength, segmentDescriptorListLength, inlineDataLength } = header
  const descriptors = cscdDescriptorListLength + segmentDescriptorListLength
  if (descriptors > limits.maximumDescriptorListLength) return { sense: SENSE.PARAMETER_LIST_LENGTH_ERROR }
  if (inlineDataLength > limits.maximumInlineDataLength)
    return { sense: SENSE.INLINE_DATA_LENGTH_EXCEEDED, ...inHeader('inlineDataLength') }
  if (HEADER.size + descriptors + inlineDataLength > source.length || cscdDescriptorListLength % CSCD.size !== 0)
    return { sense: SENSE.PARAMETER_LIST_LENGTH_ERROR }
  return undefined
}

function listIdProblem({ listId, listIdUsage }: Header): CopyListProblem | undefined {
  if (listIdUsage === 1) return { sense: SENSE.INVALID_FIELD_IN_PARAMETER_LIST, ...inHeader('listIdUsage') }
  if (listIdUsage === LIST_ID_USAGE.NONE && listId !== 0)
    return { sense: SENSE.INVALID_FIELD_IN_PARAMETER_LIST, ...inHeader('listId') }
  return undefined
}

function parseCscds(source: Buffer, end: number, maximum: number): (CscdDescriptor & Placed)[] | CopyListProblem {
  if (end - HEADER.size > CSCD.size * maximum)
    return { sense: SENSE.TOO_MANY_CSCD_DESCRIPTORS, ...inHeader('cscdDescriptorListLength') }
  const cscds: (CscdDescriptor & Placed)[] = []
  for (let offset = HEADER.size; offset < end; offset += CSCD.size) {
    if (source[offset] !== CSCD_IDENTIFICATION)
      return { sense: SENSE.UNSUPPORTED_CSCD_DESCRIPTOR_TYPE_CODE, field: { in: 'parameters', byte: offset } }
    const { codeSet, association, designatorType, designatorLength, designator, ...values } = CSCD.decode(
      source,
      offset,
    )
    if (designatorLength > designator.length)
      return { sense: SENSE.INVALID_FIELD_IN_PARAMETER_LIST, ...inList(CSCD, 'designatorLength', offset) }
    const value = designator.subarray(0, designatorLength)
    cscds.push({ ...values, designator: { association, codeSet, type: designatorType, value }, offset })
  }
  return cscds
}

function parseSegments(
  source: Buffer,
  start: number,
  end: number,
  maximum: number,
): (CopySegment & Placed)[] | CopyListProblem {
  const segments: (CopySegment & Placed)[] = []
  for (let offset = start; offset < end; offset += SEGMENT.size) {
    if (segments.length === maximum)
      return { sense: SENSE.TOO_MANY_SEGMENT_DESCRIPTORS, ...inHeader('segmentDescriptorListLength') }
    if (source[offset] !== SEGMENT_BLOCK_TO_BLOCK)
      return { sense: SENSE.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE, field: { in: 'parameters', byte: offset } }
    if (offset + SEGMENT_HEADER <= end && source.readUInt16BE(offset + 2) !== SEGMENT.size - SEGMENT_HEADER)
      return { sense: SENSE.INVALID_FIELD_IN_PARAMETER_LIST, ...inList(SEGMENT, 'descriptorLength', offset) }
    if (offset + SEGMENT.size > end) return { sense: SENSE.PARAMETER_LIST_LENGTH_ERROR }
    segments.push({ ...SEGMENT.decode(source, offset), offset })
  }
  return segments
}

const inList = (structure: Layout, name: string, offset: number): Pick<CopyListProblem, 'field'> => {
  const field = fieldPointer(structure, name, 'parameters', offset)
  return field ? { field } : {}
}

const inHeader = (name: string): Pick<CopyListProblem, 'field'> => inList(HEADER, name, 0)
