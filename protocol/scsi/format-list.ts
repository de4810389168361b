// The parameter list of FORMAT UNIT (SBC-4 5.4.2): a header in one of two lengths, and where its IP bit says so an
// initialization pattern descriptor. A defect list may follow; nothing here reads it.

import { bits, flag, ignored, reserved, u8, u16, u32 } from '../wire/fields.ts'
import { type Decoded, type Layout, layout } from '../wire/layout.ts'

/** FFMT of the CDB: whether the medium is overwritten (SBC-4 table 41). */
export const FFMT = { OVERWRITE: 0, FAST: 1 } as const

/** DEFECT LIST FORMAT of the CDB: the address descriptors that a defect list is made of (SBC-4 6.2). */
export const DEFECT_LIST_FORMAT = { SHORT_BLOCK: 0, LONG_BLOCK: 3 } as const

const options = [
  reserved(5),
  bits(3, 'protectionFieldUsage'), // 0
  flag('fov'),
  flag('dpry'),
  flag('dcrt'),
  flag('stpf'),
  flag('ip'),
  ignored(1), // DSP
  flag('immed'),
  ignored(1), // 1
] as const

export const FORMAT_LIST_SHORT_HEADER = layout('FORMAT UNIT short parameter list header', 'SBC-4 5.4.2.2', 4, [
  ...options,
  u16('defectListLength'), // 2-3
])

export const FORMAT_LIST_LONG_HEADER = layout('FORMAT UNIT long parameter list header', 'SBC-4 5.4.2.2', 8, [
  ...options,
  reserved(8),
  bits(4, 'protectionInformation'),
  bits(4, 'protectionIntervalExponent'), // 3
  u32('defectListLength'), // 4-7
])

/** INITIALIZATION PATTERN TYPE (SBC-4 table 47). */
export const INITIALIZATION_PATTERN_TYPE = { DEFAULT: 0, REPEAT: 1 } as const

export const INITIALIZATION_PATTERN_DESCRIPTOR = layout('initialization pattern descriptor', 'SBC-4 5.4.2.3', 4, [
  bits(2, 'modifier'),
  ignored(6), // SI and reserved
  u8('type'),
  u16('length'), // 2-3
])

type LongHeader = Decoded<typeof FORMAT_LIST_LONG_HEADER>

export interface FormatList extends LongHeader {
  /** The header as it was sent, for field pointers. */
  readonly header: Layout
  readonly initialization?: Decoded<typeof INITIALIZATION_PATTERN_DESCRIPTOR> & {
    /** As much of the pattern as the list holds. */
    readonly pattern: Buffer
  }
}

type Initialization = Partial<NonNullable<FormatList['initialization']>>

export function encodeFormatList(
  fields: Partial<LongHeader>,
  { long = false, initialization }: { readonly long?: boolean; readonly initialization?: Initialization } = {},
): Buffer {
  const header = (long ? FORMAT_LIST_LONG_HEADER : FORMAT_LIST_SHORT_HEADER).encode(fields)
  if (!initialization) return header
  const { pattern = Buffer.alloc(0), length = pattern.length, ...rest } = initialization
  return Buffer.concat([header, INITIALIZATION_PATTERN_DESCRIPTOR.encode({ ...rest, length }), pattern])
}

/** `long`: LONGLIST of the CDB. Throws a WireError when the header, or the descriptor that it announces, is cut. */
export function decodeFormatList(source: Buffer, long: boolean): FormatList {
  const header = long ? FORMAT_LIST_LONG_HEADER : FORMAT_LIST_SHORT_HEADER
  const fields = { protectionInformation: 0, protectionIntervalExponent: 0, ...header.decode(source), header }
  if (!fields.ip) return fields
  const initialization = INITIALIZATION_PATTERN_DESCRIPTOR.decode(source, header.size)
  const start = header.size + INITIALIZATION_PATTERN_DESCRIPTOR.size
  return {
    ...fields,
    initialization: { ...initialization, pattern: source.subarray(start, start + initialization.length) },
  }
}
