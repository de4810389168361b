// The heartbeat slots of a volume (notes, 4): each host that has it open for writing owns one, which names the host's journal. Here
// they are read, taken and given back by plain reads and writes, as a tool does that has the volume for itself.

import { uptime } from 'node:os'
import { crc32c } from '@node-rs/crc32'
import { VmfsError } from './errors.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from './structures/heartbeat.ts'
import type { ValuesOf } from './structures/structure.ts'
import { encodeUuid, NIL_UUID } from './structures/uuid.ts'
import type { VolumeIo } from './transaction.ts'
import type { VmfsVersion } from './version.ts'

export type Heartbeat = ValuesOf<typeof HEARTBEAT.fields> & {
  /** Where the slot is found in the volume, whatever it says itself. */
  readonly slotOffset: number
}

/** Where a host keeps its journal. */
export interface JournalPlace {
  /** As the slot names it: of a file block on VMFS5, of a journal block on VMFS6. */
  readonly address: number
  /** Bytes of the volume. */
  readonly offset: number
}

const READ_BYTES = 1024 * 1024

/** A slot as it was read, and not looked into: most of thousands are free. */
export interface RawSlot {
  readonly slotOffset: number
  readonly isUsed: boolean
  readonly image: Buffer
}

/** All slots, in order. @throws VmfsError 'damaged' for one that is neither free nor used */
export async function readSlots(volume: Pick<VolumeIo, 'read'>, { heartbeats }: VmfsVersion): Promise<RawSlot[]> {
  const { slots, slotBytes } = heartbeats
  const result: RawSlot[] = []
  for (let at = 0; at < slots * slotBytes; at += READ_BYTES) {
    const part = await volume.read(HEARTBEAT_OFFSET + at, Math.min(READ_BYTES, slots * slotBytes - at))
    for (let from = 0; from < part.length; from += slotBytes)
      result.push(rawSlot(part.subarray(from, from + slotBytes), HEARTBEAT_OFFSET + at + from))
  }
  return result
}

export const decodeSlot = ({ image, slotOffset }: RawSlot): Heartbeat => ({ ...HEARTBEAT.decode(image), slotOffset })

/** Of the hosts that have the volume open, or had it when they were cut off. @throws VmfsError 'damaged' */
export async function readHeartbeats(volume: Pick<VolumeIo, 'read'>, version: VmfsVersion): Promise<Heartbeat[]> {
  return (await readSlots(volume, version)).filter(({ isUsed }) => isUsed).map(decodeSlot)
}

/** The slot to take for this host: hosts that come at the same time start at different ones. */
export function chooseSlot(slots: readonly RawSlot[], host: string): Heartbeat {
  const start = crc32c(encodeUuid(host))
  for (let index = 0; index < slots.length; index++) {
    const slot = slots[(start + index) % slots.length]!
    if (!slot.isUsed) return decodeSlot(slot)
  }
  throw new VmfsError('in use', `all ${slots.length} heartbeat slots of the volume are in use`)
}

/** Writes the slot as this host's, with the next generation and no journal yet. */
export async function takeSlot(
  volume: VolumeIo,
  version: VmfsVersion,
  slot: Heartbeat,
  { host, lockImplementation }: { readonly host: string; readonly lockImplementation: number },
): Promise<Heartbeat> {
  const taken: Heartbeat = {
    ...slot,
    state: HEARTBEAT_STATE.used,
    offset: slot.slotOffset,
    generation: slot.generation + 1n,
    stampUs: BigInt(Math.round(uptime() * 1e6)),
    owner: host,
    ip: '',
    journalAddress: 0,
    journalOffset: 0,
    driverMajor: version.major,
    driverMinor: version.minor,
    lockImplementation,
  }
  await writeSlot(volume, version, taken)
  return taken
}

/** Tells whoever finds the slot where its host's journal is. */
export async function nameJournal(
  volume: VolumeIo,
  version: VmfsVersion,
  slot: Heartbeat,
  journal: JournalPlace,
): Promise<Heartbeat> {
  const named = { ...slot, journalAddress: journal.address, journalOffset: journal.offset }
  await writeSlot(volume, version, named)
  return named
}

/** Gives a slot back: generation, stamp and address stay for the next owner to go on from. */
export async function freeSlot(volume: VolumeIo, version: VmfsVersion, slot: Heartbeat): Promise<void> {
  const { free } = HEARTBEAT_STATE
  await writeSlot(volume, version, { ...slot, state: free, owner: NIL_UUID, journalAddress: 0, journalOffset: 0 })
}

async function writeSlot(volume: VolumeIo, { heartbeats }: VmfsVersion, slot: Heartbeat): Promise<void> {
  await volume.write(slot.slotOffset, HEARTBEAT.encode(slot, Buffer.alloc(heartbeats.slotBytes)))
  await volume.flush()
}

function rawSlot(image: Buffer, slotOffset: number): RawSlot {
  const state = HEARTBEAT.fields.state.read(image, 0)
  const { free, used } = HEARTBEAT_STATE
  if (state !== free && state !== used)
    throw new VmfsError('damaged', `a heartbeat slot has the state 0x${state.toString(16)}`, slotOffset)
  return { slotOffset, isUsed: state === used, image }
}
