// Additional header segments (RFC 7143 11.2.2): what does not fit in the 48 bytes of a SCSI Command. Each starts on a
// word of 4 bytes; AHSLength counts what follows type and length, without the padding.

import { WireError } from '../wire/error.ts'
import { bits, reserved, u8, u16 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { paddedLength } from './digest.ts'

/** The AHSType field (RFC 7143 11.2.2.1). */
export const AHS_TYPE = { EXTENDED_CDB: 1, BIDIRECTIONAL_READ: 2 } as const

export type Ahs =
  /** `cdb`: the bytes of the CDB that follow the first 16 (RFC 7143 11.2.2.3). */
  | { readonly kind: 'extended CDB'; readonly cdb: Buffer }
  /** Bytes (RFC 7143 11.2.2.4). */
  | { readonly kind: 'bidirectional read'; readonly expectedReadDataLength: number }
  /** A type that is reserved: `content` is what AHSLength counts, from the fourth byte on. */
  | { readonly kind: 'other'; readonly ahsType: number; readonly content: Buffer }

/** AHSLength is a byte in front of `specific`: the fourth byte belongs to the content already. */
// biome-ignore format: the columns are the standard's table
const AHS = layout('AHS', 'RFC 7143 11.2.2', 4, [
  u16('ahsLength'),                // byte 0-1
  reserved(2), bits(6, 'ahsType'), // 2
  u8('specific'),                  // 3
])

const CONTENT_OFFSET = 3
const BIDIRECTIONAL_READ_LENGTH = 5
/** TotalAHSLength is a byte that counts words. */
const MAX_TOTAL_LENGTH = 4 * 255

/** Reads the AHS list of a PDU; `bytes` are all that TotalAHSLength announces. Contents are views. */
export function decodeAhs(bytes: Buffer): Ahs[] {
  const list: Ahs[] = []
  for (let offset = 0; offset < bytes.length; ) {
    const { ahsLength, ahsType } = decodeHeader(bytes, offset)
    const start = offset + CONTENT_OFFSET
    const end = start + ahsLength
    if (paddedLength(end) > bytes.length)
      throw new WireError('AHS', 'ahsLength', offset, 'bad length', `${ahsLength} overruns TotalAHSLength`)
    list.push(decodeOne(ahsType, bytes.subarray(start, end), offset))
    offset = paddedLength(end)
  }
  return list
}

function decodeHeader(bytes: Buffer, offset: number): { ahsLength: number; ahsType: number } {
  if (bytes.length - offset < AHS.size) throw new WireError('AHS', 'ahsLength', offset, 'truncated')
  return AHS.decode(bytes, offset)
}

function decodeOne(ahsType: number, content: Buffer, offset: number): Ahs {
  if (ahsType === AHS_TYPE.EXTENDED_CDB) {
    // One reserved byte and at least one of CDB: "MUST NOT be used if the CDBLength is less than 17".
    if (content.length < 2) throw new WireError('AHS', 'ahsLength', offset, 'bad length', 'an extended CDB of no bytes')
    return { kind: 'extended CDB', cdb: content.subarray(1) }
  }
  if (ahsType === AHS_TYPE.BIDIRECTIONAL_READ) {
    if (content.length !== BIDIRECTIONAL_READ_LENGTH)
      throw new WireError('AHS', 'ahsLength', offset, 'bad length', `${content.length} is not 5`)
    return { kind: 'bidirectional read', expectedReadDataLength: content.readUInt32BE(1) }
  }
  return { kind: 'other', ahsType, content }
}

/** Writes an AHS list with its padding. Throws a RangeError for what cannot be said in TotalAHSLength. */
export function encodeAhs(list: readonly Ahs[]): Buffer {
  const bytes = Buffer.concat(list.map(encodeOne))
  if (bytes.length > MAX_TOTAL_LENGTH) throw new RangeError(`AHS of ${bytes.length} bytes, more than 1020`)
  return bytes
}

function encodeOne(ahs: Ahs): Buffer {
  const [ahsType, content] = typeAndContent(ahs)
  const bytes = Buffer.alloc(paddedLength(Math.max(AHS.size, CONTENT_OFFSET + content.length)))
  AHS.encode({ ahsLength: content.length, ahsType }, bytes)
  bytes.set(content, CONTENT_OFFSET)
  return bytes
}

function typeAndContent(ahs: Ahs): [number, Buffer] {
  switch (ahs.kind) {
    case 'extended CDB':
      if (ahs.cdb.length === 0) throw new RangeError('an extended CDB of no bytes')
      return [AHS_TYPE.EXTENDED_CDB, Buffer.concat([Buffer.alloc(1), ahs.cdb])]
    case 'bidirectional read': {
      const content = Buffer.alloc(BIDIRECTIONAL_READ_LENGTH)
      content.writeUInt32BE(ahs.expectedReadDataLength, 1)
      return [AHS_TYPE.BIDIRECTIONAL_READ, content]
    }
    case 'other':
      return [ahs.ahsType, ahs.content]
  }
}
