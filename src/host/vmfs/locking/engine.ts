// Runs the procedures of locking against the disks of a volume: sends what they ask for, times it, and says how it ended. One engine
// is one host on one volume: its heartbeat, which beats as long as the volume is open, and the locks that it holds by it.

import { type Clock, callAt, systemClock } from '../../clock.ts'
import { isShared } from '../../shared-device.ts'
import type { LogicalVolume } from '../logical-volume.ts'
import type { VolumeIo } from '../transaction.ts'
import { answerOf } from './answers.ts'
import { Burials, type LockingHost } from './burial.ts'
import type { Answer, Command, LockingEvent, Procedure } from './commands.ts'
import { Contention, type Keeper } from './contention.ts'
import type { LockingCounts } from './counters.ts'
import { lostHeartbeat, noSlot, notTaken } from './engine-errors.ts'
import { HeartbeatMachine, type HeartbeatPlace } from './heartbeat-machine.ts'
import { HeldLocks } from './held-locks.ts'
import type { HeldMode, Holder } from './lock-images.ts'
import { type OptimisticLock, unlock, upgradeLock } from './lock-procedures.ts'
import { methodOf, type VolumeMode } from './operations.ts'
import { outlive } from './outlive.ts'
import { PeerWatch } from './peer-watch.ts'
import { replaceSector } from './replace-sector.ts'
import { replayIo } from './replay-io.ts'
import { SectorIo } from './sector-io.ts'
import { fencedTimes, type LockingSettings } from './settings.ts'
import { takeLock } from './take-lock.ts'
import type { LockingTrace } from './trace.ts'
import { vacate } from './undertaker.ts'
import { type Others, Undertaking } from './undertaking.ts'

export interface EngineOptions {
  readonly settings: LockingSettings
  readonly clock?: Clock
  /** With the milliseconds since 1970. */
  readonly onEvent?: (event: LockingEvent & { readonly atMs: number }) => void
  /** Told of each command once it is answered. */
  readonly onTrace?: (sent: LockingTrace) => void
  /** Carries out what the journal at this offset of the volume says, by way of `io`. */
  readonly replay: (journalOffset: number, host: string, io: VolumeIo) => Promise<void>
  /** Those of them that are dead are buried. */
  readonly others?: Others
  /** What is known of slots already. */
  readonly watch?: PeerWatch
  /** Whether a host is known to be a process that has ended. */
  readonly isEnded?: (host: string) => boolean
}

/** Times that of a lease: so long an operation waits for a disk that does not answer. */
const MAX_OUTAGE = 8

export class LockingEngine {
  readonly #volume: LogicalVolume
  readonly #options: EngineOptions
  /** The mode may become another one. */
  readonly #settings: { -readonly [Name in keyof LockingSettings]: LockingSettings[Name] }
  readonly #clock: Clock
  readonly #machine: HeartbeatMachine
  readonly #watch: PeerWatch
  /** As procedures see it. */
  readonly #host: LockingHost
  readonly #io: SectorIo
  readonly #locks = new HeldLocks()
  #givingBack: Promise<void> | undefined
  #isStopping = false
  /** The heartbeat that it has begun with: without it all locks are gone, and nothing is written any more. */
  #first: Holder | undefined
  /** End the waits of procedures. */
  readonly #wakes = new Map<unknown, () => void>()
  #heartbeat: unknown
  #beating: Promise<void> = Promise.resolve()
  #undertaking: Undertaking | undefined
  #last: Promise<unknown> = Promise.resolve()
  readonly #contention: Contention

  private constructor(volume: LogicalVolume, place: HeartbeatPlace, options: EngineOptions) {
    this.#volume = volume
    this.#settings = { ...options.settings }
    this.#options = { ...options, settings: this.#settings }
    this.#clock = options.clock ?? systemClock
    this.#watch = options.watch ?? PeerWatch.of(options.settings)
    this.#machine = new HeartbeatMachine(this.#settings, place, this.#watch)
    this.#host = {
      ...{ settings: this.#settings, watch: this.#watch },
      burials: new Burials(this.#settings, options.isEnded),
      holder: () => (this.#isFirst() ? this.#machine.holder : undefined),
    }
    this.#io = new SectorIo(volume, this.#settings, {
      ...{ clock: this.#clock, mayWrite: () => this.#mayWrite() },
      ...(options.onTrace && { onTrace: options.onTrace }),
    })
    for (const { device } of volume.extents)
      if (isShared(device))
        device.fence({
          mayLeave: () => this.#mayWrite(),
          opened: () => this.#opened(),
          ...fencedTimes(options.settings),
          conflicts: { retries: this.#settings.conflictRetries, waitMs: this.#settings.conflictWaitMs },
        })
    this.#contention = new Contention(this.#watch, options.settings.lostMs)
  }

  /** Takes a heartbeat slot, that of a host that is dead when no other is left. @throws VmfsError 'in use' when none is to be had */
  static async open(volume: LogicalVolume, place: HeartbeatPlace, options: EngineOptions): Promise<LockingEngine> {
    const { others } = options
    const engine = new LockingEngine(volume, place, options)
    const machine = engine.#machine
    let acquired = await engine.#run(machine.acquire())
    if (!acquired && !machine.failure && others && others.slots.length > 0) {
      const free = await engine.#run(vacate(engine.#host, place.owner.host, others))
      if (free !== undefined) acquired = await engine.#run(machine.acquire([free]))
    }
    if (!acquired) throw noSlot(place, machine.failure)
    engine.#first = machine.holder
    if (others)
      engine.#undertaking = new Undertaking(engine.#host, others, {
        run: (procedure) => engine.#run(procedure),
        wake: (procedure) => engine.#wakes.get(procedure)?.(),
      })
    return engine
  }

  /** Beats from now on. */
  start(): void {
    const heartbeat = this.#machine.run()
    this.#heartbeat = heartbeat
    this.#beating = this.#run(heartbeat)
  }

  /** Resolves when a host was buried that had a slot before. @returns false when none is left that may be dead */
  async nextBurial(): Promise<boolean> {
    return (await this.#undertaking?.nextBurial()) ?? false
  }

  /** Says in the slot where this host keeps its journal: before `start`, or after `rest`. @throws VmfsError 'in use' */
  async nameJournal(address: number, offset: number): Promise<void> {
    if (!(await this.#run(this.#machine.nameJournal(address, offset)))) throw lostHeartbeat()
  }

  /** Stops beating. */
  async rest(): Promise<void> {
    this.#machine.end()
    this.#wakes.get(this.#heartbeat)?.()
    await this.#beating
  }

  /** Of this host's heartbeat. */
  get slotOffset(): number | undefined {
    return this.#machine.holder?.heartbeatOffset
  }

  /** Locks in another mode from now on; while no beat is under way. */
  useMode(mode: VolumeMode): void {
    this.#settings.mode = mode
  }

  /**
   * Replaces a sector that is no lock if it still is what was `read`.
   * @returns false when it is not
   * @throws VmfsError 'in use' when this host has lost its own heartbeat, or the disk does not answer
   */
  replace(offset: number, read: Buffer, image: Buffer): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.#isFirst()) throw lostHeartbeat()
      const result = await this.#run(replaceSector(this.#settings, offset, read, image))
      if (result.kind === 'failed') throw notTaken(offset, result.why)
      return result.kind === 'replaced'
    })
  }

  /** Watches a host for as long as it takes. @returns whether it is gone: dead, and buried, or ended */
  outlive(other: Holder): Promise<boolean> {
    return this.#inTurn(() => this.#run(outlive(this.#host, other)))
  }

  /** Bytes of a sector there. */
  sectorBytes(offset: number): number {
    return this.#volume.place(offset).device.blockBytes
  }

  get counts(): LockingCounts {
    return this.#io.counts
  }

  /** Whether this host holds the lock by the heartbeat that it has now. */
  holds(offset: number): boolean {
    const held = this.#locks.get(offset)
    return held !== undefined && this.#machine.isOwn(held.holder)
  }

  /** Milliseconds of this host's clock. */
  get nowMs(): number {
    return this.#clock.now()
  }

  /** Who keeps the lock that was last found held there, and was seen to live since `sinceMs`; nothing where that is not known. */
  keeperOf(offset: number, sinceMs: number): Keeper | undefined {
    return this.#contention.keeper(offset, sinceMs, this.#clock.now())
  }

  /**
   * Resolves when this host is known to hold the lock, and to have held it until now: after access was lost, when it is back.
   * @throws VmfsError 'in use' when it does not
   */
  async confirm(offset: number): Promise<void> {
    const { retryMs, lostMs } = this.#options.settings
    const lastMs = this.#clock.now() + MAX_OUTAGE * lostMs
    while (this.holds(offset) && this.#isFirst() && this.#clock.now() < lastMs) {
      if (this.#mayWrite()) return
      await this.#wait(retryMs / 10)
    }
    throw lostHeartbeat()
  }

  /**
   * Takes the lock at `offset` of the volume, from hosts that are dead as well.
   * @returns false while hosts that live hold it, for all of `patienceMs`
   * @throws VmfsError 'in use' when this host has lost its own heartbeat, or the disk does not answer
   */
  lock(offset: number, mode: HeldMode, patienceMs: number): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#locks.get(offset)?.mode === mode && this.holds(offset)) return true
      if (!this.#isFirst()) throw lostHeartbeat()
      const result = await this.#run(takeLock(this.#host, offset, mode, patienceMs, this.#locks.takeLeft(offset)))
      switch (result.kind) {
        case 'acquired':
          this.#locks.take(offset, { holder: result.holder, mode, image: result.image })
          this.#contention.forget(offset)
          return true
        case 'busy':
          this.#contention.met(offset, result.image, this.#clock.now())
          return false
        case 'no heartbeat':
          throw lostHeartbeat()
        case 'failed':
          throw notTaken(offset, result.why)
      }
    })
  }

  /**
   * Takes the lock exclusively if it still is what was read of it.
   * @returns false when another host has had it, or has it
   */
  upgrade(lock: OptimisticLock): Promise<boolean> {
    return this.#inTurn(async () => {
      const holder = this.#machine.holder
      if (!holder || !this.#isFirst()) throw lostHeartbeat()
      const result = await this.#run(upgradeLock(this.#options.settings, holder, lock))
      if (result.kind === 'failed') throw notTaken(lock.offset, result.why)
      if (result.kind === 'acquired') this.#locks.take(lock.offset, { holder, mode: 'exclusive', image: result.image })
      return result.kind === 'acquired'
    })
  }

  /**
   * Gives locks back, by ATS all at once; a host has one reservation at a time. One that is not held any more is none.
   * @throws VmfsError 'in use' when the disk does not answer: then it is tried again, until `stop`
   */
  unlock(...offsets: readonly number[]): Promise<void> {
    return this.#inTurn(() => this.#giveBackAll(offsets))
  }

  async #giveBackAll(offsets: readonly number[]): Promise<void> {
    const { mode, heartbeatByAts } = this.#settings
    const isAtOnce = methodOf('unlock shared lock', mode, heartbeatByAts) === 'ATS'
    for (const atOnce of isAtOnce ? [offsets] : offsets.map((one) => [one])) {
      const ends = await Promise.allSettled(atOnce.map((offset) => this.#giveBack(offset)))
      const failed = ends.find((end) => end.status === 'rejected')
      if (!failed) continue
      // Those that were not tried yet would wait for the same disk.
      for (const offset of offsets) this.#locks.doubt(offset)
      this.#givingBack ??= this.#giveBackLater()
      throw failed.reason
    }
  }

  /** What stays locked by a host that lives is closed to all others. */
  async #giveBackLater(): Promise<void> {
    while (this.#locks.inDoubt.length > 0 && !this.#isStopping) {
      await this.#wait(this.#settings.retryMs, this.#locks)
      if (!this.#isStopping) await this.#giveBackDoubted()
    }
    this.#givingBack = undefined
  }

  async #giveBackDoubted(): Promise<void> {
    await this.#inTurn(() => this.#giveBackAll(this.#locks.inDoubt)).catch(() => {}) // it is tried again, or left to peers
  }

  async #giveBack(offset: number): Promise<void> {
    const held = this.#locks.toGiveBack(offset)
    if (!held) return
    const known = held.mode === 'exclusive' ? held.image : undefined
    const result = await this.#run(unlock(this.#options.settings, held.holder, offset, held.mode, known))
    if (result.kind === 'failed') {
      this.#locks.doubt(offset)
      throw notTaken(offset, result.why)
    }
    this.#locks.leave(offset, result.kind === 'unlocked' && held.mode === 'exclusive' ? result.image : undefined)
  }

  /**
   * Stops beating and gives the slot back; with locks still held, or `abandon`, it stays for a peer to replay the journal.
   * @returns whether the slot was given back
   */
  async stop({ abandon = false }: { readonly abandon?: boolean } = {}): Promise<boolean> {
    this.#isStopping = true
    this.#wakes.get(this.#locks)?.()
    await this.#givingBack
    await this.#last.catch(() => {})
    await this.#giveBackDoubted()
    await this.#undertaking?.end()
    await this.rest()
    if (this.#isFirst() && (abandon || !this.#locks.isEmpty)) return false
    return await this.#run(this.#machine.clear())
  }

  #isFirst(): boolean {
    return this.#first !== undefined && this.#machine.isOwn(this.#first)
  }

  #mayWrite(): boolean {
    return this.#isFirst() && this.#machine.mayWrite(this.#clock.now())
  }

  /** Waits until something may be written again. */
  async #opened(): Promise<boolean> {
    const { retryMs, lostMs } = this.#options.settings
    const lastMs = this.#clock.now() + MAX_OUTAGE * lostMs
    while (this.#isFirst() && this.#clock.now() < lastMs) {
      if (this.#mayWrite()) return true
      await this.#wait(retryMs / 10)
    }
    return false
  }

  #inTurn<Result>(operate: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(operate, operate)
    // Whoever asked for it is told.
    this.#last = result.catch(() => {})
    return result
  }

  async #run<Result>(procedure: Procedure<Result>): Promise<Result> {
    for (let step = procedure.next(); ; ) {
      if (step.done) return step.value
      const issuedMs = this.#clock.now()
      const answer = await this.#carryOut(step.value, procedure)
      step = procedure.next({ ...answer, issuedMs, answeredMs: this.#clock.now() })
    }
  }

  async #carryOut(command: Command, procedure: unknown): Promise<Pick<Answer, 'kind' | 'image'>> {
    switch (command.kind) {
      case 'wait':
        await this.#wait(command.ms, procedure)
        return { kind: 'done' }
      case 'event':
        this.#options.onEvent?.({ ...command.event, atMs: Date.now() })
        return { kind: 'done' }
      case 'replay':
        return await answerOf(this.#replay(command))
      default:
        return await this.#io.carryOut(command, procedure)
    }
  }

  async #replay({ journalOffset, host, untilMs }: Extract<Command, { kind: 'replay' }>): Promise<{ image?: Buffer }> {
    const mayLeave = () => (untilMs === undefined ? this.#mayWrite() : this.#clock.now() < untilMs)
    const limits = { mayLeave, ...fencedTimes(this.#settings) }
    await this.#options.replay(journalOffset, host, replayIo(this.#volume, limits, this.#settings, this.#clock))
    return {}
  }

  async #wait(ms: number, procedure?: unknown): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = callAt(this.#clock, this.#clock.now() + ms, resolve)
      if (procedure === undefined) return
      this.#wakes.set(procedure, () => {
        cancel()
        resolve()
      })
    })
    this.#wakes.delete(procedure)
  }
}
