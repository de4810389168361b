// A host has a volume open for writing as long as a heartbeat slot is its own (notes, 4). Hosts that went without giving theirs
// back have left a journal: it is replayed before anybody writes.

import { VmfsError } from './errors.ts'
import {
  chooseSlot,
  decodeSlot,
  freeSlot,
  type Heartbeat,
  type JournalPlace,
  nameJournal,
  readHeartbeats,
  readSlots,
  takeSlot,
} from './heartbeats.ts'
import { isEndedProcess } from './host-identity.ts'
import { HostJournal, replayJournal } from './journal.ts'
import { freeJournalBlock, takeJournalBlock } from './journal-blocks.ts'
import { lockModeOf } from './lock-mode.ts'
import { implementationOf } from './locking/operations.ts'
import { HEARTBEAT, HEARTBEAT_STATE } from './structures/heartbeat.ts'
import type { JournalBounds } from './structures/journal.ts'
import type { VolumeIo } from './transaction.ts'
import type { Volume } from './volume.ts'

export interface RecoverOptions {
  /**
   * The hosts whose slots are in use are dead, whoever they are: replay their journals and free their slots. On devices that hosts
   * share they are watched first, and one that beats is refused. With 'ended' those alone of which that is known.
   */
  readonly recover?: boolean | 'ended'
}

/** What a host has while it has a volume open for writing. */
export interface OpenSession {
  readonly host: string
  readonly journal: HostJournal
  end(): Promise<void>
}

/** Slots and journals are read from the devices each time: other hosts write to them. Bitmaps go through `io`. */
export class HostSession implements OpenSession {
  readonly host: string
  readonly journal: HostJournal
  readonly #volume: Volume
  readonly #io: VolumeIo
  readonly #slot: Heartbeat

  constructor(volume: Volume, io: VolumeIo, slot: Heartbeat, journal: HostJournal) {
    this.host = slot.owner
    this.journal = journal
    this.#volume = volume
    this.#io = io
    this.#slot = slot
  }

  /**
   * Gives the slot and the journal back. A change that was cut is finished first; where the device does not let it, slot and
   * journal stay for the next host.
   * @throws VmfsError 'in use' when another host has taken this one for dead: slot and journal are not its own any more
   */
  async end(): Promise<void> {
    await this.#io.flush()
    await this.#requireOwnSlot()
    if (this.journal.isInDoubt) await recoverHost(this.#volume, this.#io, this.#slot)
    else await giveBack(this.#volume, this.#io, this.#slot)
  }

  async #requireOwnSlot(): Promise<void> {
    const { logical, version } = this.#volume
    const { slotOffset, owner, generation } = this.#slot
    const now = HEARTBEAT.decode(await logical.read(slotOffset, version.heartbeats.slotBytes))
    if (now.state === HEARTBEAT_STATE.used && now.owner === owner && now.generation === generation) return
    throw new VmfsError(
      'in use',
      `another host has taken host ${owner} for dead while it had the volume open, and its heartbeat slot with it: check the volume`,
      slotOffset,
    )
  }
}

/**
 * Takes a heartbeat slot and a journal for `host`.
 * @throws VmfsError 'in use' while another host has one
 */
export async function beginSession(volume: Volume, io: VolumeIo, host: string): Promise<HostSession> {
  const { version, logical } = volume
  const slots = await readSlots(logical, version)
  requireAlone(slots.filter(({ isUsed }) => isUsed).map(decodeSlot), host)
  const lockImplementation = implementationOf(lockModeOf(volume).mode, true)
  const slot = await takeSlot(logical, version, chooseSlot(slots, host), { host, lockImplementation })
  try {
    // A journal is taken, and written to, by one host alone: whoever came at the same time is gone from here on.
    await requireStillAlone(volume, slot)
    const place = await takeJournalBlock(volume, io)
    const journal = new HostJournal(logical, place.offset, host, journalBounds(volume))
    await journal.start()
    return new HostSession(volume, io, await nameJournal(logical, version, slot, place), journal)
  } catch (error) {
    const [own] = (await readHeartbeats(logical, version)).filter(({ slotOffset }) => slotOffset === slot.slotOffset)
    if (own?.owner === host) await freeSlot(logical, version, slot)
    throw error
  }
}

/**
 * Replays the journals of hosts that are gone, and frees their slots: of those that this kernel knows to have ended, of an earlier
 * run of the host itself, and of all others when they are said to be dead.
 * @returns the hosts
 * @throws VmfsError 'in use' for a host of which nothing is known
 */
export async function recoverHosts(
  volume: Volume,
  io: VolumeIo,
  host: string,
  { recover = false }: RecoverOptions = {},
): Promise<string[]> {
  const used = await readHeartbeats(volume.logical, volume.version)
  const gone = used.filter(({ owner }) => recover === true || owner === host || isEndedProcess(owner))
  requireAlone(
    used.filter((slot) => !gone.includes(slot)),
    host,
  )
  for (const slot of gone) await recoverHost(volume, io, slot)
  return gone.map(({ owner }) => owner)
}

async function recoverHost(volume: Volume, io: VolumeIo, slot: Heartbeat): Promise<void> {
  const { offset } = journalOf(slot)
  if (offset !== 0) {
    await replayJournal(volume.logical, offset, slot.owner, journalBounds(volume))
    volume.cache.clear()
  }
  await giveBack(volume, io, slot)
}

async function giveBack(volume: Volume, io: VolumeIo, slot: Heartbeat): Promise<void> {
  await freeSlot(volume.logical, volume.version, slot)
  const place = journalOf(slot)
  if (place.address !== 0) await freeJournalBlock(volume, io, place)
}

/** Two that came at the same time see each other here, unless they took the same slot, which the later one has then. */
async function requireStillAlone({ logical, version }: Volume, own: Heartbeat): Promise<void> {
  const used = await readHeartbeats(logical, version)
  requireAlone(used, own.owner)
}

/** Of the slots in use. @throws VmfsError 'in use' for one of another host */
export function requireAlone(slots: readonly Heartbeat[], host: string): void {
  const other = slots.find(({ owner }) => owner !== host)
  if (!other) return
  const ip = other.ip === '' ? '' : ` (${other.ip})`
  throw new VmfsError(
    'in use',
    `host ${other.owner}${ip} has the volume open for writing, since its heartbeat slot at byte ${other.slotOffset} of the ` +
      'volume is in use: wait until it is done; if it was cut off and is gone, "lunette vmfs check --repair --force" finishes or ' +
      'undoes what it had begun',
    other.slotOffset,
  )
}

const journalOf = ({ journalAddress, journalOffset }: Heartbeat): JournalPlace => ({
  address: journalAddress,
  offset: journalOffset,
})

export const journalBounds = ({ version, logical }: Volume): JournalBounds => ({
  ...{ journalBytes: version.journals.bytes, sectorBytes: version.sectorBytes, volumeBytes: logical.size },
})
