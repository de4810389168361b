// ROD tokens (SPC-4 5.17.6.4, SBC-3 4.28): 512 bytes that stand for data, which whoever presents them may have copied, and the
// ROD management tokens, their first 96 bytes, that REPORT ALL ROD TOKENS (SPC-4 6.30) tells.

import { WireError } from '../wire/error.ts'
import { bits, bytes, flag, reserved, u16, u32, u64 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'
import { type CscdDescriptor, encodeCscd } from './copy-descriptors.ts'
import { type Designator, encodeDesignator } from './designator.ts'

export const ROD_TOKEN_BYTES = 512

/** ROD TYPE (SPC-4 table 108, SBC-3 4.28.4). */
export const ROD_TYPE = {
  POINT_IN_TIME_DEFAULT: 0x0080_0000,
  POINT_IN_TIME_CHANGE_VULNERABLE: 0x0080_0001,
  POINT_IN_TIME_PERSISTENT: 0x0080_0002,
  POINT_IN_TIME_ANY: 0x0080_ffff,
  BLOCK_DEVICE_ZERO: 0xffff_0001,
} as const

/** ROD TOKEN LENGTH of a token of 512 bytes. */
export const ROD_TOKEN_LENGTH = 0x01f8

const TOKEN = layout('ROD token', 'SPC-4 5.17.6.4', ROD_TOKEN_BYTES, [
  u32('type'), // 0-3
  reserved(16),
  u16('length'), // 6-7
  bytes(8, 'identifier'), // 8-15, COPY MANAGER ROD TOKEN IDENTIFIER
  bytes(32, 'creator'), // 16-47, CREATOR LOGICAL UNIT DESCRIPTOR
  reserved(64),
  u64('representedBytes'), // 48-63, NUMBER OF BYTES REPRESENTED
  reserved(256), // 64-95, ROD TOKEN TYPE SPECIFIC DATA
  u32('blockLength'), // 96-127, as READ CAPACITY(16) has it from byte 8 (SBC-3 4.28.3)
  reserved(8),
  reserved(4),
  bits(4, 'logicalBlocksPerPhysicalExponent'),
  flag('lbpme'),
  flag('lbprz'),
  reserved(14),
  reserved(192),
  bytes(384, 'rest'), // TARGET DEVICE DESCRIPTOR and EXTENDED ROD TOKEN DATA
])

type TokenFields = Decoded<typeof TOKEN>

/** REPORT ALL ROD TOKENS tells so much of a token. */
const MANAGEMENT_TOKEN_BYTES = 96

export interface RodToken extends Omit<TokenFields, 'length' | 'creator' | 'rest'> {
  readonly creator: CscdDescriptor
  /** SCSI device that made it. */
  readonly targetDevice: Designator
  /** What nobody can guess; it fills what the target device leaves of 384 bytes. */
  readonly secret: Buffer
}

/** A designator longer than its place is cut: no copy manager but its own reads it. */
export function encodeRodToken({ creator, targetDevice, secret, ...fields }: RodToken): Buffer {
  const rest = Buffer.alloc(384)
  const device = encodeDesignator(targetDevice).subarray(0, TARGET_DEVICE_BYTES)
  device.copy(rest)
  secret.copy(rest, TARGET_DEVICE_BYTES)
  return TOKEN.encode({ ...fields, length: ROD_TOKEN_LENGTH, creator: encodeCscd(creator), rest })
}

/** TARGET DEVICE DESCRIPTOR takes 128 bytes, so that the rest is 256 bytes that nobody can guess. */
const TARGET_DEVICE_BYTES = 128
export const ROD_TOKEN_SECRET_BYTES = 384 - TARGET_DEVICE_BYTES

export type RodTokenFields = Pick<
  TokenFields,
  'type' | 'length' | 'identifier' | 'representedBytes' | 'blockLength' | 'logicalBlocksPerPhysicalExponent'
>

/** What any token says of itself; whether it is true, its copy manager alone knows. Throws a WireError when it is cut. */
export function decodeRodToken(source: Buffer): RodTokenFields {
  return TOKEN.decode(source)
}

/** The token that stands for zeroes, as many as one likes (SBC-3 4.28.4). */
export const blockDeviceZeroToken = (): Buffer =>
  TOKEN.encode({ type: ROD_TYPE.BLOCK_DEVICE_ZERO, length: ROD_TOKEN_LENGTH })

const ALL_TOKENS = layout('REPORT ALL ROD TOKENS parameter data', 'SPC-4 6.30', 8, [u32('availableData'), reserved(32)])

export function encodeAllRodTokens(tokens: readonly Buffer[]): Buffer {
  const list = tokens.map((token) => token.subarray(0, MANAGEMENT_TOKEN_BYTES))
  const availableData = ALL_TOKENS.size - 4 + MANAGEMENT_TOKEN_BYTES * list.length
  return Buffer.concat([ALL_TOKENS.encode({ availableData }), ...list])
}

/** ROD management tokens, 96 bytes each. Throws a WireError when the list is cut. */
export function decodeAllRodTokens(source: Buffer): Buffer[] {
  const end = 4 + ALL_TOKENS.decode(source).availableData
  if (end > source.length || end < ALL_TOKENS.size || (end - ALL_TOKENS.size) % MANAGEMENT_TOKEN_BYTES !== 0)
    throw new WireError(ALL_TOKENS.name, 'availableData', 0, 'bad length', `${source.length} of ${end} bytes`)
  const tokens: Buffer[] = []
  for (let at = ALL_TOKENS.size; at < end; at += MANAGEMENT_TOKEN_BYTES)
    tokens.push(source.subarray(at, at + MANAGEMENT_TOKEN_BYTES))
  return tokens
}
