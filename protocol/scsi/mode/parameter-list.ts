// The mode parameter list (SPC-3 7.4.2): header, block descriptor, pages. MODE SENSE returns one and MODE SELECT sends one;
// the two operation codes differ in the header only. Pages stay bytes here: their layouts tell what is in them.

import { WireError } from '../../wire/error.ts'
import { bits, flag, reserved, u8, u16, u24, u32, u64 } from '../../wire/fields.ts'
import { type Decoded, type Layout, layout } from '../../wire/layout.ts'
import type { ModePageCode } from './page.ts'

const HEADER_6 = layout('mode parameter header(6)', 'SPC-3 7.4.3', 4, [
  u8('modeDataLength'),
  u8('mediumType'),
  flag('wp'),
  reserved(2),
  flag('dpoFua'),
  reserved(4), // 2, DEVICE-SPECIFIC PARAMETER of SBC-3 6.4.1
  u8('blockDescriptorLength'), // 3
])

const HEADER_10 = layout('mode parameter header(10)', 'SPC-3 7.4.3', 8, [
  u16('modeDataLength'), // 0-1
  u8('mediumType'),
  flag('wp'),
  reserved(2),
  flag('dpoFua'),
  reserved(4), // 3, DEVICE-SPECIFIC PARAMETER
  reserved(7),
  flag('longLba'), // 4
  reserved(8),
  u16('blockDescriptorLength'), // 6-7
])

const SHORT_LBA = layout('short LBA mode parameter block descriptor', 'SBC-3 6.4.1', 8, [
  u32('blocks'), // 0-3, FFFFFFFFh when there are more
  reserved(8),
  u24('blockLength'), // 5-7
])

const LONG_LBA = layout('long LBA mode parameter block descriptor', 'SBC-3 6.4.1', 16, [
  u64('blocks'), // 0-7
  reserved(32),
  u32('blockLength'), // 12-15
])

const PAGE_0 = layout('mode page', 'SPC-3 7.4.5', 2, [flag('ps'), flag('spf'), bits(6, 'pageCode'), u8('pageLength')])
const SUBPAGE = layout('mode subpage', 'SPC-3 7.4.5', 4, [
  flag('ps'),
  flag('spf'),
  bits(6, 'pageCode'),
  u8('subpageCode'),
  u16('pageLength'),
])

/** The size of the CDB: which header goes with it. */
export type ModeCdb = 6 | 10

export interface ModeHeader {
  readonly mediumType: number
  /** WP: the medium is write-protected. MODE SELECT ignores it. */
  readonly wp: boolean
  /** DPOFUA: DPO and FUA are accepted. MODE SELECT ignores it. */
  readonly dpoFua: boolean
}

export interface BlockDescriptor {
  /** Sent as FFFFFFFFh when the short form cannot hold it. */
  readonly blocks: bigint
  readonly blockLength: number
  /** LONGLBA: the form of 16 bytes, with MODE SENSE(10) and MODE SELECT(10) only. */
  readonly longLba: boolean
}

export interface ModePage extends ModePageCode {
  /** The whole page, its header included: what its layout decodes. */
  readonly bytes: Buffer
  /** Where it stands in the list, for field pointers. */
  readonly offset: number
}

export interface ModeParameters extends ModeHeader {
  readonly blockDescriptor?: BlockDescriptor
  readonly pages: readonly ModePage[]
}

const BLOCKS_32 = 0xffffffffn

/** What MODE SENSE returns: MODE DATA LENGTH counts all of it, whatever the allocation length cuts. */
export function encodeModeParameters(
  cdb: ModeCdb,
  { blockDescriptor, ...header }: ModeHeader & { readonly blockDescriptor?: BlockDescriptor },
  pages: readonly Buffer[],
): Buffer {
  if (cdb === 6 && blockDescriptor?.longLba) throw new RangeError('the header of MODE SENSE(6) has no LONGLBA bit')
  const descriptor = blockDescriptor ? encodeBlockDescriptor(blockDescriptor) : Buffer.alloc(0)
  const body = Buffer.concat([descriptor, ...pages])
  const blockDescriptorLength = descriptor.length
  const size = (cdb === 6 ? HEADER_6 : HEADER_10).size + body.length
  const head =
    cdb === 6
      ? HEADER_6.encode({ ...header, blockDescriptorLength, modeDataLength: size - 1 })
      : HEADER_10.encode({
          ...header,
          blockDescriptorLength,
          longLba: blockDescriptor?.longLba ?? false,
          modeDataLength: size - 2,
        })
  return Buffer.concat([head, body])
}

/** The same as a list for MODE SELECT, where MODE DATA LENGTH is reserved (SPC-3 7.4.3). */
export function encodeModeSelectList(
  cdb: ModeCdb,
  header: ModeHeader & { readonly blockDescriptor?: BlockDescriptor },
  pages: readonly Buffer[],
): Buffer {
  return encodeModeParameters(cdb, header, pages).fill(0, 0, cdb === 6 ? 1 : 2)
}

function encodeBlockDescriptor({ blocks, blockLength, longLba }: BlockDescriptor): Buffer {
  if (longLba) return LONG_LBA.encode({ blocks, blockLength })
  return SHORT_LBA.encode({ blocks: Number(blocks < BLOCKS_32 ? blocks : BLOCKS_32), blockLength })
}

/** Reads what MODE SENSE returned. Throws a WireError when it ends before its MODE DATA LENGTH. */
export function decodeModeParameters(cdb: ModeCdb, source: Buffer): ModeParameters {
  const { name, modeDataLength } = decodeHeader(cdb, source)
  const end = modeDataLength + (cdb === 6 ? 1 : 2)
  if (end > source.length)
    throw new WireError(name, 'modeDataLength', 0, 'truncated', `${source.length} of ${end} bytes`)
  return decodeModeSelectList(cdb, source.subarray(0, end))
}

/**
 * Reads the list of a MODE SELECT. Throws a WireError with the offset in the list: `truncated` is the PARAMETER LIST LENGTH
 * ERROR of SPC-4 6.11, anything else an INVALID FIELD IN PARAMETER LIST.
 */
export function decodeModeSelectList(cdb: ModeCdb, source: Buffer): ModeParameters {
  const { size, mediumType, wp, dpoFua, longLba, lengthAt, blockDescriptorLength } = decodeHeader(cdb, source)
  const form: Layout = longLba ? LONG_LBA : SHORT_LBA
  if (blockDescriptorLength !== 0 && blockDescriptorLength !== form.size)
    throw new WireError(form.name, 'blockDescriptorLength', lengthAt, 'bad length', `${blockDescriptorLength}`)
  const start = size + blockDescriptorLength
  if (start > source.length) throw new WireError(form.name, 'blockDescriptorLength', lengthAt, 'truncated')
  const pages = decodePages(source, start)
  if (blockDescriptorLength === 0) return { mediumType, wp, dpoFua, pages }
  const { blocks, blockLength } = longLba ? LONG_LBA.decode(source, size) : SHORT_LBA.decode(source, size)
  return { mediumType, wp, dpoFua, blockDescriptor: { blocks: BigInt(blocks), blockLength, longLba }, pages }
}

/** Both headers in one shape. */
function decodeHeader(cdb: ModeCdb, source: Buffer): Decoded<typeof HEADER_10> & Header {
  if (cdb === 10) {
    const { name, size } = HEADER_10
    return { ...HEADER_10.decode(source), name, size, lengthAt: HEADER_10.at('blockDescriptorLength').byte }
  }
  const { name, size } = HEADER_6
  return {
    ...HEADER_6.decode(source),
    longLba: false,
    name,
    size,
    lengthAt: HEADER_6.at('blockDescriptorLength').byte,
  }
}

interface Header {
  readonly name: string
  readonly size: number
  readonly lengthAt: number
}

function decodePages(source: Buffer, start: number): ModePage[] {
  const pages: ModePage[] = []
  for (let offset = start; offset < source.length; ) {
    const form: Layout = (source[offset]! & 0x40) !== 0 ? SUBPAGE : PAGE_0
    if (offset + form.size > source.length) throw new WireError(form.name, 'header', offset, 'truncated')
    const { pageCode, subpageCode, length } = decodePageHeader(source, offset)
    const end = offset + form.size + length
    if (end > source.length)
      throw new WireError(form.name, 'pageLength', offset + form.size - 1, 'truncated', `${source.length - offset}`)
    pages.push({ pageCode, subpageCode, bytes: source.subarray(offset, end), offset })
    offset = end
  }
  return pages
}

function decodePageHeader(source: Buffer, offset: number): ModePageCode & { length: number } {
  const { spf, pageCode, pageLength } = PAGE_0.decode(source, offset)
  if (!spf) return { pageCode, subpageCode: 0, length: pageLength }
  const subpage = SUBPAGE.decode(source, offset)
  return { pageCode, subpageCode: subpage.subpageCode, length: subpage.pageLength }
}
