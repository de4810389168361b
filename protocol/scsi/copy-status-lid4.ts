// RECEIVE COPY STATUS(LID4), RECEIVE COPY DATA(LID4) and RECEIVE ROD TOKEN INFORMATION (SPC-4 6.25, 6.20, 6.28): one account of
// how far a copy operation has come, followed by nothing, by the held data, or by the ROD tokens that it has made.

import { WireError } from '../wire/error.ts'
import { bits, flag, reserved, u8, u16, u32, u64 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'
import { ROD_TOKEN_BYTES } from './rod-token.ts'

const STATUS_DATA = layout('RECEIVE COPY STATUS(LID4) parameter data', 'SPC-4 6.25', 32, [
  u32('availableData'), // 0-3, of what follows
  reserved(3),
  bits(5, 'responseToServiceAction'), // 4
  flag('hdd'), // HELD DATA DISCARDED
  bits(7, 'status'), // 5, COPY OPERATION STATUS
  u16('operationCounter'), // 6-7
  u32('estimatedStatusUpdateDelay'), // 8-11, ms
  u8('completionStatus'), // 12, EXTENDED COPY COMPLETION STATUS
  u8('senseDataFieldLength'),
  u8('senseDataLength'),
  u8('unit'), // 15, TRANSFER COUNT UNITS
  u64('transferCount'), // 16-23
  u16('segments'), // 24-25, SEGMENTS PROCESSED
  reserved(48),
])

/** COPY OPERATION STATUS (SPC-4 6.25). */
export const COPY_STATUS_LID4 = {
  completed: 0x01,
  failed: 0x02,
  /** By WRITE USING TOKEN, when the token does not stand for as much as its ranges hold (SBC-4 5.25.3). */
  partial: 0x03,
  foreground: 0x11,
  background: 0x12,
  terminated: 0x60,
} as const

/** TRANSFER COUNT UNITS: bytes, or logical blocks of the logical unit that was asked. */
export const TRANSFER_COUNT_UNIT = { BYTES: 0x00, LOGICAL_BLOCKS: 0xf1 } as const

/** ESTIMATED STATUS UPDATE DELAY of an operation that says nothing new any more. */
export const NO_STATUS_UPDATE = 0xffff_fffe

export type CopyStatusLid4 = Omit<
  Decoded<typeof STATUS_DATA>,
  'availableData' | 'hdd' | 'senseDataFieldLength' | 'senseDataLength'
> & {
  /** Of an operation that has failed, else empty. */
  readonly sense: Buffer
}

export interface RodTokenInformation extends CopyStatusLid4 {
  readonly tokens: readonly Buffer[]
}

export const encodeCopyStatusLid4 = (status: CopyStatusLid4): Buffer => encodeStatus(status, Buffer.alloc(0))

/** RECEIVE COPY DATA(LID4): HELD DATA LENGTH and the held data. */
export const encodeCopyDataLid4 = (status: CopyStatusLid4, held: Buffer): Buffer =>
  encodeStatus(status, Buffer.concat([u32Bytes(held.length), held]))

export function encodeRodTokenInformation({ tokens, ...status }: RodTokenInformation): Buffer {
  const idForCreatingRod = Buffer.alloc(TOKEN_AT)
  const descriptors = Buffer.concat(tokens.flatMap((token) => [idForCreatingRod, token]))
  return encodeStatus(status, Buffer.concat([u32Bytes(descriptors.length), descriptors]))
}

function encodeStatus({ sense, ...status }: CopyStatusLid4, rest: Buffer): Buffer {
  const field = Buffer.concat([sense, Buffer.alloc(-sense.length & 3)]) // a multiple of four (SPC-4 6.25)
  const header = STATUS_DATA.encode({
    ...status,
    availableData: STATUS_DATA.size - 4 + field.length + rest.length,
    senseDataFieldLength: field.length,
    senseDataLength: sense.length,
  })
  return Buffer.concat([header, field, rest])
}

/** Throws a WireError when it is cut. */
export function decodeCopyStatusLid4(source: Buffer): CopyStatusLid4 {
  const { availableData: _, hdd: __, senseDataFieldLength, senseDataLength, ...status } = STATUS_DATA.decode(source)
  require(source, 'senseDataFieldLength', 13, STATUS_DATA.size + senseDataFieldLength)
  const length = Math.min(senseDataLength, senseDataFieldLength)
  return { ...status, sense: source.subarray(STATUS_DATA.size, STATUS_DATA.size + length) }
}

/** The held data, which follow HELD DATA LENGTH. Throws a WireError when they are cut. */
export function decodeCopyDataLid4(source: Buffer): CopyStatusLid4 & { readonly held: Buffer } {
  return { ...decodeCopyStatusLid4(source), held: afterStatus(source) }
}

/** Throws a WireError when it is cut, or holds descriptors of another length than that of a token. */
export function decodeRodTokenInformation(source: Buffer): RodTokenInformation {
  const status = decodeCopyStatusLid4(source)
  const descriptors = afterStatus(source)
  if (descriptors.length % DESCRIPTOR_BYTES !== 0)
    throw new WireError('ROD token descriptors', 'ROD TOKEN DESCRIPTORS LENGTH', 0, 'bad length')
  const tokens: Buffer[] = []
  for (let at = 0; at < descriptors.length; at += DESCRIPTOR_BYTES)
    tokens.push(descriptors.subarray(at + TOKEN_AT, at + DESCRIPTOR_BYTES))
  return { ...status, tokens }
}

/** ID FOR CREATING ROD CSCD DESCRIPTOR, zero where POPULATE TOKEN made the token (SBC-3 5.7), stands before each token. */
const TOKEN_AT = 2
const DESCRIPTOR_BYTES = TOKEN_AT + ROD_TOKEN_BYTES

function afterStatus(source: Buffer): Buffer {
  const at = STATUS_DATA.size + source[13]!
  require(source, 'length', at, at + 4)
  const end = at + 4 + source.readUInt32BE(at)
  require(source, 'length', at, end)
  return source.subarray(at + 4, end)
}

function require(source: Buffer, field: string, offset: number, end: number): void {
  if (end > source.length)
    throw new WireError(STATUS_DATA.name, field, offset, 'truncated', `${source.length} of ${end} bytes`)
}

function u32Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
