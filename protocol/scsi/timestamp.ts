// REPORT TIMESTAMP and SET TIMESTAMP parameter data (SPC-4 6.38, 6.46): milliseconds since 1970-01-01 00:00:00 UTC.

import { bits, bytes, reserved, u16 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'

const REPORT = layout('REPORT TIMESTAMP parameter data', 'SPC-4 6.38', 12, [
  u16('parameterDataLength', 10), // 0-1, of what follows
  reserved(5),
  bits(3, 'origin'), // 2
  reserved(8),
  bytes(6, 'timestamp'), // 4-9
  reserved(16),
])

/** SET TIMESTAMP parameter list (SPC-4 6.46). */
export const TIMESTAMP_LIST = layout('SET TIMESTAMP parameter list', 'SPC-4 6.46', 12, [
  reserved(32),
  bytes(6, 'timestamp'), // 4-9
  reserved(16),
])

/** TIMESTAMP ORIGIN (SPC-4 table 57). */
export const TIMESTAMP_ORIGIN = { POWER_ON: 0, SET_TIMESTAMP: 2, OTHER: 3 } as const

export interface Timestamp {
  readonly origin: number
  /** 48 bits. */
  readonly milliseconds: number
}

export const encodeTimestamp = ({ origin, milliseconds }: Timestamp): Buffer =>
  REPORT.encode({ origin, timestamp: sixBytes(milliseconds) })

/** Throws a WireError when it is cut. */
export function decodeTimestamp(source: Buffer): Timestamp {
  const { origin, timestamp } = REPORT.decode(source)
  return { origin, milliseconds: timestamp.readUIntBE(0, 6) }
}

export const encodeTimestampList = (milliseconds: number): Buffer =>
  TIMESTAMP_LIST.encode({ timestamp: sixBytes(milliseconds) })

/** Throws a WireError when it is cut. */
export const decodeTimestampList = (source: Buffer): number => TIMESTAMP_LIST.decode(source).timestamp.readUIntBE(0, 6)

function sixBytes(value: number): Buffer {
  const field = Buffer.alloc(6)
  field.writeUIntBE(value, 0, 6)
  return field
}
