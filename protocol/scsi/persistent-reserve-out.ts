// PERSISTENT RESERVE OUT parameter lists: the basic one (SPC-4 6.16.3), with TransportIDs behind it where SPEC_I_PT is one,
// and that of REGISTER AND MOVE (SPC-4 6.16.4).

import { WireError } from '../wire/error.ts'
import { flag, ignored, reserved, u16, u32, u64 } from '../wire/fields.ts'
import { type Decoded, type Layout, layout } from '../wire/layout.ts'
import { decodeTransportId, encodeTransportId, type PlacedTransportId, type TransportId } from './transport-id.ts'

export const PERSISTENT_RESERVE_OUT_LIST = layout('PERSISTENT RESERVE OUT parameter list', 'SPC-4 6.16.3', 24, [
  u64('reservationKey'), // 0-7
  u64('serviceActionReservationKey'), // 8-15
  ignored(32),
  reserved(4),
  flag('specIPt'), // 20
  flag('allTgPt'),
  reserved(1),
  flag('aptpl'),
  reserved(8),
  ignored(16),
])

const ADDITIONAL = layout('PERSISTENT RESERVE OUT additional parameter data', 'SPC-4 6.16.3', 4, [
  u32('transportIdLength'), // 24-27 of the whole, TRANSPORTID PARAMETER DATA LENGTH
])

export const REGISTER_AND_MOVE_LIST = layout('REGISTER AND MOVE parameter list', 'SPC-4 6.16.4', 24, [
  u64('reservationKey'), // 0-7
  u64('serviceActionReservationKey'), // 8-15
  reserved(8),
  reserved(6),
  flag('unreg'), // 17
  flag('aptpl'),
  u16('relativeTargetPort'), // 18-19
  u32('transportIdLength'), // 20-23
])

type Basic = Decoded<typeof PERSISTENT_RESERVE_OUT_LIST>
export interface PersistentReserveOutList<Id = PlacedTransportId> extends Basic {
  /** None where SPEC_I_PT is zero. */
  readonly transportIds: readonly Id[]
}

type Move = Omit<Decoded<typeof REGISTER_AND_MOVE_LIST>, 'transportIdLength'>
export interface RegisterAndMoveList<Id = PlacedTransportId> extends Move {
  readonly transportId: Id
}

export function encodePersistentReserveOut({
  transportIds = [],
  ...fields
}: Partial<PersistentReserveOutList<TransportId>>): Buffer {
  const basic = PERSISTENT_RESERVE_OUT_LIST.encode(fields)
  if (!fields.specIPt) return basic
  const ids = Buffer.concat(transportIds.map(encodeTransportId))
  return Buffer.concat([basic, ADDITIONAL.encode({ transportIdLength: ids.length }), ids])
}

/**
 * Throws a WireError: 'truncated' or 'too large' for a list that is not as long as its fields say, otherwise with the offset
 * of what is wrong.
 */
export function decodePersistentReserveOut(source: Buffer): PersistentReserveOutList {
  const fields = PERSISTENT_RESERVE_OUT_LIST.decode(source)
  requireReserved(PERSISTENT_RESERVE_OUT_LIST, source)
  const { size } = PERSISTENT_RESERVE_OUT_LIST
  if (!fields.specIPt) {
    requireLength(source, size)
    return { ...fields, transportIds: [] }
  }
  const { transportIdLength } = ADDITIONAL.decode(source, size)
  requireLength(source, size + ADDITIONAL.size + transportIdLength)
  const transportIds: PlacedTransportId[] = []
  for (let at = size + ADDITIONAL.size; at < source.length; at += transportIds.at(-1)!.length)
    transportIds.push(wholeTransportId(source, at, size))
  return { ...fields, transportIds }
}

export function encodeRegisterAndMove({ transportId, ...fields }: RegisterAndMoveList<TransportId>): Buffer {
  const id = encodeTransportId(transportId)
  return Buffer.concat([REGISTER_AND_MOVE_LIST.encode({ ...fields, transportIdLength: id.length }), id])
}

/** Throws a WireError like `decodePersistentReserveOut`. */
export function decodeRegisterAndMove(source: Buffer): RegisterAndMoveList {
  const { transportIdLength, ...fields } = REGISTER_AND_MOVE_LIST.decode(source)
  requireReserved(REGISTER_AND_MOVE_LIST, source)
  const { size } = REGISTER_AND_MOVE_LIST
  requireLength(source, size + transportIdLength)
  const lengthAt = REGISTER_AND_MOVE_LIST.at('transportIdLength').byte
  const transportId = wholeTransportId(source, size, lengthAt)
  if (transportId.length !== transportIdLength)
    throw new WireError(REGISTER_AND_MOVE_LIST.name, 'transportIdLength', lengthAt, 'bad length')
  return { ...fields, transportId }
}

/** A length that cuts a TransportID is itself what is wrong (SPC-4 6.16.3). */
function wholeTransportId(source: Buffer, at: number, lengthAt: number): PlacedTransportId {
  try {
    return decodeTransportId(source, at)
  } catch (error) {
    if (!(error instanceof WireError) || error.problem !== 'truncated') throw error
    throw new WireError(error.structure, 'transportIdLength', lengthAt, 'bad length')
  }
}

function requireLength(source: Buffer, length: number): void {
  if (source.length === length) return
  const problem = source.length < length ? 'truncated' : 'too large'
  throw new WireError(PERSISTENT_RESERVE_OUT_LIST.name, 'length', 0, problem, `${source.length} bytes, not ${length}`)
}

function requireReserved(list: Layout, source: Buffer): void {
  const set = list.reservedBit(source)
  if (set) throw new WireError(list.name, 'reserved', set.byte, 'bad value')
}
