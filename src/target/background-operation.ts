// What runs in the background of a logical unit and has its medium for itself: SANITIZE (SBC-3 4.11) or FORMAT UNIT (SBC-4
// 4.34). It outlives its command, every reset and every connection. Where the medium outlives the array, so does the
// operation: it goes on after a restart, and one that has failed has still failed, so that nothing is half erased in silence.

import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { AbortedError, StoreError } from '../../luns/errors.ts'
import { SENSE, type SenseData, SenseError } from '../../protocol/scsi/sense.ts'
import type { UnitState } from '../config/unit-state.ts'
import { type Medium, type Order, orderSchema, type Pass, passesOf } from './background-passes.ts'
import type { CopyOperation } from './copy-operations.ts'
import type { Need } from './readiness.ts'

/** The part of the unit's state. */
const PART = 'background'
const partSchema = z.strictObject({ order: orderSchema, passes: z.int().min(0), failed: z.boolean() })

interface Running {
  readonly order: Order
  readonly passes: readonly Pass[]
  readonly minimumMs: number
  readonly stopping: AbortController
  since: number
  /** How many passes are done, and how much of the next. */
  passesDone: number
  passDone: number
}

interface Begun {
  /** From here on it will be carried out, whatever happens. Rejects when that cannot be promised, and nothing is done. */
  readonly begun: Promise<void>
  /** Rejects with the sense of a failure, and with AbortedError when the array is closed. */
  readonly done: Promise<void>
}

export class BackgroundOperation {
  /** A SANITIZE OVERWRITE that begins now lasts at least this long. */
  sanitizeSeconds: number
  readonly #medium: Medium
  readonly #state: UnitState
  #running: Running | undefined
  #failed: Order | undefined
  #done: Promise<void> | undefined
  readonly #copies = new Map<Promise<unknown>, CopyOperation>()

  /** Throws OperatorError when what was kept of an operation makes no sense. */
  constructor(medium: Medium, state: UnitState, sanitizeSeconds: number) {
    this.#medium = medium
    this.#state = state
    this.sanitizeSeconds = sanitizeSeconds
    const kept = state.load(PART, partSchema)
    if (kept?.failed) this.#failed = kept.order
    else if (kept) this.#running = this.#prepare(kept.order, kept.passes)
  }

  /** Why a command with this need cannot run now. */
  refusal(need: Need): SenseData | undefined {
    if (this.#running) return inProgress(this.#running)
    if (!this.#failed) return undefined
    if (isSanitize(this.#failed)) return need === 'sanitizable' ? undefined : { sense: SENSE.SANITIZE_COMMAND_FAILED }
    return need === 'medium' ? { sense: SENSE.MEDIUM_FORMAT_CORRUPTED } : undefined
  }

  /** The last SANITIZE has failed, in the restricted completion mode or not (SBC-3 4.11.3). */
  get sanitizeFailed(): { readonly ause: boolean } | undefined {
    return this.#failed && isSanitize(this.#failed) ? this.#failed : undefined
  }

  /** Goes on with what an earlier run of the array left undone. */
  resume(): void {
    const running = this.#running
    if (running && !this.#done) this.#follow(this.#carryOut(running))
  }

  /** Follows what reaches the medium by no task of the unit's own, a third-party copy: it ends before an operation begins. */
  async letEnd<T>(work: Promise<T>, copy: CopyOperation): Promise<T> {
    this.#copies.set(work, copy)
    try {
      return await work
    } finally {
      this.#copies.delete(work)
    }
  }

  /** The copies that read or write the medium now, whichever logical unit was asked for them. */
  get copies(): Iterable<CopyOperation> {
    return this.#copies.values()
  }

  /** From now on the unit is not ready. The medium is touched when the unit's tasks that are under way have ended. */
  begin(order: Order, tasksEnded: Promise<void>): Begun {
    const running = this.#prepare(order, 0)
    const failedBefore = this.#failed
    this.#running = running
    this.#failed = undefined
    const begun = this.#keep(running).catch((error: unknown) => {
      this.#running = undefined
      this.#failed = failedBefore
      throw error
    })
    const othersEnded = Promise.allSettled([tasksEnded, ...this.#copies.keys()])
    const alone = Promise.race([othersEnded, aborted(running.stopping.signal)])
    const done = begun.then(() => alone).then(() => this.#carryOut(running))
    this.#follow(done)
    return { begun, done }
  }

  /** A failed SANITIZE counts as done (SBC-3 5.24.2.5). */
  async exitFailureMode(): Promise<void> {
    if (!this.sanitizeFailed) return
    if (this.#state.persistent) await this.#state.save(PART, undefined)
    this.#failed = undefined
  }

  /** The array closes: the operation stops where it is. Resolves when it touches nothing any more. */
  async stop(): Promise<void> {
    this.#running?.stopping.abort()
    await this.#done
  }

  #prepare(order: Order, passesDone: number): Running {
    return {
      order,
      passes: passesOf(order, this.#medium),
      minimumMs: order.operation === 'overwrite' ? this.sanitizeSeconds * 1000 : 0,
      stopping: new AbortController(),
      since: performance.now(),
      passesDone,
      passDone: 0,
    }
  }

  #follow(done: Promise<void>): void {
    this.#done = done.catch(() => {}) // who waits for it is told
  }

  async #carryOut(running: Running): Promise<void> {
    const { signal } = running.stopping
    try {
      for (const pass of running.passes.slice(running.passesDone)) {
        const report = (done: number): void => {
          running.passDone = done
        }
        await pass(report, () => signal.aborted)
        await this.#medium.gate.flush()
        running.passesDone++
        running.passDone = 0
        await this.#keep(running)
      }
      const rest = running.minimumMs - (performance.now() - running.since)
      if (rest > 0) await setTimeout(rest, undefined, { signal, ref: false })
      if (signal.aborted) throw new AbortedError()
      if (this.#state.persistent) await this.#state.save(PART, undefined)
      this.#running = undefined
    } catch (error) {
      if (signal.aborted) throw new AbortedError()
      throw await this.#fail(running.order, error)
    }
  }

  async #fail(order: Order, error: unknown): Promise<unknown> {
    this.#running = undefined
    this.#failed = order
    // What cannot be kept now begins again at the next start.
    if (this.#state.persistent) await this.#state.save(PART, { order, passes: 0, failed: true }).catch(() => {})
    if (!(error instanceof StoreError)) return error // not the medium's fault: logged where all such are
    return new SenseError(isSanitize(order) ? SENSE.SANITIZE_COMMAND_FAILED : SENSE.FORMAT_COMMAND_FAILED)
  }

  async #keep({ order, passesDone }: Running): Promise<void> {
    if (this.#state.persistent) await this.#state.save(PART, { order, passes: passesDone, failed: false })
  }
}

const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true })
  })

type SanitizeOrder = Exclude<Order, { operation: 'format' }>

const isSanitize = (order: Order): order is SanitizeOrder => order.operation !== 'format'

/** PROGRESS INDICATION counts to 65,536 (SPC-4 4.5.2.4.4), which nothing that still runs has reached. */
function inProgress({ order, passes, passesDone, passDone, since, minimumMs }: Running): SenseData {
  const work = (passesDone + passDone) / passes.length
  const time = minimumMs === 0 ? 1 : (performance.now() - since) / minimumMs
  return {
    sense: isSanitize(order)
      ? SENSE.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS
      : SENSE.LOGICAL_UNIT_NOT_READY_FORMAT_IN_PROGRESS,
    progress: Math.min(0xffff, Math.floor(Math.min(work, time) * 0x1_0000)),
  }
}
