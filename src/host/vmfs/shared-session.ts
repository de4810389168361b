// A host has a volume of shared devices open for writing while its heartbeat beats there. Other hosts have it open as well: what they
// change is excluded by locks, and what those leave behind that die is replayed by whoever wants a lock of theirs.

import { SENSE } from '../../../protocol/scsi/sense.ts'
import type { BlockDevice } from '../block-device.ts'
import type { Clock } from '../clock.ts'
import { CommandError } from '../command-error.ts'
import { isShared } from '../shared-device.ts'
import { VmfsError } from './errors.ts'
import { chooseSlot, type JournalPlace, readSlots } from './heartbeats.ts'
import { journalBounds, type OpenSession } from './host-session.ts'
import { HostJournal, replayJournal } from './journal.ts'
import { freeJournalBlock, takeJournalBlock } from './journal-blocks.ts'
import type { LockingCounts } from './locking/counters.ts'
import { type EngineOptions, LockingEngine } from './locking/engine.ts'
import { OperationLocks } from './locking/operation-locks.ts'
import { LOCKING_DEFAULTS, type LockingSettings } from './locking/settings.ts'
import type { VolumeIo } from './transaction.ts'
import type { Volume } from './volume.ts'

export interface SharedOptions extends Pick<EngineOptions, 'onEvent' | 'onTrace'> {
  /** How the volume is locked, and how fast; ATS-only on an array that knows COMPARE AND WRITE, and ESXi's times without it. */
  readonly locking?: Partial<LockingSettings>
  readonly clock?: Clock
}

/** How long a lock is waited for whose holder waits for nothing itself. */
const GUARD_PATIENCE_MS = 60_000
/** As a part of the time after which a host is dead: two hosts may wait for each other. */
const PATIENCE = 1 / 32

export class SharedSession implements OpenSession {
  readonly host: string
  readonly journal: HostJournal
  readonly locks: OperationLocks
  readonly #volume: Volume
  readonly #io: VolumeIo
  readonly #engine: LockingEngine
  readonly #place: JournalPlace

  constructor(volume: Volume, io: VolumeIo, engine: LockingEngine, host: string, journal: HostJournal, opened: Opened) {
    this.host = host
    this.journal = journal
    this.#volume = volume
    this.#io = io
    this.#engine = engine
    this.#place = opened.place
    this.locks = opened.locks
  }

  get counts(): LockingCounts {
    return this.#engine.counts
  }

  /** Gives journal and slot back; after a change that was cut both stay, and the locks with them, for a peer to replay. */
  async end(): Promise<void> {
    let isDone = false
    try {
      if (this.journal.isInDoubt) return
      await this.#io.flush()
      await underGuard(this.#volume, this.#engine, () => this.#giveJournal())
      isDone = true
    } finally {
      await this.#engine.stop({ abandon: !isDone })
    }
  }

  async #giveJournal(): Promise<void> {
    await this.#engine.rest()
    await this.#engine.nameJournal(0, 0)
    await freeJournalBlock(this.#volume, this.#io, this.#place, this.locks)
    await this.#io.flush()
  }
}

interface Opened {
  readonly place: JournalPlace
  readonly locks: OperationLocks
}

/**
 * Takes a heartbeat slot and a journal for `host`, whoever else has the volume open.
 * @throws VmfsError 'in use' when no slot or no journal is left
 */
export async function beginSharedSession(
  volume: Volume,
  io: VolumeIo,
  host: string,
  { locking, clock, onEvent, onTrace }: SharedOptions,
): Promise<SharedSession> {
  const { logical, version } = volume
  const mode = locking?.mode ?? ((await knowAts(logical.extents)) ? 'ATS-only' : 'ATS+SCSI')
  const settings: LockingSettings = { ...LOCKING_DEFAULTS, ...locking, mode }
  const slots = await readSlots(logical, version)
  const first = slots.findIndex(({ slotOffset }) => slotOffset === chooseSlot(slots, host).slotOffset)
  const candidates = [...slots.slice(first), ...slots.slice(0, first)].filter(({ isUsed }) => !isUsed)
  const owner = { host, journalAddress: 0, journalOffset: 0, driverMajor: version.major, driverMinor: version.minor }
  const engine = await LockingEngine.open(
    logical,
    { volume: volume.descriptor.uuid, owner, slots: candidates.map(({ slotOffset }) => slotOffset) },
    {
      settings,
      ...(clock && { clock }),
      ...(onEvent && { onEvent }),
      ...(onTrace && { onTrace }),
      async replay(offset, writer) {
        if (offset !== 0) await replayJournal(logical, offset, writer, journalBounds(volume))
      },
    },
  )
  const locks = new OperationLocks(engine, settings.lostMs * PATIENCE)
  engine.start()
  try {
    const { place, journal } = await underGuard(volume, engine, async () => {
      const found = await takeJournalBlock(volume, io, locks)
      const started = new HostJournal(logical, found.offset, host, journalBounds(volume))
      await started.start()
      await engine.rest()
      await engine.nameJournal(found.address, found.offset)
      return { place: found, journal: started }
    })
    engine.start()
    return new SharedSession(volume, io, engine, host, journal, { place, locks })
  } catch (error) {
    await engine.stop().catch(() => false) // the cause of the failure is what matters
    throw error
  }
}

/** Some arrays say in Block Limits that they know COMPARE AND WRITE, and refuse it: a block is replaced by itself to find out. */
async function knowAts(extents: readonly { readonly device: BlockDevice }[]): Promise<boolean> {
  const limits = { mayLeave: () => true, timeoutMs: LOCKING_DEFAULTS.ioTimeoutMs }
  for (const { device } of extents) {
    if (!isShared(device) || !device.hasCompareAndWrite) return false
    const block = await device.read(0, device.blockBytes)
    try {
      await device.compareAndWrite(0, block, block, limits)
    } catch (error) {
      if (error instanceof CommandError && error.is(SENSE.INVALID_COMMAND_OPERATION_CODE)) return false
    }
  }
  return true
}

/** Journals are taken and given back by one host at a time: the lock of the root directory's neighbour, .fbb.sf, excludes them. */
async function underGuard<Result>(volume: Volume, engine: LockingEngine, run: () => Promise<Result>): Promise<Result> {
  const offset = await volume.locateFileDescriptor(volume.version.fbb.address)
  if (!(await engine.lock(offset, 'exclusive', GUARD_PATIENCE_MS)))
    throw new VmfsError('in use', 'other hosts hold the lock under which journals are handed out, and do not let it go')
  try {
    return await run()
  } finally {
    await engine.unlock(offset)
  }
}
