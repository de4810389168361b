// The copy operations of one logical unit (SPC-4 5.17.4): those that run, in the foreground with their command or in the
// background after it, and what is remembered of those that have ended, by I_T nexus and list identifier. They belong to
// the unit: its reset and the loss of their nexus end them.

import type { SenseData } from '../../protocol/scsi/sense.ts'
import type { Nexus } from './nexus.ts'
import type { Task } from './task.ts'

type CopyState = 'foreground' | 'background' | 'completed' | 'failed' | 'terminated'

/** What RECEIVE COPY commands ask of an operation that has ended, each once; RECEIVE COPY STATUS(LID4) at any time. */
type Told = 'status' | 'details' | 'token'

/** TOTAL CONCURRENT COPIES and MAXIMUM CONCURRENT COPIES (SPC-4 6.23.3): each may hold a buffer of 1 MiB. */
export const CONCURRENT_COPIES = 32
/** Results that are kept for a nexus: the oldest makes room for the newest. */
const RESULTS_PER_NEXUS = 255

/** How an operation has failed: the status that its command has ended with, or would have. */
export interface CopyFailure {
  readonly status: number
  readonly sense?: SenseData
}

export class CopyOperation {
  readonly nexus: Nexus
  readonly listId: number | undefined
  readonly serviceAction: number
  state: CopyState = 'foreground'
  /** Segments that are done. */
  segments = 0
  /** Bytes. */
  transferred = 0
  /** Grows with every step (OPERATION COUNTER). */
  steps = 0
  failure: CopyFailure | undefined
  /** It was asked for more than the ROD token stands for. */
  partial = false
  /** The ROD token that it has made. */
  token: Buffer | undefined
  /** Resolves when nothing of it can happen any more. */
  readonly ended: Promise<void>

  #resolve: () => void = () => {}
  #stopped = false
  /** The command that has not ended yet: with it aborted, so is the operation. */
  #task: Task | undefined
  readonly #untold = new Set<Told>()

  constructor(task: Task, listId: number | undefined, serviceAction: number) {
    this.nexus = task.nexus
    this.#task = task
    this.listId = listId
    this.serviceAction = serviceAction
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  get running(): boolean {
    return this.state === 'foreground' || this.state === 'background'
  }

  /** To be asked between its pieces. */
  get stopped(): boolean {
    return this.#stopped || this.#task?.aborted === true
  }

  stop(): void {
    this.#stopped = true
  }

  /** Its command ends, it goes on. */
  toBackground(): void {
    this.state = 'background'
    this.#task = undefined
  }

  end(state: 'completed' | 'failed' | 'terminated', failure?: CopyFailure): void {
    this.state = state
    this.failure = failure
    this.#task = undefined
    this.#untold.add('status').add('token')
    if (state !== 'completed') this.#untold.add('details')
    this.#resolve()
  }

  /** Whether it can still be asked this. Details are there when it has ended. */
  tells(what: Told): boolean {
    return this.running ? what !== 'details' : this.#untold.has(what)
  }

  /** It has been told. True when nobody can ask it anything any more. */
  told(what: Told): boolean {
    if (this.running) return false
    this.#untold.delete(what)
    return this.#untold.size === 0
  }
}

export class CopyOperations {
  readonly #running = new Set<CopyOperation>()
  readonly #results = new Map<Nexus, Map<number, CopyOperation>>()

  /** Without a list identifier nothing is remembered of it. */
  begin(task: Task, listId: number | undefined, serviceAction: number): CopyOperation | 'in use' | 'too many' {
    const results = this.#results.get(task.nexus) ?? new Map<number, CopyOperation>()
    if (listId !== undefined && results.get(listId)?.running) return 'in use'
    if (this.#running.size >= CONCURRENT_COPIES) return 'too many'
    const operation = new CopyOperation(task, listId, serviceAction)
    this.#running.add(operation)
    void operation.ended.then(() => this.#running.delete(operation))
    if (listId === undefined) return operation
    this.#results.set(task.nexus, results)
    results.delete(listId)
    for (const [id, { running }] of results) if (results.size >= RESULTS_PER_NEXUS && !running) results.delete(id)
    results.set(listId, operation)
    return operation
  }

  find(nexus: Nexus, listId: number): CopyOperation | undefined {
    return this.#results.get(nexus)?.get(listId)
  }

  /** The initiator has been told of the operation what it asked: that is not kept any longer (SPC-4 6.24, 6.22, 6.28). */
  told(operation: CopyOperation, what: Told): void {
    const { nexus, listId } = operation
    if (listId !== undefined && operation.told(what)) this.#results.get(nexus)?.delete(listId)
  }

  /** Those that no command waits for: of one nexus, or all. */
  background(nexus?: Nexus): CopyOperation[] {
    return [...this.#running].filter(
      (operation) => operation.state === 'background' && (nexus === undefined || operation.nexus === nexus),
    )
  }

  /** The nexus is lost: nothing is remembered of its operations, and they end. SPC-4 5.17.5 lets them go on, unreachable. */
  drop(nexus: Nexus): void {
    for (const operation of this.#running) if (operation.nexus === nexus) operation.stop()
    this.#results.delete(nexus)
  }

  /** Logical unit reset: the same for every nexus. */
  reset(): void {
    for (const operation of this.#running) operation.stop()
    this.#results.clear()
  }
}
