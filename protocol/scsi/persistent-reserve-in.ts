// PERSISTENT RESERVE IN parameter data (SPC-4 6.15.2 to 6.15.5): the registered keys, the reservation, what the device server
// can do, and the full status of every registration.

import { bits, flag, ignored, reserved, u16, u32, u64 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'
import { decodeTransportId, encodeTransportId, type TransportId } from './transport-id.ts'

/** SPC-4 table 183. */
export const PERSISTENT_RESERVATION_TYPE = {
  WRITE_EXCLUSIVE: 0x1,
  EXCLUSIVE_ACCESS: 0x3,
  WRITE_EXCLUSIVE_REGISTRANTS_ONLY: 0x5,
  EXCLUSIVE_ACCESS_REGISTRANTS_ONLY: 0x6,
  WRITE_EXCLUSIVE_ALL_REGISTRANTS: 0x7,
  EXCLUSIVE_ACCESS_ALL_REGISTRANTS: 0x8,
} as const

/** SCOPE (SPC-4 table 182): there is no other any more. */
export const LU_SCOPE = 0x0

const HEADER = layout('PERSISTENT RESERVE IN parameter data', 'SPC-4 6.15', 8, [
  u32('generation'), // 0-3, PRGENERATION
  u32('additionalLength'), // 4-7, of what follows, also where the allocation length has cut it
])

const KEY_BYTES = 8

export interface ReadKeys {
  readonly generation: number
  readonly keys: readonly bigint[]
}

export function encodeReadKeys({ generation, keys }: ReadKeys): Buffer {
  const data = Buffer.alloc(HEADER.size + KEY_BYTES * keys.length)
  HEADER.encode({ generation, additionalLength: KEY_BYTES * keys.length }, data)
  for (const [index, key] of keys.entries()) data.writeBigUInt64BE(key, HEADER.size + KEY_BYTES * index)
  return data
}

/** The keys that arrived whole. A cut header is a WireError. */
export function decodeReadKeys(source: Buffer): ReadKeys {
  const { generation, additionalLength } = HEADER.decode(source)
  const end = Math.min(source.length, HEADER.size + additionalLength)
  const keys: bigint[] = []
  for (let at = HEADER.size; at + KEY_BYTES <= end; at += KEY_BYTES) keys.push(source.readBigUInt64BE(at))
  return { generation, keys }
}

const RESERVATION = layout('READ RESERVATION parameter data', 'SPC-4 6.15.3', 16, [
  u64('key'), // 8-15 of the whole; zero where every registrant holds the reservation
  ignored(32),
  reserved(8),
  bits(4, 'scope'),
  bits(4, 'type'), // 21
  ignored(16),
])

export interface ReadReservation {
  readonly generation: number
  readonly reservation?: Decoded<typeof RESERVATION>
}

export function encodeReadReservation({ generation, reservation }: ReadReservation): Buffer {
  const header = HEADER.encode({ generation, additionalLength: reservation ? RESERVATION.size : 0 })
  return reservation ? Buffer.concat([header, RESERVATION.encode(reservation)]) : header
}

/** Throws a WireError when the data are cut. */
export function decodeReadReservation(source: Buffer): ReadReservation {
  const { generation, additionalLength } = HEADER.decode(source)
  return additionalLength === 0
    ? { generation }
    : { generation, reservation: RESERVATION.decode(source.subarray(HEADER.size)) }
}

const CAPABILITIES = layout('REPORT CAPABILITIES parameter data', 'SPC-4 6.15.4', 8, [
  u16('length', 8), // 0-1
  flag('rlrC'), // 2, replace lost reservation
  reserved(2),
  flag('crh'),
  flag('sipC'),
  flag('atpC'),
  reserved(1),
  flag('ptplC'),
  flag('tmv'), // 3
  bits(3, 'allowCommands'),
  reserved(3),
  flag('ptplA'),
  flag('wrExAr'), // 4, the type mask
  flag('exAcRo'),
  flag('wrExRo'),
  reserved(1),
  flag('exAc'),
  reserved(1),
  flag('wrEx'),
  reserved(1),
  reserved(7), // 5
  flag('exAcAr'),
  reserved(16),
])

/**
 * ALLOW COMMANDS 011b (SPC-4 table 180): TEST UNIT READY passes all persistent reservations; MODE SENSE, READ BUFFER, RECEIVE
 * COPY RESULTS, RECEIVE DIAGNOSTIC RESULTS, REPORT SUPPORTED OPERATION CODES and the like pass Write Exclusive ones.
 */
export const ALLOWED_THROUGH_WRITE_EXCLUSIVE = 0x3

export type PersistentReserveCapabilities = Decoded<typeof CAPABILITIES>

export const encodeReportCapabilities = (capabilities: PersistentReserveCapabilities): Buffer =>
  CAPABILITIES.encode(capabilities)

/** Throws a WireError when the data are cut. */
export const decodeReportCapabilities = (source: Buffer): PersistentReserveCapabilities => CAPABILITIES.decode(source)

const STATUS_DESCRIPTOR = layout('full status descriptor', 'SPC-4 6.15.5', 24, [
  u64('key'), // 0-7
  reserved(32),
  reserved(6),
  flag('allTgPt'),
  flag('rHolder'), // 12
  bits(4, 'scope'),
  bits(4, 'type'), // 13
  reserved(32),
  u16('relativeTargetPort'), // 18-19
  u32('additionalDescriptorLength'), // 20-23, of the TransportID
])

export interface FullStatus extends Omit<Decoded<typeof STATUS_DESCRIPTOR>, 'additionalDescriptorLength'> {
  readonly transportId: TransportId
}

export interface ReadFullStatus {
  readonly generation: number
  readonly registrations: readonly FullStatus[]
}

export function encodeReadFullStatus({ generation, registrations }: ReadFullStatus): Buffer {
  const descriptors = registrations.flatMap(({ transportId, ...fields }) => {
    const id = encodeTransportId(transportId)
    return [STATUS_DESCRIPTOR.encode({ ...fields, additionalDescriptorLength: id.length }), id]
  })
  const body = Buffer.concat(descriptors)
  return Buffer.concat([HEADER.encode({ generation, additionalLength: body.length }), body])
}

/**
 * The descriptors that arrived whole. Throws a WireError for a cut header, and for a TransportID that is none of iSCSI's.
 */
export function decodeReadFullStatus(source: Buffer): ReadFullStatus {
  const { generation, additionalLength } = HEADER.decode(source)
  const end = Math.min(source.length, HEADER.size + additionalLength)
  const registrations: FullStatus[] = []
  for (let at = HEADER.size; at + STATUS_DESCRIPTOR.size <= end; ) {
    const { additionalDescriptorLength, ...fields } = STATUS_DESCRIPTOR.decode(source, at)
    const idAt = at + STATUS_DESCRIPTOR.size
    at = idAt + additionalDescriptorLength
    if (at > end) break
    registrations.push({ ...fields, transportId: transportIdAt(source.subarray(0, at), idAt) })
  }
  return { generation, registrations }
}

function transportIdAt(source: Buffer, at: number): TransportId {
  const { offset: _, length: __, ...id } = decodeTransportId(source, at)
  return id
}
