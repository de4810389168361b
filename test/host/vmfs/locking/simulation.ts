// Several hosts on one model disk in virtual time. The seed chooses every delay, lost answer, failed command, crash and pause. What
// may never happen is looked for at the disk, at the moment at which a command is carried out there.

import type { Answer, Command, LockingEvent, Procedure } from '../../../../src/host/vmfs/locking/commands.ts'
import { isUntouched, occupantOf, replayerOf } from '../../../../src/host/vmfs/locking/heartbeat-images.ts'
import { type Holder, holdersOf, sameHolder } from '../../../../src/host/vmfs/locking/lock-images.ts'
import type { VolumeMode } from '../../../../src/host/vmfs/locking/operations.ts'
import { LOCKING_DEFAULTS, type LockingSettings } from '../../../../src/host/vmfs/locking/settings.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { decodeLock, encodeLock, LOCK_MODE, LOCK_TYPE } from '../../../../src/host/vmfs/structures/lock.ts'
import { type Io, ModelDisk, random } from './model-disk.ts'
import { SimulatedHost, type Wrong } from './simulated-host.ts'

const SECTOR = 512
const LOCKS_AT = 0x1000000
const DATA_AT = 0x2000000
const SLOTS = 24

export interface SimulationOptions {
  readonly seed: number
  readonly mode: VolumeMode
  readonly heartbeatByAts?: boolean
  readonly hosts?: number
  readonly locks?: number
  /** How the hosts are wrong; right ones without it. */
  readonly wrong?: Wrong
}

interface Due {
  readonly atMs: number
  readonly number: number
  readonly run: () => void
}

/** A part of a host that has one command under way at a time. */
export interface Thread {
  readonly host: SimulatedHost
  readonly procedure: Procedure<void>
  readonly isHeartbeat: boolean
}

const TROUBLE_MS = 90_000
const CALM_MS = 60_000
const END_MS = 900_000
/** How long an array waits for a host that does not answer before it drops the session. */
const NEXUS_LOSS_MS = 5000

export class Simulation {
  readonly disk = new ModelDisk()
  readonly settings: LockingSettings
  readonly slotOffsets = Array.from({ length: SLOTS }, (_, slot) => HEARTBEAT_OFFSET + slot * SECTOR)
  readonly lockOffsets: readonly number[]
  readonly random: () => number
  readonly wrong: Wrong | undefined
  readonly events: (LockingEvent & { readonly host: string })[] = []
  readonly counts = { commands: 0, crashes: 0, pauses: 0, guardedWrites: 0, fenced: 0 }
  nowMs = 0
  #queue: Due[] = []
  #number = 0
  #hosts: SimulatedHost[] = []
  /** Whether this array notices a host that does not answer. */
  readonly #dropsNexus: boolean
  /** By its own host. */
  readonly #slotChangedMs = new Map<number, number>()

  constructor({ seed, mode, heartbeatByAts = true, hosts = 3, locks = 2, wrong }: SimulationOptions) {
    this.random = random(seed)
    this.wrong = wrong
    this.#dropsNexus = this.random() < 0.5
    this.settings = { ...LOCKING_DEFAULTS, mode, heartbeatByAts, contentionWaitMs: 700, conflictWaitMs: 30 }
    this.lockOffsets = Array.from({ length: locks }, (_, lock) => LOCKS_AT + lock * SECTOR)
    for (const offset of this.slotOffsets)
      this.disk.put(offset, HEARTBEAT.encode({ state: HEARTBEAT_STATE.free, offset }))
    for (const offset of this.lockOffsets)
      this.disk.put(offset, encodeLock({ type: LOCK_TYPE.fileDescriptor, offset, token: 1n }, Buffer.alloc(SECTOR)))
    for (let host = 0; host < hosts; host++) this.#start(host)
    this.#schedule(this.pick(5000, 20_000), () => this.#trouble())
    if (mode === 'ATS+SCSI' && this.random() < 0.5)
      this.#schedule(this.pick(10_000, 60_000), () => {
        this.disk.hasAts = false
      })
  }

  get isCalm(): boolean {
    return this.nowMs >= TROUBLE_MS
  }

  get isOver(): boolean {
    return this.nowMs >= TROUBLE_MS + CALM_MS
  }

  pick(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from))
  }

  /** Until every living host has had every lock. @throws Error for what may never happen */
  run(): void {
    while (this.#hosts.some((host) => host.isAlive && !host.hasFinished)) {
      const next = this.#pop()
      if (!next) throw new Error('a host waits for nothing')
      this.nowMs = next.atMs
      if (this.nowMs > END_MS) throw new Error('everything is calm, and a living host does not get the locks')
      next.run()
    }
  }

  dataOffset(lock: number): number {
    return DATA_AT + lock - LOCKS_AT
  }

  /** Hands the thread what it waits for, and sends what it asks for next. A host that is stopped gets it when it goes on. */
  resume(thread: Thread, answer?: Omit<Answer, 'answeredMs'>): void {
    const { host } = thread
    if (!host.isAlive) return
    if (host.stoppedUntilMs > this.nowMs)
      return this.#schedule(host.stoppedUntilMs - this.nowMs, () => this.resume(thread, answer))
    const answeredMs = host.clock(this.nowMs)
    const step = answer ? thread.procedure.next({ ...answer, answeredMs }) : thread.procedure.next()
    if (!step.done) this.#dispatch(thread, step.value)
  }

  #dispatch(thread: Thread, command: Command): void {
    const { host } = thread
    const issuedMs = host.clock(this.nowMs)
    this.counts.commands++
    switch (command.kind) {
      case 'wait':
        return this.#schedule(command.ms, () => this.resume(thread, { kind: 'done', issuedMs }))
      case 'event':
        this.#told(host, command.event)
        return this.#schedule(0, () => this.resume(thread, { kind: 'done', issuedMs }))
      case 'replay':
        return this.#replay(thread, command.host)
      default:
        return this.#send(thread, command)
    }
  }

  #send(thread: Thread, command: Io): void {
    const { host } = thread
    const issuedMs = host.clock(this.nowMs)
    const answer = (atMs: number, executed: Omit<Answer, 'issuedMs' | 'answeredMs'>) =>
      this.#schedule(atMs, () => this.resume(thread, host.forge(thread, command, { ...executed, issuedMs })))
    if (command.kind === 'write' && command.fenced && !host.mayWrite(issuedMs)) {
      this.counts.fenced++
      return answer(0, { kind: 'fenced' })
    }
    const refused = host.refuse(thread, command)
    if (refused) return answer(refused === 'done' ? 0 : 1, { kind: refused })
    if (host.toldOfReset || this.#chance(0.004)) {
      host.toldOfReset = false
      if (command.kind === 'reserve') host.reservation.end(thread)
      return answer(1, { kind: 'failed' })
    }
    const { nexus } = host
    const toDisk = this.#delay(command.timeoutMs * 1.2)
    const back = this.#delay(command.timeoutMs * 1.5)
    if (toDisk >= command.timeoutMs) return answer(command.timeoutMs, { kind: 'timeout' })
    this.#schedule(toDisk, () => {
      const left = command.timeoutMs - toDisk
      if (host.nexus !== nexus) return answer(left, { kind: 'timeout' })
      const executed = this.#execute(host, command)
      if (back >= left) return answer(left, { kind: 'timeout' })
      const isOver = command.kind === 'release' || (command.kind === 'reserve' && executed.kind !== 'done')
      if (isOver) host.reservation.end(thread)
      answer(back, executed)
    })
  }

  #execute(host: SimulatedHost, command: Io) {
    const before = 'offset' in command ? this.disk.at(command.offset) : undefined
    const executed = this.disk.execute(host, command)
    const isChange = (command.kind === 'write' || command.kind === 'compareAndWrite') && executed.kind === 'done'
    if (isChange) this.#changed(host, command.offset, before, this.disk.at(command.offset))
    return executed
  }

  #changed(host: SimulatedHost, offset: number, before: Buffer | undefined, after: Buffer): void {
    if (offset >= DATA_AT) return this.#guardedWrite(host, offset)
    if (offset >= LOCKS_AT) return this.#lockChanged(host, before!, after)
    const victim = occupantOf(before!, offset)
    const isClaim = replayerOf(after) !== undefined && !replayerOf(before!)
    const unchangedMs = this.nowMs - (this.#slotChangedMs.get(offset) ?? 0)
    if (victim && isClaim && unchangedMs < this.settings.lostMs)
      throw new Error(`${host.name} takes ${victim.host} for dead, whose slot changed ${unchangedMs} ms ago`)
    if (victim && !isClaim && victim.host !== host.uuid && !replayerOf(before!))
      throw new Error(`${host.name} writes over the slot of ${victim.host}`)
    if (occupantOf(after, offset)?.host === host.uuid) this.#slotChangedMs.set(offset, this.nowMs)
  }

  #guardedWrite(host: SimulatedHost, offset: number): void {
    this.counts.guardedWrites++
    const lock = this.disk.at(LOCKS_AT + offset - DATA_AT)
    const holder = holdersOf(lock)[0]
    if (holder?.host !== host.uuid || decodeLock(lock).mode !== LOCK_MODE.exclusive)
      throw new Error(`${host.name} writes what a lock guards that ${holder?.host ?? 'nobody'} holds`)
  }

  #lockChanged(host: SimulatedHost, before: Buffer, after: Buffer): void {
    const stay = holdersOf(after)
    for (const gone of holdersOf(before)) {
      if (gone.host === host.uuid || stay.some((other) => sameHolder(other, gone))) continue
      if (isUntouched(this.disk.at(gone.heartbeatOffset), gone))
        throw new Error(`${host.name} breaks a lock of ${gone.host}, whose heartbeat nobody has cleared`)
      this.#demandNoneWrites(gone)
    }
  }

  #demandNoneWrites(gone: Holder): void {
    const owner = this.#hosts.find(({ uuid, isAlive }) => isAlive && uuid === gone.host)
    const awake = owner && owner.stoppedUntilMs <= this.nowMs
    if (awake && owner.mayWrite(owner.clock(this.nowMs)) && owner.machine.isOwn(gone))
      throw new Error(`a lock of ${owner.name} is broken, which goes on to write`)
  }

  #replay(thread: Thread, dead: string): void {
    const { host } = thread
    const issuedMs = host.clock(this.nowMs)
    if (!host.mayWrite(issuedMs)) return this.#schedule(0, () => this.resume(thread, { kind: 'fenced', issuedMs }))
    const { nexus } = host
    this.#schedule(this.pick(1, 4000), () => {
      if (host.nexus !== nexus) return this.resume(thread, { kind: 'failed', issuedMs })
      const isClaimed = this.slotOffsets.some((offset) => {
        const image = this.disk.at(offset)
        return occupantOf(image, offset)?.host === dead && replayerOf(image)?.host === host.uuid
      })
      if (!isClaimed) throw new Error(`${host.name} replays the journal of ${dead}, which it has not claimed`)
      this.resume(thread, { kind: 'done', issuedMs })
    })
  }

  #told(host: SimulatedHost, event: LockingEvent): void {
    this.events.push({ ...event, host: host.name })
    if (event.kind !== 'heartbeat lost') return
    const slot = this.slotOffsets.find((offset) => {
      const occupant = occupantOf(this.disk.at(offset), offset)
      return occupant?.host === host.uuid && isUntouched(this.disk.at(offset), occupant)
    })
    if (slot !== undefined) throw new Error(`${host.name} gives up a heartbeat that nobody has taken from it`)
  }

  /** One fault, and the next one later. */
  #trouble(): void {
    if (this.isCalm) return
    const host = this.#hosts[this.pick(0, this.#hosts.length)]!
    const kind = this.random()
    if (host.isAlive && kind < 0.25) this.#crash(host)
    else if (host.isAlive && kind < 0.75) this.#stop(host, this.pick(500, 40_000))
    this.#schedule(this.pick(1000, 15_000), () => this.#trouble())
  }

  #crash(host: SimulatedHost): void {
    this.counts.crashes++
    host.isAlive = false
    const loseNexus = () => {
      host.nexus++
      this.disk.drop(host)
    }
    this.#schedule(this.random() < 0.5 ? 0 : NEXUS_LOSS_MS, loseNexus)
    const index = this.#hosts.indexOf(host)
    this.#schedule(this.pick(1000, 40_000), () => this.#start(index))
  }

  /** SIGSTOP, and SIGCONT later. */
  #stop(host: SimulatedHost, ms: number): void {
    this.counts.pauses++
    host.stoppedUntilMs = Math.max(host.stoppedUntilMs, this.nowMs + ms)
    if (ms < NEXUS_LOSS_MS || !this.#dropsNexus) return
    this.#schedule(NEXUS_LOSS_MS, () => {
      host.nexus++
      host.toldOfReset = true
      this.disk.drop(host)
    })
  }

  #start(index: number): void {
    const host = new SimulatedHost(this, index, ++this.#number)
    this.#hosts[index] = host
    for (const thread of host.threads()) this.#schedule(this.pick(0, 1000), () => this.resume(thread))
  }

  /** Mostly short; now and then up to `longestMs`. */
  #delay(longestMs: number): number {
    return this.#chance(0.01) ? this.pick(1, longestMs) : this.pick(1, 8)
  }

  #chance(probability: number): boolean {
    return !this.isCalm && this.random() < probability
  }

  #schedule(ms: number, run: () => void): void {
    const due: Due = { atMs: this.nowMs + ms, number: ++this.#number, run }
    let at = this.#queue.length
    while (at > 0 && isBefore(this.#queue[at - 1]!, due)) at--
    this.#queue.splice(at, 0, due)
  }

  #pop(): Due | undefined {
    return this.#queue.pop()
  }
}

/** The queue ends with what is due first. */
const isBefore = (a: Due, b: Due): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number)
