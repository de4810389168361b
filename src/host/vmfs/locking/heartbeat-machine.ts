// A host's own heartbeat: a slot is acquired, beaten as long as the volume is open, and given back. When no beat gets through, or the
// slot is not what it is to be, all I/O stops until the slot was read again: it is untouched, and the host goes on; it was cleared,
// and the host starts anew without its locks; or it is being replayed, and the host waits for the end of that, or of who does it.

import type { Answer, AnswerKind, Command, LockingEvent, LockingEventKind, Procedure } from './commands.ts'
import {
  beaten,
  cleared,
  isUntouched,
  occupantOf,
  replayerOf,
  type SlotOwner,
  stampOf,
  taken,
  withJournal,
} from './heartbeat-images.ts'
import { type Holder, sameHolder } from './lock-images.ts'
import { implementationOf, methodOf } from './operations.ts'
import type { Watch } from './peer-watch.ts'
import { type LockingSettings, leaseMs } from './settings.ts'
import { readSector, updateSector } from './update-sector.ts'

export interface HeartbeatPlace {
  /** What events call the volume. */
  readonly volume: string
  readonly owner: SlotOwner
  /** The slots to try, the first one first. */
  readonly slots: readonly number[]
}

interface Beat {
  readonly image: Buffer
  readonly issuedMs: number
}

/** Beats that were sent since the last one that is known to be on the medium. */
const MAX_INTENDED = 32

type Found = 'untouched' | 'cleared' | 'unreadable' | { readonly replayer: Holder }

export class HeartbeatMachine {
  readonly #settings: LockingSettings
  readonly #place: HeartbeatPlace
  readonly #watch: Watch
  #holder: Holder | undefined
  /** On the medium for all that is known. */
  #last: Beat | undefined
  #intended: Beat[] = []
  #access = false
  #nowMs = 0
  /** When the procedure under way sent its first command. */
  #startedMs = 0
  #ending = false
  #failure: AnswerKind | undefined

  /** @param watch of the peers that may replay this host's journal */
  constructor(settings: LockingSettings, place: HeartbeatPlace, watch: Watch) {
    this.#settings = settings
    this.#place = place
    this.#watch = watch
  }

  /** As whom the host takes locks; nothing while it has no slot. A lock belongs to one generation of one slot. */
  get holder(): Holder | undefined {
    return this.#holder
  }

  /** All I/O of the volume stops while there is none. */
  get hasAccess(): boolean {
    return this.#access
  }

  /** Whether a plain write may start now: its end comes before a peer may take the host for dead. */
  mayWrite(nowMs: number): boolean {
    return this.#access && this.#last !== undefined && nowMs - this.#last.issuedMs < leaseMs(this.#settings)
  }

  /** How the command ended that kept the last `acquire` from a slot; nothing where none was free. */
  get failure(): AnswerKind | undefined {
    return this.#failure
  }

  /** Whether this is the host's slot, as it knows it. */
  isOwn(holder: Holder): boolean {
    return this.#holder !== undefined && sameHolder(this.#holder, holder)
  }

  /** Operation 4. @returns false when no slot was to be had, or with `failure` */
  *acquire(slots = this.#place.slots): Procedure<boolean> {
    this.#failure = undefined
    for (const offset of slots) {
      const result = yield* this.#timed(
        updateSector<'used'>(this.#settings, 'acquire heartbeat', offset, (image) => {
          const write = taken(
            image,
            offset,
            { ...this.#place.owner, lockImplementation: this.#implementation },
            this.#stamp(image),
          )
          return write ? { write } : { leave: 'used' }
        }),
      )
      if (result.kind === 'failed') {
        this.#failure = result.why
        return false
      }
      if (result.kind === 'left') continue
      this.#holder = occupantOf(result.image, offset)
      this.#confirm({ image: result.image, issuedMs: this.#startedMs })
      this.#access = true
      return true
    }
    return false
  }

  /** A part of operation 4, while no beat is under way. @returns false when the slot is not ours any more */
  *nameJournal(address: number, offset: number): Procedure<boolean> {
    const own = this.#holder
    if (!own) return false
    const result = yield* this.#timed(
      updateSector<'not ours'>(this.#settings, 'acquire heartbeat', own.heartbeatOffset, (image) =>
        isUntouched(image, own)
          ? { write: withJournal(beaten(image, this.#stamp(image)), address, offset, this.#implementation) }
          : { leave: 'not ours' },
      ),
    )
    if (result.kind !== 'written') return false
    this.#confirm({ image: result.image, issuedMs: this.#startedMs })
    return true
  }

  /** Beats until `end`; it returns no sooner than the beat under way is over. */
  *run(): Procedure<void> {
    this.#ending = false
    while (!this.#ending) {
      yield* this.#wait(this.#settings.beatMs)
      if (this.#ending) return
      yield* this.#timed(this.#beat())
    }
  }

  /** Operation 6: gives the slot back. The locks must be free by then. @returns false when it was not ours any more */
  *clear(): Procedure<boolean> {
    this.#ending = true
    const own = this.#holder
    if (!own) return false
    this.#access = false
    const result = yield* updateSector<'not ours'>(this.#settings, 'clear heartbeat', own.heartbeatOffset, (image) =>
      isUntouched(image, own) ? { write: cleared(image, 'own end') } : { leave: 'not ours' },
    )
    this.#holder = undefined
    return result.kind === 'written'
  }

  /** The next beat is the last one. */
  end(): void {
    this.#ending = true
  }

  /** Operation 5, until a beat is on the medium. */
  *#beat(): Procedure<void> {
    const { mode, heartbeatByAts, acceleratedLocking } = this.#settings
    let method = methodOf('maintain heartbeat', mode, heartbeatByAts, acceleratedLocking)
    for (;;) {
      const last = this.#last
      const leftMs = last ? last.issuedMs + this.#settings.lostMs - this.#nowMs : 0
      if (!last || leftMs <= 0) return yield* this.#regain()
      const image = beaten(last.image, this.#stamp(last.image))
      const byAts = method === 'ATS' || method === 'ATS, on failure plain write'
      const answer = yield* this.#sendBeat(last.image, image, byAts, Math.min(this.#settings.ioTimeoutMs, leftMs))
      switch (answer.kind) {
        case 'done':
          return this.#confirm({ image, issuedMs: answer.issuedMs })
        case 'miscompare':
          this.#intend({ image, issuedMs: answer.issuedMs })
          if (yield* this.#afterMiscompare()) return
          break
        case 'fenced':
          return yield* this.#regain()
        case 'timeout':
          this.#intend({ image, issuedMs: answer.issuedMs })
          break
        case 'conflict':
          yield* this.#wait(this.#settings.conflictWaitMs)
          break
        default:
          this.#intend({ image, issuedMs: answer.issuedMs })
          if (method === 'ATS, on failure plain write') method = 'plain write'
          else yield* this.#wait(Math.min(this.#settings.retryMs, leftMs))
      }
    }
  }

  *#sendBeat(expected: Buffer, replacement: Buffer, byAts: boolean, timeoutMs: number): Procedure<Answer> {
    const offset = this.#holder!.heartbeatOffset
    const command: Command = byAts
      ? { kind: 'compareAndWrite', offset, expected, replacement, operation: 'maintain heartbeat', timeoutMs }
      : { kind: 'write', offset, image: replacement, fenced: true, operation: 'maintain heartbeat', timeoutMs }
    return yield command
  }

  /**
   * All I/O stops, and the slot is read again: the beat that was answered too late, or not at all, may be what stands there.
   * @returns whether a beat of ours is there, or the slot has been settled in another way
   */
  *#afterMiscompare(): Procedure<boolean> {
    const { volume } = this.#place
    const offset = this.#holder!.heartbeatOffset
    this.#access = false
    yield* this.#tell(
      'miscompare',
      `ATS Miscompare detected between test and set HB images at offset ${offset} on vol ${volume}`,
    )
    const found = yield* this.#look()
    if (found !== 'untouched') {
      yield* this.#regain()
      return true
    }
    this.#access = true
    return this.#intended.length === 0
  }

  /** Reads the slot; a beat of ours that is there counts from when it was sent. */
  *#look(): Procedure<Found> {
    const own = this.#holder
    if (!own) return 'cleared'
    const { kind, image } = yield* readSector(this.#settings, 'reclaim heartbeat', own.heartbeatOffset)
    if (kind !== 'done' || !image) return 'unreadable'
    if (isUntouched(image, own)) {
      const intended = this.#intended.find((beat) => beat.image.equals(image))
      if (intended) {
        this.#confirm(intended)
        yield* this.#tell(
          'false miscompare',
          `the HB image at offset ${own.heartbeatOffset} on vol ${this.#place.volume} is the one that was to be set`,
        )
      } else this.#last = { image, issuedMs: this.#last?.issuedMs ?? Number.NEGATIVE_INFINITY }
      return 'untouched'
    }
    const occupant = occupantOf(image, own.heartbeatOffset)
    const replayer = replayerOf(image)
    return occupant && sameHolder(occupant, own) && replayer ? { replayer } : 'cleared'
  }

  /** Access is lost until the slot could be read, and is settled. */
  *#regain(): Procedure<void> {
    this.#access = false
    const { volume } = this.#place
    yield* this.#tell(
      'lost access',
      `Lost access to volume ${volume} due to connectivity issues. Recovery attempt is in progress and outcome will be ` +
        'reported shortly.',
    )
    while (!this.#ending && !(yield* this.#settle())) yield* this.#wait(this.#settings.retryMs)
    if (this.#access)
      yield* this.#tell('restored', `Successfully restored access to volume ${volume} following connectivity issues.`)
  }

  /** One attempt. */
  *#settle(): Procedure<boolean> {
    const found = yield* this.#look()
    if (found === 'untouched') return yield* this.#reclaim()
    if (typeof found === 'object')
      return (yield* this.#isSilent(found.replayer)) && (yield* this.#reclaim(found.replayer))
    if (found === 'unreadable') return false
    if (this.#holder) {
      const { heartbeatOffset, heartbeatGeneration } = this.#holder
      this.#holder = undefined
      this.#last = undefined
      this.#intended = []
      yield* this.#tell(
        'heartbeat lost',
        `the HB slot at offset ${heartbeatOffset} on vol ${this.#place.volume} was taken from generation ` +
          `${heartbeatGeneration} of this host: its locks are gone`,
      )
    }
    return yield* this.acquire()
  }

  /** Whether a host that replays has died over it: what it writes is over by then as well. */
  *#isSilent(replayer: Holder): Procedure<boolean> {
    const { heartbeatOffset } = replayer
    const read = yield* readSector(this.#settings, 'reclaim heartbeat', heartbeatOffset)
    if (read.kind !== 'done' || !read.image) return false
    const occupant = occupantOf(read.image, heartbeatOffset)
    // It may have no slot: then what it has claimed is its lease.
    const isLease = heartbeatOffset === this.#holder?.heartbeatOffset
    if (!isLease && (!occupant || !sameHolder(occupant, replayer))) return true
    return this.#watch.isDead(heartbeatOffset, { ...read, image: read.image })
  }

  /** Operation 8: the slot is still ours, also when a host that is `gone` had begun to replay it. */
  *#reclaim(gone?: Holder): Procedure<boolean> {
    const own = this.#holder!
    const isOurs = (image: Buffer): boolean => {
      const occupant = occupantOf(image, own.heartbeatOffset)
      const replayer = replayerOf(image)
      if (!occupant || !sameHolder(occupant, own)) return false
      return !replayer || (gone !== undefined && sameHolder(replayer, gone))
    }
    const result = yield* this.#timed(
      updateSector<'not ours'>(this.#settings, 'reclaim heartbeat', own.heartbeatOffset, (image) =>
        isOurs(image) ? { write: beaten(image, this.#stamp(image)) } : { leave: 'not ours' },
      ),
    )
    if (result.kind !== 'written') return false
    this.#confirm({ image: result.image, issuedMs: this.#startedMs })
    this.#access = true
    return true
  }

  get #implementation(): number {
    return implementationOf(this.#settings.mode, this.#settings.acceleratedLocking)
  }

  #confirm(beat: Beat): void {
    this.#last = beat
    this.#intended = []
  }

  #intend(beat: Beat): void {
    this.#intended.push(beat)
    if (this.#intended.length > MAX_INTENDED) this.#intended.shift()
  }

  /** Another one than before, whatever the clock says: that the slot changes is all that a peer sees. */
  #stamp(image: Buffer): bigint {
    const now = BigInt(Math.max(0, Math.round(this.#nowMs * 1000)))
    const last = stampOf(image)
    return now > last ? now : last + 1n
  }

  *#wait(ms: number): Procedure<void> {
    const { answeredMs } = yield { kind: 'wait', ms }
    this.#nowMs = answeredMs
  }

  *#tell(kind: LockingEventKind, text: string): Procedure<void> {
    const event: LockingEvent = { kind, text }
    const { answeredMs } = yield { kind: 'event', event }
    this.#nowMs = answeredMs
  }

  /** Passes a procedure's commands on, and takes the time from their answers. */
  *#timed<Result>(procedure: Procedure<Result>): Procedure<Result> {
    let isFirst = true
    for (let step = procedure.next(); ; ) {
      if (step.done) return step.value
      const answer = yield step.value
      this.#nowMs = answer.answeredMs
      if (isFirst) this.#startedMs = answer.issuedMs
      isFirst = false
      step = procedure.next(answer)
    }
  }
}
