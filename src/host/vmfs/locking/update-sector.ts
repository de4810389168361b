// Changes one sector that other hosts change as well, by the method that the table has for the operation: ATS with what was read as
// the test image, or read and write under a reservation of the whole LUN. Who knows what the sector holds spares the first read.

import { type Answer, type AnswerKind, type Procedure, send } from './commands.ts'
import { type Method, methodOf, type SectorOperation } from './operations.ts'
import type { LockingSettings } from './settings.ts'

/** What is to become of a sector that holds `image`: its replacement, or the reason for leaving it. */
type Decide<Reason> = (image: Buffer) => { readonly write: Buffer } | { readonly leave: Reason }

export type Updated<Reason> =
  | { readonly kind: 'written'; readonly image: Buffer }
  | { readonly kind: 'left'; readonly reason: Reason; readonly image: Buffer }
  | Failure

export interface Failure {
  readonly kind: 'failed'
  /** The answer that ended it, the last of many where it was tried again: 'miscompare' when it met others each time. */
  readonly why: AnswerKind
}

/** Miscompares and answers that did not come in one operation: each is a host that was faster, or a fault. */
const MAX_ATTEMPTS = 32

/** One that is not answered is tried again, for its connection may have been lost; the next time it is the array that fails at it. */
const MAX_UNANSWERED = 2

const failed = (why: AnswerKind): Failure => ({ kind: 'failed', why })

/** @param known what the sector held last, for all that is known: by ATS it is the first test image, and a miscompare means read it */
export function* updateSector<Reason>(
  settings: LockingSettings,
  operation: SectorOperation,
  offset: number,
  decide: Decide<Reason>,
  known?: Buffer,
): Procedure<Updated<Reason>> {
  const update = new SectorUpdate(settings, operation, offset, decide)
  const method = methodOf(operation, settings.mode, settings.heartbeatByAts, settings.acceleratedLocking)
  return method === 'reservation' ? yield* update.underReservation() : yield* update.byAts(method, known)
}

class SectorUpdate<Reason> {
  readonly #settings: LockingSettings
  readonly #operation: SectorOperation
  readonly #offset: number
  readonly #decide: Decide<Reason>
  /** What was sent and not answered as done: found on the medium, it was carried out. */
  readonly #intended: Buffer[] = []

  constructor(settings: LockingSettings, operation: SectorOperation, offset: number, decide: Decide<Reason>) {
    this.#settings = settings
    this.#operation = operation
    this.#offset = offset
    this.#decide = decide
  }

  *byAts(method: Method, known?: Buffer): Procedure<Updated<Reason>> {
    // Where a miscompare costs a reservation of the LUN, nothing is guessed.
    let image = method === 'ATS when uncontended' ? undefined : known
    let why: AnswerKind = 'miscompare'
    let unanswered = 0
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const next = yield* this.#next(image)
      image = undefined
      if (next.kind !== 'write') return next.result
      const { expected, replacement } = next
      const { kind } = yield* this.#send({ kind: 'compareAndWrite', offset: this.#offset, expected, replacement })
      if (kind === 'done') return { kind: 'written', image: replacement }
      this.#intended.push(replacement)
      why = kind
      unanswered = kind === 'timeout' ? unanswered + 1 : 0
      const contended = kind === 'miscompare' && method === 'ATS when uncontended'
      const hasFailed = kind === 'unsupported' || kind === 'failed' || unanswered === MAX_UNANSWERED
      if (contended || (hasFailed && method !== 'ATS')) return yield* this.underReservation()
      if (kind === 'failed') yield { kind: 'wait', ms: this.#settings.contentionWaitMs }
      else if (kind !== 'miscompare' && kind !== 'timeout') return failed(kind)
    }
    return failed(why)
  }

  *underReservation(): Procedure<Updated<Reason>> {
    let why: AnswerKind = 'failed'
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { kind } = yield* this.#send({ kind: 'reserve', offset: this.#offset })
      if (kind === 'done') {
        const result = yield* this.#reserved()
        yield* this.#release()
        if (result.kind !== 'failed') return result
        why = result.why
      } else {
        why = kind
        if (kind !== 'timeout' && kind !== 'failed') return failed(kind)
      }
      yield { kind: 'wait', ms: this.#settings.conflictWaitMs }
    }
    yield* this.#release()
    return failed(why)
  }

  /** Until it is answered: a reservation that stays closes the LUN to all others. */
  *#release(): Procedure<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { kind } = yield* this.#send({ kind: 'release', offset: this.#offset })
      if (kind !== 'timeout' && kind !== 'failed') return
      yield { kind: 'wait', ms: this.#settings.conflictWaitMs }
    }
  }

  /** Once: what fails may have lost the reservation. */
  *#reserved(): Procedure<Updated<Reason>> {
    const next = yield* this.#next()
    if (next.kind !== 'write') return next.result
    const { replacement: image } = next
    const { kind } = yield* this.#send({ kind: 'write', offset: this.#offset, image, fenced: false })
    if (kind === 'done') return { kind: 'written', image }
    this.#intended.push(image)
    return failed(kind)
  }

  /** Reads, and decides; what is known is read where nothing is to be written over it. */
  *#next(
    known?: Buffer,
  ): Procedure<
    | { readonly kind: 'write'; readonly expected: Buffer; readonly replacement: Buffer }
    | { readonly kind: 'end'; readonly result: Updated<Reason> }
  > {
    const guess = known && this.#decide(known)
    if (guess && 'write' in guess) return { kind: 'write', expected: known, replacement: guess.write }
    const { kind, image } = yield* readSector(this.#settings, this.#operation, this.#offset)
    if (kind !== 'done' || !image) return { kind: 'end', result: failed(kind) }
    if (this.#intended.some((intended) => intended.equals(image)))
      return { kind: 'end', result: { kind: 'written', image } }
    const decision = this.#decide(image)
    if ('leave' in decision) return { kind: 'end', result: { kind: 'left', reason: decision.leave, image } }
    return { kind: 'write', expected: image, replacement: decision.write }
  }

  #send(io: Parameters<typeof send>[2]): Procedure<Answer> {
    return send(this.#settings, this.#operation, io)
  }
}

/** Reading twice changes nothing: what fails once is tried again. */
export function* readSector(settings: LockingSettings, operation: SectorOperation, offset: number): Procedure<Answer> {
  const answer = yield* send(settings, operation, { kind: 'read', offset })
  if (answer.kind === 'done' || answer.kind === 'conflict') return answer
  return yield* send(settings, operation, { kind: 'read', offset })
}
