// What becomes of a heartbeat slot's image (notes, 4): taken, beaten, being replayed by another host, cleared. A slot that is being
// replayed stays in use, since tools know no third state, and names the host that replays it.

import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from '../structures/heartbeat.ts'
import { NIL_UUID } from '../structures/uuid.ts'
import { VERSIONS } from '../version.ts'
import { type Holder, sameHolder } from './lock-images.ts'

/** What a slot says of its host besides its life. */
export interface SlotOwner {
  readonly host: string
  /** Its address as text; unknown without it. */
  readonly ip?: string
  readonly journalAddress: number
  readonly journalOffset: number
  readonly driverMajor: number
  readonly driverMinor: number
}

interface LocksBy {
  readonly lockImplementation: number
}

type Fields = Partial<ReturnType<typeof HEARTBEAT.decode>>

const NOT_REPLAYED: Fields = { replayHost: NIL_UUID, replayHeartbeat: 0, replayGeneration: 0n }

/** @returns nothing when the slot is in use */
export function taken(
  image: Buffer,
  slotOffset: number,
  owner: SlotOwner & LocksBy,
  stampUs: bigint,
): Buffer | undefined {
  const { state, generation } = HEARTBEAT.decode(image)
  if (state !== HEARTBEAT_STATE.free) return undefined
  const { host, ip = '', ...rest } = owner
  return changed(image, {
    ...{ state: HEARTBEAT_STATE.used, offset: slotOffset, generation: generation + 1n, stampUs, owner: host },
    ...{ ip, ...rest, ...NOT_REPLAYED },
  })
}

/** Where its host keeps its journal from now on, and how it locks. */
export const withJournal = (
  image: Buffer,
  journalAddress: number,
  journalOffset: number,
  lockImplementation: number,
): Buffer => changed(image, { journalAddress, journalOffset, lockImplementation })

/** Beaten by its owner, whoever had begun to replay it. */
export const beaten = (image: Buffer, stampUs: bigint): Buffer => changed(image, { stampUs, ...NOT_REPLAYED })

export function replaying(image: Buffer, by: Holder): Buffer {
  const { host: replayHost, heartbeatOffset: replayHeartbeat, heartbeatGeneration: replayGeneration } = by
  return changed(image, { replayHost, replayHeartbeat, replayGeneration })
}

/** As it was before anybody had begun to replay it. */
export const notReplayed = (image: Buffer): Buffer => changed(image, NOT_REPLAYED)

/** Free for the next host. `after` a replay its generation is another one, by which the locks of it are known to be free. */
export function cleared(image: Buffer, after: 'own end' | 'replay'): Buffer {
  const { generation } = HEARTBEAT.decode(image)
  return changed(image, {
    ...{ state: HEARTBEAT_STATE.free, owner: NIL_UUID, journalAddress: 0, journalOffset: 0, ...NOT_REPLAYED },
    generation: after === 'replay' ? generation + 1n : generation,
  })
}

export const stampOf = (image: Buffer): bigint => HEARTBEAT.decode(image).stampUs
export const journalOffsetOf = (image: Buffer): number => HEARTBEAT.decode(image).journalOffset

/** Whose slot it is now; nothing for a free one. */
export function occupantOf(image: Buffer, slotOffset: number): Holder | undefined {
  const { state, owner, generation } = HEARTBEAT.decode(image)
  if (state !== HEARTBEAT_STATE.used) return undefined
  return { host: owner, heartbeatOffset: slotOffset, heartbeatGeneration: generation }
}

/** Who replays the journal of the slot's host; nobody where it lives, or is not known to be dead, or what is named is no slot. */
export function replayerOf(image: Buffer): Holder | undefined {
  const { replayHost, replayHeartbeat, replayGeneration } = HEARTBEAT.decode(image)
  if (replayHost === NIL_UUID || !isSlot(replayHeartbeat)) return undefined
  return { host: replayHost, heartbeatOffset: replayHeartbeat, heartbeatGeneration: replayGeneration }
}

const SLOT_BYTES = Math.min(...VERSIONS.map(({ heartbeats }) => heartbeats.slotBytes))
const REGION_BYTES = Math.max(...VERSIONS.map(({ heartbeats: { slots, slotBytes } }) => slots * slotBytes))
const isSlot = (offset: number): boolean =>
  offset >= HEARTBEAT_OFFSET && offset < HEARTBEAT_OFFSET + REGION_BYTES && offset % SLOT_BYTES === 0

/** Whether a slot is the holder's own, and nobody replays it. */
export function isUntouched(image: Buffer, own: Holder): boolean {
  const occupant = occupantOf(image, own.heartbeatOffset)
  return occupant !== undefined && sameHolder(occupant, own) && replayerOf(image) === undefined
}

const changed = (image: Buffer, values: Fields): Buffer => HEARTBEAT.encode(values, Buffer.from(image))
