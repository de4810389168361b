// The parameter lists of POPULATE TOKEN (SBC-3 5.7.2) and WRITE USING TOKEN (SBC-3 5.46.2): block device range descriptors, from
// which a ROD token is made or into which it is written.

import { WireError } from '../wire/error.ts'
import { bytes, flag, reserved, u16, u32, u64 } from '../wire/fields.ts'
import { type Decoded, type Layout, layout } from '../wire/layout.ts'
import { ROD_TOKEN_BYTES } from './rod-token.ts'

const POPULATE = layout('POPULATE TOKEN parameter list', 'SBC-3 5.7.2', 16, [
  u16('dataLength'), // 0-1, of what follows
  reserved(6),
  flag('rtv'), // ROD TYPE VALID
  flag('immed'), // 2
  reserved(8),
  u32('inactivityTimeout'), // 4-7, s; zero is the default
  u32('rodType'), // 8-11
  reserved(16),
  u16('rangeDescriptorLength'), // 14-15
])

const WRITE = layout('WRITE USING TOKEN parameter list', 'SBC-3 5.46.2', 536, [
  u16('dataLength'), // 0-1, of what follows
  reserved(6),
  flag('delTkn'),
  flag('immed'), // 2
  reserved(40),
  u64('offsetIntoRod'), // 8-15, blocks
  bytes(ROD_TOKEN_BYTES, 'token'), // 16-527
  reserved(48),
  u16('rangeDescriptorLength'), // 534-535
])

const RANGE = layout('block device range descriptor', 'SBC-3 5.7.3', 16, [u64('lba'), u32('blocks'), reserved(32)])

export type BlockRange = Decoded<typeof RANGE>

export type PopulateTokenList = Omit<Decoded<typeof POPULATE>, 'dataLength' | 'rangeDescriptorLength'> & {
  readonly ranges: readonly BlockRange[]
}

export type WriteUsingTokenList = Omit<Decoded<typeof WRITE>, 'dataLength' | 'rangeDescriptorLength'> & {
  readonly ranges: readonly BlockRange[]
}

/** Where the n-th range descriptor stands. */
export const populateRangeOffset = (index: number): number => POPULATE.size + RANGE.size * index
export const writeRangeOffset = (index: number): number => WRITE.size + RANGE.size * index

/** Where fields stand that a logical unit may refuse. */
export const POPULATE_TOKEN_FIELDS = {
  inactivityTimeout: POPULATE.at('inactivityTimeout'),
  rodType: POPULATE.at('rodType'),
}
export const WRITE_USING_TOKEN_FIELDS = { offsetIntoRod: WRITE.at('offsetIntoRod') }
export const RANGE_DESCRIPTOR_LENGTH_BYTE = {
  populate: POPULATE.at('rangeDescriptorLength').byte,
  write: WRITE.at('rangeDescriptorLength').byte,
}

export const encodePopulateTokenList = ({ ranges, ...header }: PopulateTokenList): Buffer =>
  encodeList(ranges, POPULATE.size, (lengths) => POPULATE.encode({ ...header, ...lengths }))

export const encodeWriteUsingTokenList = ({ ranges, ...header }: WriteUsingTokenList): Buffer =>
  encodeList(ranges, WRITE.size, (lengths) => WRITE.encode({ ...header, ...lengths }))

interface Lengths {
  readonly dataLength: number
  readonly rangeDescriptorLength: number
}

function encodeList(ranges: readonly BlockRange[], size: number, encodeHeader: (lengths: Lengths) => Buffer): Buffer {
  const rangeDescriptorLength = RANGE.size * ranges.length
  const header = encodeHeader({ dataLength: size - 2 + rangeDescriptorLength, rangeDescriptorLength })
  return Buffer.concat([header, ...ranges.map((range) => RANGE.encode(range))])
}

/** Throws a WireError when its header is cut, or its lengths contradict each other. Descriptors that are cut do not count. */
export function decodePopulateTokenList(source: Buffer): PopulateTokenList {
  const { dataLength, rangeDescriptorLength, ...header } = POPULATE.decode(source)
  return { ...header, ranges: decodeRanges(POPULATE, source, dataLength, rangeDescriptorLength) }
}

/** As decodePopulateTokenList, but the list of descriptors must be there as long as its length says. */
export function decodeWriteUsingTokenList(source: Buffer): WriteUsingTokenList {
  const { dataLength, rangeDescriptorLength, ...header } = WRITE.decode(source)
  const ranges = decodeRanges(WRITE, source, dataLength, rangeDescriptorLength)
  if (WRITE.size + rangeDescriptorLength > source.length)
    throw new WireError(
      WRITE.name,
      'rangeDescriptorLength',
      WRITE.at('rangeDescriptorLength').byte,
      'truncated',
      `${source.length} bytes`,
    )
  return { ...header, ranges }
}

function decodeRanges(header: Layout, source: Buffer, dataLength: number, length: number): BlockRange[] {
  const position = header.find('rangeDescriptorLength')!.byte
  if (length < RANGE.size)
    throw new WireError(header.name, 'rangeDescriptorLength', position, 'bad length', `${length}`)
  if (dataLength + 2 < header.size + length)
    throw new WireError(header.name, 'dataLength', 0, 'bad length', `${dataLength} for ${length} bytes of ranges`)
  const end = Math.min(header.size + length, source.length)
  const ranges: BlockRange[] = []
  for (let at = header.size; at + RANGE.size <= end; at += RANGE.size) ranges.push(RANGE.decode(source, at))
  return ranges
}
