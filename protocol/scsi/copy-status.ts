// RECEIVE COPY STATUS(LID1) parameter data (SPC-4 6.24): how far an EXTENDED COPY has come.

import { bits, flag, u8, u16, u32 } from '../wire/fields.ts'
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
