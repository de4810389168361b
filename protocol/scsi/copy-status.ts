// RECEIVE COPY STATUS(LID1), RECEIVE COPY DATA(LID1) and RECEIVE COPY FAILURE DETAILS(LID1) parameter data (SPC-4 6.24, 6.21,
// 6.22): how far an EXTENDED COPY has come, what it has held for the initiator, and why it failed.

import { WireError } from '../wire/error.ts'
import { bits, flag, reserved, u8, u16, u32 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'

const STATUS_DATA = layout('RECEIVE COPY STATUS(LID1) parameter data', 'SPC-4 6.24', 12, [
  u32('availableData'), // 0-3, of what follows
  flag('hdd'), // HELD DATA DISCARDED
  bits(7, 'status'), // 4, COPY COMMAND STATUS
  u16('segments'), // 5-6, SEGMENTS PROCESSED
  u8('unit'), // 7, TRANSFER COUNT UNITS
  u32('transferCount'), // 8-11
])

/** COPY COMMAND STATUS. */
export const COPY_STATUS = { running: 0x00, completed: 0x01, failed: 0x02 } as const

/** TRANSFER COUNT UNITS: each is 1,024 of the one before (SPC-4 table 211). */
const UNIT = 1024
const MAX_COUNT = 0xffff_ffff
const MAX_UNIT = 6 // exbibytes

export interface CopyStatus {
  readonly status: number
  readonly segments: number
  /** Bytes; sent in the smallest unit that can hold them, rounded down. */
  readonly transferred: number
}

export function encodeCopyStatus({ status, segments, transferred }: CopyStatus): Buffer {
  let unit = 0
  let transferCount = transferred
  while (transferCount > MAX_COUNT && unit < MAX_UNIT) {
    transferCount = Math.floor(transferCount / UNIT)
    unit++
  }
  return STATUS_DATA.encode({ availableData: STATUS_DATA.size - 4, status, segments, unit, transferCount })
}

/** Throws a WireError when it is cut. */
export function decodeCopyStatus(source: Buffer): CopyStatus {
  const { status, segments, unit, transferCount }: Decoded<typeof STATUS_DATA> = STATUS_DATA.decode(source)
  return { status, segments, transferred: transferCount * UNIT ** unit }
}

const DATA = layout('RECEIVE COPY DATA(LID1) parameter data', 'SPC-4 6.21', 4, [u32('availableData')])

export const encodeCopyData = (held: Buffer): Buffer =>
  Buffer.concat([DATA.encode({ availableData: held.length }), held])

/** Throws a WireError when the held data are cut. */
export function decodeCopyData(source: Buffer): Buffer {
  const end = DATA.size + DATA.decode(source).availableData
  if (end > source.length) throw new WireError(DATA.name, 'availableData', 0, 'truncated', `${source.length} bytes`)
  return source.subarray(DATA.size, end)
}

const FAILURE = layout('RECEIVE COPY FAILURE DETAILS(LID1) parameter data', 'SPC-4 6.22', 60, [
  u32('availableData'), // 0-3, of what follows
  reserved(416),
  u8('status'), // 56, EXTENDED COPY COMMAND STATUS
  reserved(8),
  u16('senseDataLength'), // 58-59
])

export interface CopyFailure {
  /** The SCSI status that the EXTENDED COPY ended with. */
  readonly status: number
  readonly sense: Buffer
}

/** Of a copy that has no details, or has told them: nothing but a length of zero. */
export const encodeNoCopyFailure = (): Buffer => Buffer.alloc(4)

export function encodeCopyFailure({ status, sense }: CopyFailure): Buffer {
  const availableData = FAILURE.size - 4 + sense.length
  return Buffer.concat([FAILURE.encode({ availableData, status, senseDataLength: sense.length }), sense])
}

/** Undefined where there are no details. Throws a WireError when it is cut. */
export function decodeCopyFailure(source: Buffer): CopyFailure | undefined {
  if (source.length >= 4 && source.readUInt32BE(0) === 0) return undefined
  const { status, senseDataLength } = FAILURE.decode(source)
  const end = FAILURE.size + senseDataLength
  if (end > source.length)
    throw new WireError(FAILURE.name, 'senseDataLength', 58, 'truncated', `${source.length} bytes`)
  return { status, sense: source.subarray(FAILURE.size, end) }
}
