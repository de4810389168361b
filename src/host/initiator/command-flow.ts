// The commands of a nexus on their way through whatever connection there is: they wait while there is none, leave in their order,
// are watched for their timeouts, and when an answer cannot come any more they are sent again or fail with a named error. Each
// ends once.

import { TASK_MANAGEMENT_FUNCTION as FUNCTION } from '../../../protocol/iscsi/task-management-request.ts'
import type { Clock } from '../clock.ts'
import type { NexusCommand } from '../nexus.ts'
import type { CommandResult, ScsiTask } from './command.ts'
import { DeadlineWatch } from './deadline-watch.ts'
import { CommandTimeoutError, ConnectionLostError, IscsiError, NotSentError, OutcomeUnknownError } from './errors.ts'
import { Escalation, type EscalationEffect, type EscalationEvent } from './escalation.ts'
import type { InitiatorSession } from './session.ts'

export interface FlowTimeouts {
  readonly commandMs: number
  /** Of commands that say that they are slow. */
  readonly slowCommandMs: number
  readonly abortMs: number
  readonly lunResetMs: number
}

export interface FlowEvents {
  /** No command is outstanding any more. */
  idle(): void
  /** A logical unit has been reset, since nothing else helped. */
  reset(lun: number): void
}

interface Pending {
  readonly command: NexusCommand
  readonly order: number
  readonly resolve: (result: CommandResult) => void
  readonly reject: (error: Error) => void
  /** Present while the command is outstanding on a connection. */
  task?: ScsiTask | undefined
  deadlineMs: number
  /** How often its answer was lost or late. */
  lost: number
}

/** A command whose answer is lost so often is the cause of it, or has a target that is none. */
const MAX_LOST = 5

/** What a task rejects with that has been ended because it was late. */
class LateError extends IscsiError {}

export class CommandFlow {
  readonly #clock: Clock
  readonly #timeouts: FlowTimeouts
  readonly #events: FlowEvents
  readonly #escalation = new Escalation<Pending>()
  readonly #deadlines: DeadlineWatch<Pending>
  /** Commands that are outstanding on the connection. */
  readonly #sent = new Set<Pending>()
  /** Commands that wait for one. */
  #queue: Pending[] = []
  #session: InitiatorSession | undefined
  #closed: Error | undefined
  #order = 0

  constructor(clock: Clock, timeouts: FlowTimeouts, events: FlowEvents) {
    this.#clock = clock
    this.#timeouts = timeouts
    this.#events = events
    this.#deadlines = new DeadlineWatch(clock, this.#sent, (pending) => this.#expired(pending))
  }

  get outstanding(): number {
    return this.#sent.size
  }

  execute(command: NexusCommand): Promise<CommandResult> {
    if (this.#closed) return Promise.reject(this.#closed)
    return new Promise((resolve, reject) => {
      const pending: Pending = { command, order: this.#order++, resolve, reject, deadlineMs: 0, lost: 0 }
      if (this.#session) this.#send(pending, this.#session)
      else this.#queue.push(pending)
    })
  }

  /** From now on commands leave by this connection, those that wait first. */
  open(session: InitiatorSession): void {
    this.#session = session
    const queue = this.#queue.sort((a, b) => a.order - b.order)
    this.#queue = []
    for (const pending of queue) this.#send(pending, session)
  }

  /** Nothing leaves any more; what is outstanding may end. */
  hold(): void {
    this.#session = undefined
  }

  /** The connection has ended: so has whatever was done about late commands on it. */
  disconnected(): void {
    this.#session = undefined
    this.#escalation.clear()
  }

  /** It is over: whatever has not ended fails. */
  close(error: Error): void {
    this.#closed = error
    this.#session = undefined
    this.#deadlines.stop()
    const queue = this.#queue
    this.#queue = []
    for (const { reject } of queue) reject(error)
  }

  #send(pending: Pending, session: InitiatorSession): void {
    const { command } = pending
    if (command.mayLeave && !command.mayLeave()) return pending.reject(new NotSentError(command.name))
    let task: ScsiTask
    try {
      task = session.submit(command)
    } catch (error) {
      pending.reject(error as Error) // a RangeError: it cannot be sent
      return
    }
    pending.task = task
    task.onWithheld = () => this.#expired(pending)
    pending.deadlineMs = this.#clock.now() + this.#timeoutOf(command)
    this.#sent.add(pending)
    this.#deadlines.expect(pending.deadlineMs)
    task.result.then(
      (result) => {
        this.#ended(pending)
        pending.resolve(result)
      },
      (error) => {
        this.#ended(pending)
        this.#failed(pending, task, error)
      },
    )
  }

  #expired(pending: Pending): void {
    const { lun, abortMs } = pending.command
    this.#escalate({ kind: 'expired', command: pending, lun, isUrgent: abortMs !== undefined })
  }

  #ended(pending: Pending): void {
    pending.task = undefined
    this.#sent.delete(pending)
    this.#escalation.step({ kind: 'ended', command: pending })
    if (this.#sent.size === 0) this.#events.idle()
  }

  /** Without an answer. */
  #failed(pending: Pending, { cmdSn }: ScsiTask, error: Error): void {
    if (error instanceof NotSentError) return pending.reject(new NotSentError(pending.command.name))
    if (!(error instanceof LateError || error instanceof ConnectionLostError)) return pending.reject(error)
    const { name, repeatable } = pending.command
    const left = cmdSn !== undefined
    if (left && !repeatable) return pending.reject(new OutcomeUnknownError(name, error))
    const late = error instanceof LateError
    if ((left || late) && ++pending.lost >= MAX_LOST)
      return pending.reject(late ? new CommandTimeoutError(name, MAX_LOST, this.#timeoutOf(pending.command)) : error)
    this.#again(pending)
  }

  #again(pending: Pending): void {
    if (this.#closed) pending.reject(this.#closed)
    else if (this.#session) this.#send(pending, this.#session)
    else this.#queue.push(pending)
  }

  #timeoutOf({ slow, timeoutMs }: NexusCommand): number {
    return timeoutMs ?? (slow ? this.#timeouts.slowCommandMs : this.#timeouts.commandMs)
  }

  #escalate(event: EscalationEvent<Pending>): void {
    for (const effect of this.#escalation.step(event)) this.#carryOut(effect)
  }

  #carryOut(effect: EscalationEffect<Pending>): void {
    const session = this.#session
    if (!session) return // its connection is about to end, and the command with it
    switch (effect.kind) {
      case 'abort': {
        const { command } = effect
        const asked = session.manage(FUNCTION.ABORT_TASK, { task: command.task!, reason: late(command) })
        this.#await(asked, command.command.abortMs ?? this.#timeouts.abortMs, (response) =>
          this.#escalate({ kind: 'abort answered', command, response }),
        )
        break
      }
      case 'reset': {
        const { lun } = effect
        const reason = new LateError('the logical unit was reset, since a command and its ABORT TASK were not answered')
        const asked = session.manage(FUNCTION.LOGICAL_UNIT_RESET, { lun, reason })
        this.#events.reset(lun)
        this.#await(asked, this.#timeouts.lunResetMs, (response) =>
          this.#escalate({ kind: 'reset answered', lun, response }),
        )
        break
      }
      case 'forget':
        if (effect.command.task) session.forget(effect.command.task, late(effect.command))
        break
      case 'drop':
        session.destroy(new ConnectionLostError(effect.reason))
    }
  }

  /** Calls `then` once, with nothing when no answer comes in time. */
  #await(asked: Promise<number>, ms: number, then: (response: number | undefined) => void): void {
    let waiting = true
    const once = (response: number | undefined): void => {
      if (!waiting) return
      waiting = false
      cancel()
      then(response)
    }
    const cancel = this.#clock.after(ms, () => once(undefined))
    asked.then(once, () => once(undefined))
  }
}

const late = ({ command }: Pending): LateError => new LateError(`${command.name} was not answered in time`)
