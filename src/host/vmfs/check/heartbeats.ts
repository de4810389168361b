// The heartbeat slots (vmfs-format.md, 4) and the journals that they name. Who is said to be dead here is a process of this
// machine that has ended: of another host nothing is known, and what it holds is left alone.

import { VmfsError } from '../errors.ts'
import { isEndedProcess } from '../host-identity.ts'
import { lockModeOf } from '../lock-mode.ts'
import { CURE, strandedHosts, strandedText } from '../locking-mode.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from '../structures/heartbeat.ts'
import { decodeJournalRecord, type JournalBounds, journalRecordLength } from '../structures/journal.ts'
import type { ValuesOf } from '../structures/structure.ts'
import { NIL_UUID } from '../structures/uuid.ts'
import type { Volume } from '../volume.ts'
import type { CheckContext, Mend } from './findings.ts'
import { formatAddress } from './report.ts'

type Fields = ValuesOf<typeof HEARTBEAT.fields>

export interface Slot extends Fields {
  readonly slotOffset: number
}

const READ_BYTES = 1024 * 1024

/** @returns the slots, those that are in use and those that are free, by their offset in the volume */
export async function checkHeartbeats(context: CheckContext): Promise<Map<number, Slot>> {
  const { findings, volume } = context
  const slots = new Map<number, Slot>()
  for await (const slot of readSlots(volume)) {
    const { slotOffset, state, offset, owner } = slot
    const add = (
      name: 'heartbeat state' | 'heartbeat offset',
      message: string,
      repair: string,
      values: Partial<Fields>,
    ) => findings.add({ name, volumeOffset: slotOffset, message, repair }, rewrite(name, slot, values))
    if (offset !== slotOffset)
      add('heartbeat offset', `a heartbeat slot says that it stands at byte ${offset}`, 'the slot is told its place', {
        offset: slotOffset,
      })
    const known = state === HEARTBEAT_STATE.free || state === HEARTBEAT_STATE.used
    if (!known || (state === HEARTBEAT_STATE.used && owner === NIL_UUID))
      add(
        'heartbeat state',
        known ? 'a heartbeat slot is in use by nobody' : `a heartbeat slot has the state ${formatAddress(state)}`,
        'the slot is made free',
        FREE,
      )
    else {
      slots.set(slotOffset, slot)
      if (isInUse(slot) && isEndedProcess(owner)) await checkDead(context, slot)
    }
  }
  for (const slot of strandedHosts(volume, [...slots.values()].filter(isInUse))) {
    const message = `${strandedText(slot, lockModeOf(volume).mode)}: ${CURE}`
    findings.add({ name: 'stranded host', volumeOffset: slot.slotOffset, message })
  }
  return slots
}

export const isInUse = ({ state, owner }: Slot): boolean => state === HEARTBEAT_STATE.used && owner !== NIL_UUID

export async function heartbeatsInUse(volume: Volume): Promise<Slot[]> {
  const used: Slot[] = []
  for await (const slot of readSlots(volume)) if (isInUse(slot)) used.push(slot)
  return used
}

const FREE: Partial<Fields> = { state: HEARTBEAT_STATE.free, owner: NIL_UUID, journalAddress: 0, journalOffset: 0 }

/** All slots as they are, those as well that no host could have written. */
async function* readSlots({ version, logical }: Volume): AsyncGenerator<Slot> {
  const { slots, slotBytes } = version.heartbeats
  const end = HEARTBEAT_OFFSET + slots * slotBytes
  for (let start = HEARTBEAT_OFFSET; start < end; start += READ_BYTES) {
    const part = await logical.read(start, Math.min(READ_BYTES, end - start))
    for (let at = 0; at < part.length; at += slotBytes) yield { ...HEARTBEAT.decode(part, at), slotOffset: start + at }
  }
}

/** Whoever opens the volume for writing replays the journal before anything else. */
async function checkDead(
  { volume, findings }: CheckContext,
  { slotOffset, owner, journalOffset }: Slot,
): Promise<void> {
  findings.add({
    name: 'heartbeat of a dead host',
    volumeOffset: slotOffset,
    message: `host ${owner} has the volume open, and is a process of this machine that has ended`,
    repair: 'its journal is replayed and its slot made free',
  })
  if (journalOffset === 0) return
  const pending = await pendingImages(volume, journalOffset)
  if (pending === undefined)
    findings.add({
      name: 'journal unreadable',
      volumeOffset: journalOffset,
      message: `the journal of host ${owner} holds no record that Lunette wrote`,
    })
  else if (pending > 0)
    findings.add({
      name: 'journal unapplied',
      volumeOffset: journalOffset,
      message: `the journal of host ${owner} holds a change of ${pending} sectors that the volume does not show`,
      repair: 'it is carried out',
    })
}

/** How many sectors a journal's record would change; undefined where it cannot be read. */
async function pendingImages(volume: Volume, offset: number): Promise<number | undefined> {
  const { logical } = volume
  const bounds = boundsOf(volume)
  try {
    const length = journalRecordLength(await logical.read(offset, bounds.sectorBytes), bounds)
    if (length === undefined) return undefined
    let pending = 0
    for (const { volumeOffset, data } of decodeJournalRecord(await logical.read(offset, length), bounds)?.images ?? [])
      if (!(await logical.read(volumeOffset, data.length)).equals(data)) pending++
    return pending
  } catch (error) {
    if (error instanceof VmfsError && error.problem === 'damaged') return undefined
    throw error
  }
}

function boundsOf({ version, logical }: Volume): JournalBounds {
  return { journalBytes: version.journals.bytes, sectorBytes: version.sectorBytes, volumeBytes: logical.size }
}

/** Slots are outside of every transaction: a host writes its own. */
function rewrite(what: string, slot: Slot, values: Partial<Fields>): Mend {
  return {
    phase: 'hosts',
    key: `${what} ${slot.slotOffset}`,
    async run({ volume }) {
      const { logical, version } = volume
      const image = await logical.read(slot.slotOffset, version.heartbeats.slotBytes)
      await logical.write(slot.slotOffset, HEARTBEAT.encode(values, image))
      await logical.flush()
    },
  }
}
