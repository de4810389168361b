// Procedures of several hosts on one model disk in virtual time: every command takes a millisecond, and nothing happens by chance.

import { Burials, type LockingHost } from '../../../../src/host/vmfs/locking/burial.ts'
import type {
  Answer,
  AnswerKind,
  Command,
  LockingEvent,
  Procedure,
} from '../../../../src/host/vmfs/locking/commands.ts'
import { beaten, stampOf, taken } from '../../../../src/host/vmfs/locking/heartbeat-images.ts'
import { granted, type Holder } from '../../../../src/host/vmfs/locking/lock-images.ts'
import { PeerWatch } from '../../../../src/host/vmfs/locking/peer-watch.ts'
import { LOCKING_DEFAULTS, type LockingSettings } from '../../../../src/host/vmfs/locking/settings.ts'
import { HEARTBEAT, HEARTBEAT_OFFSET, HEARTBEAT_STATE } from '../../../../src/host/vmfs/structures/heartbeat.ts'
import { encodeLock, LOCK_TYPE } from '../../../../src/host/vmfs/structures/lock.ts'
import { type Io, ModelDisk } from './model-disk.ts'

const SECTOR = 512
const COMMAND_MS = 1

export interface Sent {
  readonly host: string
  readonly command: Io
  readonly atMs: number
}
export interface Replay {
  readonly by: string
  readonly host: string
  readonly fromMs: number
  readonly untilMs: number | undefined
}

interface Due {
  readonly atMs: number
  readonly run: () => void
}

/** A host that does what a test tells it. */
export class VirtualHost implements LockingHost {
  readonly settings: LockingSettings
  readonly watch: PeerWatch
  readonly burials: Burials
  readonly own: Holder
  /** Its disk is away: nothing that it sends is carried out. */
  isCut = false
  /** How its replays end. */
  replays: AnswerKind = 'done'
  replayMs = 100
  readonly events: LockingEvent[] = []
  isAlive = true

  constructor(own: Holder, settings: LockingSettings, isEnded?: (host: string) => boolean) {
    this.own = own
    this.settings = settings
    this.watch = PeerWatch.of(settings)
    this.burials = new Burials(settings, isEnded)
  }

  holder(): Holder {
    return this.own
  }
}

export class VirtualTime {
  readonly disk = new ModelDisk()
  readonly settings: LockingSettings
  readonly sent: Sent[] = []
  readonly replays: Replay[] = []
  nowMs = 0
  #queue: Due[] = []
  #hosts = 0

  constructor(settings: Partial<LockingSettings> = {}) {
    this.settings = { ...LOCKING_DEFAULTS, ...settings }
  }

  slot(index: number): number {
    return HEARTBEAT_OFFSET + index * SECTOR
  }

  free(index: number): void {
    const offset = this.slot(index)
    this.disk.put(
      offset,
      HEARTBEAT.encode({ state: HEARTBEAT_STATE.free, offset, generation: 0n }, Buffer.alloc(SECTOR)),
    )
  }

  /** A host that has taken this slot, and does not beat by itself. */
  host(
    index: number,
    options: { isEnded?: (host: string) => boolean; settings?: Partial<LockingSettings> } = {},
  ): VirtualHost {
    const offset = this.slot(index)
    const uuid = `${(++this.#hosts).toString(16).padStart(8, '0')}-00000000-0000-${index.toString(16).padStart(12, '0')}`
    this.free(index)
    const owner = { host: uuid, journalAddress: 1, journalOffset: 4096, driverMajor: 14, driverMinor: 81 }
    this.disk.put(offset, taken(this.disk.at(offset), offset, { ...owner, lockImplementation: 2 }, 1n)!)
    const own = { host: uuid, heartbeatOffset: offset, heartbeatGeneration: 1n }
    return new VirtualHost(own, { ...this.settings, ...options.settings }, options.isEnded)
  }

  /** The host beats from now on, as long as it lives. */
  beat(host: VirtualHost): void {
    const { heartbeatOffset } = host.own
    this.at(this.nowMs + this.settings.beatMs, () => {
      if (!host.isAlive) return
      const image = this.disk.at(heartbeatOffset)
      this.disk.put(heartbeatOffset, beaten(image, stampOf(image) + 1n))
      this.beat(host)
    })
  }

  lock(offset: number, holder: Holder): void {
    const image = encodeLock({ type: LOCK_TYPE.fileDescriptor, offset }, Buffer.alloc(SECTOR))
    this.disk.put(offset, granted(image, holder, 'exclusive', [])!)
  }

  /** The slots as a host reads them all. */
  seen(...hosts: readonly VirtualHost[]) {
    return hosts.map(({ own: { heartbeatOffset: slotOffset } }) => ({ slotOffset, image: this.disk.at(slotOffset) }))
  }

  start<Result>(host: VirtualHost, procedure: Procedure<Result>): { result?: Result } {
    const end: { result?: Result } = {}
    const resume = (answer?: Answer): void => {
      if (!host.isAlive) return
      const step = answer ? procedure.next(answer) : procedure.next()
      if (step.done) end.result = step.value
      else this.#carryOut(host, step.value, resume)
    }
    resume()
    return end
  }

  at(atMs: number, run: () => void): void {
    this.#queue.push({ atMs, run })
    // Of those that are due at once the first one first: sort is stable.
    this.#queue.sort((a, b) => a.atMs - b.atMs)
  }

  runUntil(ms: number): void {
    while (this.#queue[0] && this.#queue[0].atMs <= ms) {
      const due = this.#queue.shift()!
      this.nowMs = due.atMs
      due.run()
    }
    this.nowMs = ms
  }

  reads(slotOffset: number, by: VirtualHost): number[] {
    return this.sent
      .filter(({ host, command }) => host === by.own.host && command.kind === 'read' && command.offset === slotOffset)
      .map(({ atMs }) => atMs)
  }

  #carryOut(host: VirtualHost, command: Command, resume: (answer: Answer) => void): void {
    const issuedMs = this.nowMs
    const answer = (afterMs: number, tell: () => Pick<Answer, 'kind' | 'image'>): void =>
      this.at(issuedMs + afterMs, () => resume({ ...tell(), issuedMs, answeredMs: this.nowMs }))
    switch (command.kind) {
      case 'wait':
        return answer(command.ms, () => ({ kind: 'done' }))
      case 'event':
        host.events.push(command.event)
        return answer(0, () => ({ kind: 'done' }))
      case 'replay':
        this.replays.push({ by: host.own.host, host: command.host, fromMs: issuedMs, untilMs: command.untilMs })
        return answer(host.replayMs, () => ({ kind: host.replays }))
      default:
        this.sent.push({ host: host.own.host, command, atMs: issuedMs })
        return answer(COMMAND_MS, () => (host.isCut ? { kind: 'failed' } : this.disk.execute(host, command)))
    }
  }
}
