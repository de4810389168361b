// A host of the simulation: its heartbeat, and one worker that takes locks, writes what they guard and gives them back. Wrong hosts do
// one thing wrong: what they are told is forged, or what they ask themselves.

import { Burials, type LockingHost } from '../../../../src/host/vmfs/locking/burial.ts'
import type { Answer, AnswerKind, Command, Procedure } from '../../../../src/host/vmfs/locking/commands.ts'
import { cleared, stampOf } from '../../../../src/host/vmfs/locking/heartbeat-images.ts'
import { HeartbeatMachine } from '../../../../src/host/vmfs/locking/heartbeat-machine.ts'
import { type Holder, holdersOf } from '../../../../src/host/vmfs/locking/lock-images.ts'
import { unlock, upgradeLock } from '../../../../src/host/vmfs/locking/lock-procedures.ts'
import { OwnReservation } from '../../../../src/host/vmfs/locking/own-reservation.ts'
import { PeerWatch, type Watch } from '../../../../src/host/vmfs/locking/peer-watch.ts'
import { takeLock } from '../../../../src/host/vmfs/locking/take-lock.ts'
import { lookAfter } from '../../../../src/host/vmfs/locking/undertaker.ts'
import { readSector } from '../../../../src/host/vmfs/locking/update-sector.ts'
import type { Io } from './model-disk.ts'
import type { Simulation, Thread } from './simulation.ts'

export type Wrong =
  /** Takes the slot for lost after a miscompare, without reading it again. */
  | 'trusts the miscompare'
  /** Goes on after it was stopped, as if no time had passed. */
  | 'does not look at its lease'
  /** Compares the stamp of another host with its own clock. */
  | 'believes the stamp'
  /** Takes a slot that it sees unchanged twice for a dead host's. */
  | 'does not wait'

export class SimulatedHost {
  readonly uuid: string
  readonly name: string
  readonly machine: HeartbeatMachine
  isAlive = true
  hasFinished = false
  stoppedUntilMs = 0
  /** Another one after the array has dropped the session. */
  nexus = 0
  toldOfReset = false
  readonly reservation = new OwnReservation()
  readonly #simulation: Simulation
  readonly #locking: LockingHost
  readonly #clockOffsetMs: number
  /** Locks as they were left, as the engine remembers them. */
  readonly #left = new Map<number, Buffer>()
  #forgesReads = false

  constructor(simulation: Simulation, index: number, number: number) {
    this.#simulation = simulation
    this.name = `host ${index} (${number})`
    this.uuid = `${number.toString(16).padStart(8, '0')}-00000000-0000-${index.toString(16).padStart(12, '0')}`
    this.#clockOffsetMs = simulation.pick(0, 10_000_000)
    const { settings, slotOffsets } = simulation
    const first = simulation.pick(0, slotOffsets.length)
    const slots = [...slotOffsets.slice(first), ...slotOffsets.slice(0, first)]
    const owner = { host: this.uuid, journalAddress: 1, journalOffset: 4096, driverMajor: 14, driverMinor: 81 }
    const watch = this.#watch()
    this.machine = new HeartbeatMachine(settings, { volume: 'a volume', owner, slots }, watch)
    this.#locking = { settings, watch, burials: new Burials(settings), holder: () => this.machine.holder }
  }

  /** Milliseconds since this host was switched on. */
  clock(ms: number): number {
    return ms + this.#clockOffsetMs
  }

  mayWrite(nowMs: number): boolean {
    if (this.#simulation.wrong === 'does not look at its lease') return true
    return this.machine.mayWrite(nowMs)
  }

  /** What the host's driver answers itself: its procedures share one reservation, which a loss of the nexus ends. */
  refuse(thread: Thread, { kind }: Io): AnswerKind | undefined {
    if (kind === 'reserve') return this.reservation.begin(thread, this.nexus) ? undefined : 'conflict'
    if (!this.reservation.isLost(thread, this.nexus)) return undefined
    if (kind !== 'release') return 'failed'
    this.reservation.end(thread)
    return 'done'
  }

  threads(): readonly Thread[] {
    return [
      { host: this, procedure: this.#live(), isHeartbeat: true },
      { host: this, procedure: this.#work(), isHeartbeat: false },
      { host: this, procedure: this.#lookAfter(), isHeartbeat: false },
    ]
  }

  /** The answer as a wrong host understands it. */
  forge(thread: Thread, command: Command, answer: Omit<Answer, 'answeredMs'>): Omit<Answer, 'answeredMs'> {
    if (this.#simulation.wrong !== 'trusts the miscompare' || !thread.isHeartbeat) return answer
    if (command.kind !== 'read') this.#forgesReads = answer.kind === 'miscompare'
    else if (this.#forgesReads && answer.image) return { ...answer, image: cleared(answer.image, 'replay') }
    return answer
  }

  *#live(): Procedure<void> {
    while (!(yield* this.machine.acquire())) yield { kind: 'wait', ms: 1000 }
    yield* this.machine.run()
  }

  /** The slots as they are now: read by what does not lock. */
  *#lookAfter(): Procedure<void> {
    while (!this.machine.holder) yield { kind: 'wait', ms: 100 }
    const { slotOffsets, disk } = this.#simulation
    const slots = slotOffsets.map((slotOffset) => ({ slotOffset, image: disk.at(slotOffset) }))
    const { answeredMs } = yield { kind: 'wait', ms: 0 }
    yield* lookAfter(this.#locking, slots, answeredMs)
  }

  *#work(): Procedure<void> {
    const simulation = this.#simulation
    while (!simulation.isOver) {
      yield { kind: 'wait', ms: simulation.pick(100, 4000) }
      if (!this.machine.hasAccess) continue
      const lock = simulation.lockOffsets[simulation.pick(0, simulation.lockOffsets.length)]!
      const what = simulation.random()
      if (what < 0.15) yield* this.#upgrade(lock)
      else if (what < 0.3) yield* this.#share(lock, what < 0.22 ? 'readOnly' : 'multiWriter')
      else yield* this.#exclusively(lock, 5000)
    }
    for (const lock of simulation.lockOffsets) while (!(yield* this.#exclusively(lock, 60_000)));
    this.hasFinished = true
  }

  *#exclusively(lock: number, patienceMs: number): Procedure<boolean> {
    const result = yield* takeLock(this.#locking, lock, 'exclusive', patienceMs, this.#left.get(lock))
    if (result.kind !== 'acquired') {
      yield { kind: 'wait', ms: 100 }
      return false
    }
    return yield* this.#writeUnder(lock, result)
  }

  *#upgrade(lock: number): Procedure<void> {
    const { settings } = this.#simulation
    const { image } = yield* readSector(settings, 'acquire lock', lock)
    yield { kind: 'wait', ms: this.#simulation.pick(1, 2000) }
    const holder = this.machine.holder
    if (!image || holdersOf(image).length > 0 || !holder) return
    const upgraded = yield* upgradeLock(settings, holder, { offset: lock, image })
    if (upgraded.kind === 'acquired') yield* this.#writeUnder(lock, { holder, image: upgraded.image })
  }

  *#share(lock: number, mode: 'readOnly' | 'multiWriter'): Procedure<void> {
    const result = yield* takeLock(this.#locking, lock, mode, 2000)
    if (result.kind !== 'acquired') return
    yield { kind: 'wait', ms: this.#simulation.pick(1, 3000) }
    yield* this.#giveBack(lock, result.holder, mode)
  }

  *#writeUnder(lock: number, { holder, image }: { holder: Holder; image: Buffer }): Procedure<boolean> {
    const simulation = this.#simulation
    let written = false
    for (let writes = simulation.pick(1, 5); writes > 0; writes--) {
      if (!this.machine.isOwn(holder)) return written
      const { kind } = yield {
        ...{ kind: 'write', offset: simulation.dataOffset(lock), image: Buffer.alloc(0), fenced: true },
        ...{ operation: 'acquire lock', timeoutMs: simulation.settings.ioTimeoutMs },
      }
      written ||= kind === 'done'
      yield { kind: 'wait', ms: simulation.pick(1, 1500) }
    }
    yield* this.#giveBack(lock, holder, 'exclusive', image)
    return written
  }

  /** What could not be given back stays held: the host goes on, and tries again until it is free or not its own. */
  *#giveBack(
    lock: number,
    holder: Holder,
    mode: 'exclusive' | 'readOnly' | 'multiWriter',
    known?: Buffer,
  ): Procedure<void> {
    for (;;) {
      const result = yield* unlock(this.#simulation.settings, holder, lock, mode, known)
      if (result.kind === 'unlocked' && known) this.#left.set(lock, result.image)
      if (result.kind !== 'failed') return
      yield { kind: 'wait', ms: 500 }
    }
  }

  #watch(): Watch {
    const { lostMs } = this.#simulation.settings
    switch (this.#simulation.wrong) {
      case 'believes the stamp':
        return {
          isDead: (_, { image, answeredMs }) => Math.abs(answeredMs - Number(stampOf(image)) / 1000) > lostMs,
          isLate: () => false,
        }
      case 'does not wait':
        return new PeerWatch(lostMs / 4, Number.POSITIVE_INFINITY)
      default:
        return PeerWatch.of(this.#simulation.settings)
    }
  }
}
