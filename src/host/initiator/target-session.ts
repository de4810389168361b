// One I_T nexus with a target, whatever becomes of its connections: logs in where the target is, keeps the connection alive, makes
// it anew with the same initiator port when it is lost, and sees unfinished commands through. ErrorRecoveryLevel is 0: recovery is
// that of the session, nothing of a connection outlives it (RFC 7143 7.1.4).

import { ASYNC_EVENT } from '../../../protocol/iscsi/async-message.ts'
import { ISCSI_PORT } from '../../../protocol/iscsi/send-targets.ts'
import { TASK_MANAGEMENT_FUNCTION as FUNCTION } from '../../../protocol/iscsi/task-management-request.ts'
import type { SenseData } from '../../../protocol/scsi/sense.ts'
import { type Clock, callAt, systemClock } from '../clock.ts'
import type { Nexus, NexusCommand } from '../nexus.ts'
import type { CommandResult } from './command.ts'
import { CommandFlow } from './command-flow.ts'
import { type ConnectOptions, randomIsid } from './connect.ts'
import {
  AuthenticationError,
  ConnectionLostError,
  LoginRefusedError,
  RecoveryFailedError,
  SessionClosedError,
} from './errors.ts'
import { inTime } from './in-time.ts'
import { keepAlive } from './keep-alive.ts'
import { firstUp, type RecoveryEffect, type RecoveryEvent, type RecoveryState, recoveryStep } from './recovery.ts'
import { type Portal, type Reached, reach } from './redirect.ts'
import type { InitiatorSession } from './session.ts'
import type { AsyncMessage } from './session-requests.ts'
import { DEFAULT_TIMEOUTS, type Timeouts } from './timeouts.ts'

export interface TargetSessionOptions extends Omit<ConnectOptions, 'reinstate' | 'signal'> {
  readonly targetName: string
  readonly timeouts?: Partial<Timeouts>
}

export type SessionEvent =
  /** Commands wait for a new connection. */
  | { readonly kind: 'lost'; readonly error: Error | undefined }
  | { readonly kind: 'recovered' }
  /** SCSI asynchronous event (RFC 7143 11.9.1). */
  | { readonly kind: 'scsi event'; readonly lun: number | undefined; readonly sense: SenseData | undefined }
  | { readonly kind: 'closed'; readonly error: Error | undefined }

/**
 * Logs in to a target, and stays logged in. Each host has an `initiatorName` of its own, and its `isid` (random without one)
 * stays the same across connections.
 * @throws RangeError, UnreachableError, LoginRefusedError, RedirectError, AuthenticationError, ProtocolError, ConnectionLostError
 */
export async function openTarget(options: TargetSessionOptions): Promise<TargetSession> {
  const whole = { ...options, isid: options.isid ?? randomIsid() }
  const first = await reach(whole, { host: options.host, port: options.port ?? ISCSI_PORT })
  return new TargetSession(whole, first)
}

const RESETS: ReadonlySet<number> = new Set([
  FUNCTION.LOGICAL_UNIT_RESET,
  FUNCTION.TARGET_WARM_RESET,
  FUNCTION.TARGET_COLD_RESET,
  FUNCTION.I_T_NEXUS_RESET,
])

export class TargetSession implements Nexus {
  readonly name: string
  readonly clock: Clock
  /** Resolves when it is over: with the error that ended it, or undefined after `close`. */
  readonly closed: Promise<Error | undefined>
  /** Changes with everything that ends what a nexus holds: a new session, a reset. */
  generation = 0

  readonly #options: TargetSessionOptions
  readonly #timeouts: Timeouts
  readonly #flow: CommandFlow
  readonly #listeners = new Set<(event: SessionEvent) => void>()
  #state: RecoveryState
  /** Where the target was last found, or has moved for good. */
  #home: Portal
  /** The connection of now, or of late. */
  #session: InitiatorSession
  #cancelWake = (): void => {}
  #endKeepAlive = (): void => {}
  /** Ends an attempt to connect that is under way. */
  readonly #over = new AbortController()
  #resolveClosed!: (error: Error | undefined) => void

  constructor(options: TargetSessionOptions, { session, home }: Reached) {
    this.name = options.targetName
    this.clock = options.clock ?? systemClock
    this.#options = options
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
    this.#flow = new CommandFlow(this.clock, this.#timeouts, {
      idle: () => this.#state.kind === 'draining' && this.#step({ kind: 'idle' }),
      reset: () => this.generation++,
    })
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#state = firstUp(this.clock.now())
    this.#home = home
    this.#session = session
    this.#adopt(session)
  }

  /** What the login has settled; of the last connection while there is none. */
  get parameters() {
    return this.#session.parameters
  }

  get isid(): Buffer {
    return this.#session.isid
  }

  get localAddress(): string | undefined {
    return this.#session.localAddress
  }

  /**
   * Carries out a command, or waits to until there is a connection again. Every status is a result.
   * @throws RangeError for what cannot be sent
   * @throws OutcomeUnknownError when the answer of a command is lost that may not be carried out twice
   * @throws CommandTimeoutError, RejectedError, TaskAbortedError, RecoveryFailedError, SessionClosedError
   */
  execute(command: NexusCommand): Promise<CommandResult> {
    return this.#flow.execute(command)
  }

  /**
   * A task management function on the connection of now; the commands that it ends reject with TaskAbortedError.
   * @throws ConnectionLostError when there is none, or no answer in time, which ends it
   */
  manage(functionCode: number, options: { readonly lun?: number } = {}): Promise<number> {
    if (this.#state.kind !== 'up')
      return Promise.reject(new ConnectionLostError('there is no connection to the target'))
    if (RESETS.has(functionCode)) this.generation++
    return inTime(this.#session, this.#session.manage(functionCode, options), {
      clock: this.clock,
      timeoutMs: this.#timeouts.lunResetMs,
      what: 'task management',
    })
  }

  /** @returns what ends the listening */
  onEvent(listener: (event: SessionEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Logs out. Commands that have not ended fail: wait for them first. */
  async close(): Promise<void> {
    this.#step({ kind: 'close' })
    await this.closed
  }

  /** Drops everything without a word, as a host that loses power does. */
  destroy(): void {
    this.#step({ kind: 'close' })
    this.#session.destroy()
  }

  #step(event: RecoveryEvent): void {
    const { state, effects } = recoveryStep(this.#state, event, this.clock.now(), this.#recovery)
    this.#state = state
    if (state.kind !== 'up') this.#flow.hold()
    for (const effect of effects) this.#carryOut(effect)
  }

  get #recovery() {
    const { replacementMs: replacementTimeoutMs, logoutMs: logoutTimeoutMs, ...rest } = this.#timeouts
    return { ...rest, replacementTimeoutMs, logoutTimeoutMs }
  }

  #carryOut(effect: RecoveryEffect): void {
    switch (effect.kind) {
      case 'connect':
        this.#connect()
        break
      case 'resume':
        this.generation++
        this.#adopt(this.#session)
        this.#tell({ kind: 'recovered' })
        break
      case 'logout':
        this.#session.logout().catch(() => this.#session.destroy())
        break
      case 'drop':
        this.#session.destroy()
        break
      case 'wake':
        this.#cancelWake()
        this.#cancelWake = callAt(this.clock, effect.atMs, () => this.#step({ kind: 'tick' }))
        break
      case 'end':
        this.#end(endingError(this.name, effect))
    }
  }

  #connect(): void {
    reach({ ...this.#options, signal: this.#over.signal }, this.#home).then(
      ({ session, home }) => {
        this.#home = home
        this.#session = session
        this.#step({ kind: 'connected' })
      },
      (error) => this.#step({ kind: 'refused', error, final: isFinal(error) }),
    )
  }

  /** A session in full feature phase becomes the one of this nexus. */
  #adopt(session: InitiatorSession): void {
    this.#cancelWake()
    session.onAsyncMessage = (message) => this.#hear(message)
    const { keepAliveIntervalMs: intervalMs, keepAliveTimeoutMs: timeoutMs } = this.#timeouts
    this.#endKeepAlive = keepAlive(this.clock, { intervalMs, timeoutMs }, session, () =>
      session.destroy(new ConnectionLostError(`the target has not answered a NOP-Out within ${timeoutMs} ms`)),
    )
    session.closed.then((error) => this.#lost(session, error))
    this.#flow.open(session)
  }

  #lost(session: InitiatorSession, error: Error | undefined): void {
    this.#endKeepAlive()
    this.#flow.disconnected()
    this.#tell({ kind: 'lost', error })
    this.#step({ kind: 'lost', error, waitMs: session.time2WaitMs })
  }

  #hear({ event, lun, parameters, sense }: AsyncMessage): void {
    switch (event) {
      case ASYNC_EVENT.SCSI_ASYNCHRONOUS_EVENT:
        this.#tell({ kind: 'scsi event', lun, sense })
        break
      case ASYNC_EVENT.LOGOUT_REQUESTED:
      // A logout is one of the two answers to a request for negotiation; the new login negotiates.
      case ASYNC_EVENT.NEGOTIATION_REQUESTED: {
        const idle = this.#flow.outstanding === 0
        this.#step({ kind: 'logout requested', withinMs: 1000 * parameters[2], idle })
        break
      }
      case ASYNC_EVENT.CONNECTION_DROPPED:
      case ASYNC_EVENT.ALL_CONNECTIONS_DROPPED:
        this.#session.destroy(new ConnectionLostError('the target has announced that it drops the connection'))
    }
  }

  #end(error: Error | undefined): void {
    this.#cancelWake()
    this.#over.abort()
    this.#flow.close(error ?? new SessionClosedError('the session has been closed'))
    this.#tell({ kind: 'closed', error })
    this.#resolveClosed(error)
  }

  #tell(event: SessionEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

function endingError(
  name: string,
  { failedAfterMs, error }: Extract<RecoveryEffect, { kind: 'end' }>,
): Error | undefined {
  if (failedAfterMs === undefined) return undefined
  const why = error ? `: ${error.message}` : ''
  const message = `no new session with ${name} in ${Math.round(failedAfterMs / 1000)} s${why}`
  return new RecoveryFailedError(message, error && { cause: error })
}

/** Of status class 2: what another attempt will not change. A target that starts knows its names and its initiators late. */
const FINAL_DETAILS: ReadonlySet<number> = new Set([0x00, 0x01, 0x04, 0x05, 0x07, 0x08, 0x09, 0x0b])
const INITIATOR_ERROR = 2

const isFinal = (error: unknown): boolean =>
  error instanceof RangeError ||
  error instanceof AuthenticationError ||
  (error instanceof LoginRefusedError && error.statusClass === INITIATOR_ERROR && FINAL_DETAILS.has(error.statusDetail))
