// A host has a volume of shared devices open for writing while its heartbeat beats there. Other hosts have it open as well: what they
// change is excluded by locks, and what those leave behind that die is replayed by whoever wants a lock of theirs.

import { type Clock, systemClock } from '../clock.ts'
import { isShared } from '../shared-device.ts'
import { VmfsError } from './errors.ts'
import { chooseSlot, type JournalPlace, type RawSlot, readSlots } from './heartbeats.ts'
import { isEndedProcess } from './host-identity.ts'
import { journalBounds, type OpenSession } from './host-session.ts'
import { HostJournal, replayJournal } from './journal.ts'
import { freeJournalBlock, freeLeftBehind, takeJournalBlock } from './journal-blocks.ts'
import type { LockMode } from './lock-mode.ts'
import type { LockingCounts } from './locking/counters.ts'
import { type EngineOptions, LockingEngine } from './locking/engine.ts'
import { OperationLocks } from './locking/operation-locks.ts'
import { LOCKING_DEFAULTS, type LockingSettings } from './locking/settings.ts'
import { HostLocking } from './locking-mode.ts'
import type { LogicalVolume } from './logical-volume.ts'
import { inUse } from './shared-recovery.ts'
import type { VolumeIo } from './transaction.ts'
import type { Volume } from './volume.ts'

export interface SharedOptions extends Pick<EngineOptions, 'onEvent' | 'onTrace' | 'watch'> {
  /** How this host locks, and how fast: as the volume says, and in ESXi's times, without it. */
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
  readonly #locking: HostLocking
  readonly #unreplayed: ReadonlyMap<string, unknown>

  constructor(volume: Volume, io: VolumeIo, engine: LockingEngine, host: string, journal: HostJournal, opened: Opened) {
    this.host = host
    this.journal = journal
    this.#volume = volume
    this.#io = io
    this.#engine = engine
    this.#place = opened.place
    this.#locking = opened.locking
    this.#unreplayed = opened.unreplayed
    this.locks = opened.locks
  }

  /** Resolves when of each host that had the volume open before it is known that it lives, or it is buried. */
  async buryTheDead(): Promise<void> {
    while (await this.#engine.nextBurial());
  }

  /** Why the journal of a dead host could not be replayed. */
  whyNotReplayed(host: string): unknown {
    return this.#unreplayed.get(host)
  }

  get counts(): LockingCounts {
    return this.#engine.counts
  }

  /** The volume's mode is to become `mode`: it does when the last host closes it, or the next one opens it alone. */
  async setLockMode(mode: LockMode): Promise<void> {
    await underGuard(this.#volume, this.#engine, () => this.#locking.request(this.#engine, mode))
  }

  /** Gives journal and slot back; after a change that was cut both stay, and the locks with them, for a peer to replay. */
  async end(): Promise<void> {
    let isDone = false
    try {
      if (this.journal.isInDoubt) return
      await this.#io.flush()
      await underGuard(this.#volume, this.#engine, async () => {
        await this.#giveJournal()
        // What is not completed here is by who opens the volume next.
        await this.#locking.finish(this.#engine).catch(() => {})
      })
      isDone = true
    } finally {
      await this.#engine.stop({ abandon: !isDone })
    }
  }

  async #giveJournal(): Promise<void> {
    await this.#engine.rest()
    await this.#engine.nameJournal(0, 0)
    await freeJournalBlock(this.#volume, this.#io, this.#place, this.locks)
    await freeLeftBehind(this.#volume, this.#io, this.locks)
    await this.#io.flush()
  }
}

interface Opened {
  readonly place: JournalPlace
  readonly locks: OperationLocks
  readonly locking: HostLocking
  /** Hosts whose journals could not be replayed, and why. */
  readonly unreplayed: ReadonlyMap<string, unknown>
}

/**
 * Takes a heartbeat slot and a journal for `host`, whoever else has the volume open.
 * @throws VmfsError 'in use' when no slot or no journal is left
 */
export async function beginSharedSession(
  volume: Volume,
  io: VolumeIo,
  host: string,
  { locking, clock = systemClock, onEvent, onTrace, watch }: SharedOptions,
): Promise<SharedSession> {
  const { logical, version } = volume
  const hostLocking = new HostLocking(volume, locking)
  const settings: LockingSettings = { ...LOCKING_DEFAULTS, ...locking, mode: await hostLocking.begin() }
  const slots = await readSlots(logical, version)
  const others = inUse(volume, slots, clock.now())
  const candidates = freeSlots(slots, host)
  const owner = {
    ...{ host, ip: addressOf(logical), journalAddress: 0, journalOffset: 0 },
    ...{ driverMajor: version.major, driverMinor: version.minor },
  }
  const unreplayed = new Map<string, unknown>()
  const engine = await LockingEngine.open(
    logical,
    { volume: volume.descriptor.uuid, owner, slots: candidates.map(({ slotOffset }) => slotOffset) },
    {
      settings,
      ...{ clock, others, isEnded: isEndedProcess },
      ...(onEvent && { onEvent }),
      ...(onTrace && { onTrace }),
      ...(watch && { watch }),
      async replay(offset, writer, replayTo) {
        unreplayed.delete(writer)
        if (offset === 0) return
        await replayJournal(replayTo, offset, writer, journalBounds(volume)).catch((error) => {
          unreplayed.set(writer, error)
          throw error
        })
      },
    },
  )
  const locks = new OperationLocks(engine, settings.lostMs * PATIENCE)
  engine.start()
  try {
    const named = () =>
      inMode(volume, engine, hostLocking, async () => {
        const found = await takeJournalBlock(volume, io, locks)
        const started = new HostJournal(logical, found.offset, host, journalBounds(volume))
        await started.start()
        await engine.rest()
        await engine.nameJournal(found.address, found.offset)
        return { place: found, journal: started }
      })
    const { place, journal } = await afterTheDead(engine, named)
    engine.start()
    return new SharedSession(volume, io, engine, host, journal, { place, locks, locking: hostLocking, unreplayed })
  } catch (error) {
    await engine.stop().catch(() => false) // the cause of the failure is what matters
    throw error
  }
}

function freeSlots(slots: readonly RawSlot[], host: string): readonly RawSlot[] {
  const free = slots.filter(({ isUsed }) => !isUsed)
  if (free.length === 0) return free
  const first = free.findIndex(({ slotOffset }) => slotOffset === chooseSlot(slots, host).slotOffset)
  return [...free.slice(first), ...free.slice(0, first)]
}

/** Journals may have run out since hosts have died: it is tried again as long as any of them may be dead. */
async function afterTheDead<Result>(engine: LockingEngine, take: () => Promise<Result>): Promise<Result> {
  for (;;) {
    // Whoever is buried while it is tried is known by then.
    const round = engine.nextBurial()
    try {
      return await take()
    } catch (error) {
      const ranOut = error instanceof VmfsError && (error.problem === 'in use' || error.problem === 'no space')
      if (!ranOut || !(await round)) throw error
    }
  }
}

/** Runs under the guard, once no host has the volume open in another mode than the volume's. @throws VmfsError 'in use' while one has */
async function inMode<Result>(
  volume: Volume,
  engine: LockingEngine,
  locking: HostLocking,
  run: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    const settled = await underGuard(volume, engine, async () => {
      const stranded = await locking.settle(engine)
      return stranded.length > 0 ? { stranded } : { result: await run() }
    })
    if ('result' in settled) return settled.result
    for (const slot of settled.stranded) await locking.demandDead(engine, slot)
  }
}

/** By which this host reaches its array, without the zone of an IPv6 address; empty where that is not known. */
function addressOf({ extents }: LogicalVolume): string {
  const shared = extents.map(({ device }) => device).find(isShared)
  return shared?.localAddress?.replace(/%.*/, '') ?? ''
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
