// The parameter lists of EXTENDED COPY(LID1) (SPC-4 6.5) and EXTENDED COPY(LID4) (SPC-4 6.4): two headers before the same
// descriptors (copy-descriptors.ts). Their lengths are judged first, then their counts, then their descriptors.

import { bits, flag, reserved, u8, u16, u32 } from '../wire/fields.ts'
import { type Decoded, type Layout, layout } from '../wire/layout.ts'
import {
  type CopyListProblem,
  type CopySegment,
  CSCD,
  type CscdDescriptor,
  encodeCscd,
  encodeSegment,
  type Placed,
  parseCscds,
  parseSegments,
} from './copy-descriptors.ts'
import type { OperatingParameters } from './extended-copy-parameters.ts'
import { fieldPointer } from './field-pointer.ts'
import { SENSE, type Sense } from './sense.ts'

const LID1 = layout('EXTENDED COPY(LID1) parameter list', 'SPC-4 6.5', 16, [
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

const LID4 = layout('EXTENDED COPY(LID4) parameter list', 'SPC-4 6.4.2', 48, [
  u8('parameterListFormat'),
  reserved(2),
  flag('str'),
  bits(2, 'listIdUsage'),
  bits(3, 'priority'), // 1
  u16('headerCscdDescriptorListLength'), // 2-3
  reserved(88),
  reserved(6),
  flag('gSense'),
  flag('immed'), // 15
  u8('headerCscdDescriptorTypeCode'),
  reserved(24),
  u32('listId'), // 20-23
  reserved(144),
  u16('cscdDescriptorListLength'), // 42-43
  u16('segmentDescriptorListLength'),
  u16('inlineDataLength'), // 46-47
])

/** What the header CSCD descriptor of a LID4 list says of itself (SPC-4 6.4.2). */
const LID4_FIXED = {
  parameterListFormat: 0x01,
  headerCscdDescriptorListLength: 0x20,
  headerCscdDescriptorTypeCode: 0xff,
} as const

/** LIST ID USAGE (SPC-4 6.4.2). */
export const LIST_ID_USAGE = { HOLD: 0, DISCARD: 2, NONE: 3 } as const

export interface CopyList {
  readonly listId: number
  readonly str: boolean
  readonly listIdUsage: number
  readonly priority: number
  /** LID4 only: GOOD status comes with sense data. */
  readonly gSense: boolean
  /** LID4 only: status when the list has been judged, the copy goes on in the background. */
  readonly immed: boolean
  readonly cscds: readonly (CscdDescriptor & Placed)[]
  readonly segments: readonly (CopySegment & Placed)[]
  readonly inlineData: Buffer
}

export type CopyListResult =
  | { readonly list: CopyList; readonly problem?: undefined }
  | { readonly list?: undefined; readonly problem: CopyListProblem }

type Content<Header extends keyof CopyList> = Pick<CopyList, Header | 'listId' | 'str' | 'listIdUsage' | 'priority'> & {
  readonly cscds: readonly CscdDescriptor[]
  readonly segments: readonly CopySegment[]
  readonly inlineData?: Buffer
}
export type CopyListContent = Content<never>
export type CopyListLid4Content = Content<'gSense' | 'immed'>

/** A LID1 list. */
export function encodeCopyList(content: CopyListContent): Buffer {
  return encodeList(content, ({ cscds, segments, inlineData, ...header }) =>
    LID1.encode({
      ...header,
      cscdDescriptorListLength: cscds,
      segmentDescriptorListLength: segments,
      inlineDataLength: inlineData,
    }),
  )
}

export function encodeCopyListLid4(content: CopyListLid4Content): Buffer {
  return encodeList(content, ({ cscds, segments, inlineData, ...header }) =>
    LID4.encode({
      ...LID4_FIXED,
      ...header,
      cscdDescriptorListLength: cscds,
      segmentDescriptorListLength: segments,
      inlineDataLength: inlineData,
    }),
  )
}

type Lengths<C> = Omit<C, 'cscds' | 'segments' | 'inlineData'> & { cscds: number; segments: number; inlineData: number }

function encodeList<C extends CopyListContent>(content: C, encodeHeader: (header: Lengths<C>) => Buffer): Buffer {
  const cscds = Buffer.concat(content.cscds.map(encodeCscd))
  const segments = Buffer.concat(content.segments.map(encodeSegment))
  const inlineData = content.inlineData ?? Buffer.alloc(0)
  const lengths = { cscds: cscds.length, segments: segments.length, inlineData: inlineData.length }
  return Buffer.concat([encodeHeader({ ...content, ...lengths }), cscds, segments, inlineData])
}

type Limits = Pick<
  OperatingParameters,
  | 'maximumCscdDescriptorCount'
  | 'maximumSegmentDescriptorCount'
  | 'maximumDescriptorListLength'
  | 'maximumInlineDataLength'
>

/** Reads a LID1 list of more than zero bytes. */
export function parseCopyList(source: Buffer, limits: Limits): CopyListResult {
  if (source.length < LID1.size) return { problem: { sense: SENSE.PARAMETER_LIST_LENGTH_ERROR } }
  const header = LID1.decode(source)
  const problem = lengthProblem(LID1, source, header, limits) ?? listIdProblem(LID1, header)
  if (problem) return { problem }
  return parseDescriptors(LID1, source, { ...header, gSense: false, immed: false }, limits)
}

/** Reads a LID4 list of more than zero bytes. */
export function parseCopyListLid4(source: Buffer, limits: Limits): CopyListResult {
  if (source.length < LID4.size) return { problem: { sense: SENSE.PARAMETER_LIST_LENGTH_ERROR } }
  const header = LID4.decode(source)
  for (const [name, value] of Object.entries(LID4_FIXED))
    if (header[name as keyof typeof LID4_FIXED] !== value) return { problem: invalid(LID4, name) }
  const problem = lengthProblem(LID4, source, header, limits) ?? listIdProblem(LID4, header)
  if (problem) return { problem }
  // Nobody could ask what became of it, or end it.
  if (header.immed && header.listIdUsage === LIST_ID_USAGE.NONE) return { problem: invalid(LID4, 'immed') }
  return parseDescriptors(LID4, source, header, limits)
}

/** What both headers hold. */
type Header = Decoded<typeof LID1> & Pick<CopyList, 'gSense' | 'immed'>

function lengthProblem(
  structure: Layout,
  source: Buffer,
  header: Decoded<typeof LID1>,
  limits: Limits,
): CopyListProblem | undefined {
  const { cscdDescriptorListLength, segmentDescriptorListLength, inlineDataLength } = header
  const descriptors = cscdDescriptorListLength + segmentDescriptorListLength
  if (descriptors > limits.maximumDescriptorListLength) return { sense: SENSE.PARAMETER_LIST_LENGTH_ERROR }
  if (inlineDataLength > limits.maximumInlineDataLength)
    return at(structure, SENSE.INLINE_DATA_LENGTH_EXCEEDED, 'inlineDataLength')
  if (structure.size + descriptors + inlineDataLength > source.length || cscdDescriptorListLength % CSCD.size !== 0)
    return { sense: SENSE.PARAMETER_LIST_LENGTH_ERROR }
  return undefined
}

function listIdProblem(structure: Layout, { listId, listIdUsage }: Decoded<typeof LID1>): CopyListProblem | undefined {
  if (listIdUsage === 1) return invalid(structure, 'listIdUsage')
  if (listIdUsage === LIST_ID_USAGE.NONE && listId !== 0) return invalid(structure, 'listId')
  return undefined
}

function parseDescriptors(structure: Layout, source: Buffer, header: Header, limits: Limits): CopyListResult {
  const { listId, str, listIdUsage, priority, gSense, immed } = header
  const segmentsAt = structure.size + header.cscdDescriptorListLength
  const inlineAt = segmentsAt + header.segmentDescriptorListLength
  if (header.cscdDescriptorListLength > CSCD.size * limits.maximumCscdDescriptorCount)
    return { problem: at(structure, SENSE.TOO_MANY_CSCD_DESCRIPTORS, 'cscdDescriptorListLength') }
  const cscds = parseCscds(source, structure.size, segmentsAt)
  if (!Array.isArray(cscds)) return { problem: cscds }
  const segments = parseSegments(source, segmentsAt, inlineAt, limits.maximumSegmentDescriptorCount)
  if (segments === 'too many')
    return { problem: at(structure, SENSE.TOO_MANY_SEGMENT_DESCRIPTORS, 'segmentDescriptorListLength') }
  if (!Array.isArray(segments)) return { problem: segments }
  const inlineData = source.subarray(inlineAt, inlineAt + header.inlineDataLength)
  return { list: { listId, str, listIdUsage, priority, gSense, immed, cscds, segments, inlineData } }
}

const invalid = (structure: Layout, name: string): CopyListProblem =>
  at(structure, SENSE.INVALID_FIELD_IN_PARAMETER_LIST, name)

function at(structure: Layout, sense: Sense, name: string): CopyListProblem {
  const field = fieldPointer(structure, name, 'parameters')
  return { sense, ...(field && { field }) }
}
