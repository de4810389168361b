// The life of a session across its connections, pure: what happens in, what to do about it out. A connection that is lost is
// made anew with the same initiator port, which reinstates the session (RFC 7143 6.3.5), with backoff and within a bounded
// time; a target that asks for a logout gets one when the outstanding commands have ended (RFC 7143 11.9.1).

export interface RecoveryOptions {
  /** From the loss of a connection: after so long without a new one everything fails. */
  readonly replacementTimeoutMs: number
  /** Between the attempts to connect; doubled with each up to the longest. */
  readonly firstBackoffMs: number
  readonly longestBackoffMs: number
  /** A connection that has not lasted so long counts as one more failed attempt. */
  readonly stableMs: number
  /** How long a logout may take. */
  readonly logoutTimeoutMs: number
}

interface Up {
  readonly kind: 'up'
  readonly sinceMs: number
  /** Connections in a row that failed or did not last. */
  readonly failures: number
}

/** Nothing more is sent; what is outstanding may still end. */
interface Draining extends Omit<Up, 'kind'> {
  readonly kind: 'draining'
  readonly untilMs: number
}

/** A logout has been sent, and a new session follows. */
interface Leaving extends Omit<Up, 'kind'> {
  readonly kind: 'leaving'
  readonly untilMs: number
}

interface Down {
  readonly kind: 'waiting' | 'connecting'
  /** When to connect again; of `waiting`. */
  readonly untilMs: number
  readonly deadlineMs: number
  readonly failures: number
  /** Why there is no connection, as far as is known. */
  readonly error: Error | undefined
}

export type RecoveryState =
  | Up
  | Draining
  | Leaving
  | Down
  | { readonly kind: 'closing'; readonly untilMs: number }
  | { readonly kind: 'closed' }

export type RecoveryEvent =
  /** Time has passed. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'connected' }
  /** `final`: another attempt would end the same. */
  | { readonly kind: 'refused'; readonly error: Error; readonly final: boolean }
  /** The connection has ended; no new one before `waitMs` (Time2Wait). */
  | { readonly kind: 'lost'; readonly error: Error | undefined; readonly waitMs: number }
  | { readonly kind: 'logout requested'; readonly withinMs: number; readonly idle: boolean }
  /** No command is outstanding. */
  | { readonly kind: 'idle' }
  /** Its owner wants it no more. */
  | { readonly kind: 'close' }

export type RecoveryEffect =
  | { readonly kind: 'connect' }
  /** Commands may leave. */
  | { readonly kind: 'resume' }
  | { readonly kind: 'logout' }
  /** The connection is to be dropped. */
  | { readonly kind: 'drop' }
  /** Send a tick then. */
  | { readonly kind: 'wake'; readonly atMs: number }
  /** It is over: by `close`, or after `failedAfterMs` of trying in vain, `error` the last reason. */
  | { readonly kind: 'end'; readonly failedAfterMs?: number; readonly error?: Error }

export interface RecoveryStep {
  readonly state: RecoveryState
  readonly effects: readonly RecoveryEffect[]
}

const CLOSED: RecoveryState = { kind: 'closed' }

/** The state after a first login. */
export const firstUp = (nowMs: number): RecoveryState => ({ kind: 'up', sinceMs: nowMs, failures: 0 })

export function recoveryStep(
  state: RecoveryState,
  event: RecoveryEvent,
  nowMs: number,
  options: RecoveryOptions,
): RecoveryStep {
  if (event.kind === 'close') return close(state, nowMs, options)
  switch (state.kind) {
    case 'up':
      return whileUp(state, event, nowMs, options)
    case 'draining':
      return whileDraining(state, event, nowMs, options)
    case 'leaving':
      return whileLeaving(state, event, nowMs, options)
    case 'waiting':
      return whileWaiting(state, event, nowMs, options)
    case 'connecting':
      return whileConnecting(state, event, nowMs, options)
    case 'closing':
      return whileClosing(state, event, nowMs)
    case 'closed':
      return { state, effects: event.kind === 'connected' ? [{ kind: 'drop' }] : [] }
  }
}

const unchanged = (state: RecoveryState): RecoveryStep => ({ state, effects: [] })

function whileUp(state: Up, event: RecoveryEvent, nowMs: number, options: RecoveryOptions): RecoveryStep {
  if (event.kind === 'lost') return reconnect(state, event, nowMs, options)
  if (event.kind !== 'logout requested') return unchanged(state)
  if (event.idle) return leave(state, nowMs, options)
  // Half of the time is for the commands, the rest for the logout; what comes meanwhile waits no longer than for a connection.
  const untilMs = nowMs + Math.min(event.withinMs / 2, options.replacementTimeoutMs)
  return { state: { ...state, kind: 'draining', untilMs }, effects: [{ kind: 'wake', atMs: untilMs }] }
}

function whileDraining(state: Draining, event: RecoveryEvent, nowMs: number, options: RecoveryOptions): RecoveryStep {
  if (event.kind === 'lost') return reconnect(state, event, nowMs, options)
  const over = event.kind === 'idle' || (event.kind === 'tick' && nowMs >= state.untilMs)
  return over ? leave(state, nowMs, options) : unchanged(state)
}

function whileLeaving(state: Leaving, event: RecoveryEvent, nowMs: number, options: RecoveryOptions): RecoveryStep {
  if (event.kind === 'lost') return reconnect(state, event, nowMs, options)
  return event.kind === 'tick' && nowMs >= state.untilMs ? { state, effects: [{ kind: 'drop' }] } : unchanged(state)
}

function leave(
  { sinceMs, failures }: Up | Draining,
  nowMs: number,
  { logoutTimeoutMs }: RecoveryOptions,
): RecoveryStep {
  const untilMs = nowMs + logoutTimeoutMs
  return {
    state: { kind: 'leaving', sinceMs, failures, untilMs },
    effects: [{ kind: 'logout' }, { kind: 'wake', atMs: untilMs }],
  }
}

/** At once after a connection that has lasted. */
function reconnect(
  { sinceMs, failures }: Up | Draining | Leaving,
  { error, waitMs }: Extract<RecoveryEvent, { kind: 'lost' }>,
  nowMs: number,
  options: RecoveryOptions,
): RecoveryStep {
  const lasted = nowMs - sinceMs >= options.stableMs
  const down = { deadlineMs: nowMs + options.replacementTimeoutMs, failures: lasted ? 0 : failures + 1, error }
  return pause(down, Math.max(waitMs, lasted ? 0 : backoff(failures, options)), nowMs)
}

const backoff = (failures: number, { firstBackoffMs, longestBackoffMs }: RecoveryOptions): number =>
  failures === 0 ? 0 : Math.min(longestBackoffMs, firstBackoffMs * 2 ** (failures - 1))

function pause(down: Omit<Down, 'kind' | 'untilMs'>, waitMs: number, nowMs: number): RecoveryStep {
  const untilMs = Math.min(nowMs + waitMs, down.deadlineMs)
  if (waitMs <= 0) return connecting({ ...down, kind: 'waiting', untilMs })
  return { state: { ...down, kind: 'waiting', untilMs }, effects: [{ kind: 'wake', atMs: untilMs }] }
}

const connecting = (state: Down): RecoveryStep => ({
  state: { ...state, kind: 'connecting' },
  effects: [{ kind: 'connect' }, { kind: 'wake', atMs: state.deadlineMs }],
})

function whileWaiting(state: Down, event: RecoveryEvent, nowMs: number, options: RecoveryOptions): RecoveryStep {
  if (event.kind !== 'tick' || nowMs < state.untilMs) return unchanged(state)
  return nowMs >= state.deadlineMs ? giveUp(state, nowMs, options) : connecting(state)
}

function whileConnecting(state: Down, event: RecoveryEvent, nowMs: number, options: RecoveryOptions): RecoveryStep {
  switch (event.kind) {
    case 'connected':
      return { state: { kind: 'up', sinceMs: nowMs, failures: state.failures }, effects: [{ kind: 'resume' }] }
    case 'refused': {
      const down = { deadlineMs: state.deadlineMs, failures: state.failures + 1, error: event.error }
      if (event.final || nowMs >= state.deadlineMs) return giveUp(down, nowMs, options)
      return pause(down, backoff(down.failures, options), nowMs)
    }
    case 'tick':
      return nowMs >= state.deadlineMs ? giveUp(state, nowMs, options) : unchanged(state)
    default:
      return unchanged(state)
  }
}

function giveUp(
  { deadlineMs, error }: Pick<Down, 'deadlineMs' | 'error'>,
  nowMs: number,
  options: RecoveryOptions,
): RecoveryStep {
  const failedAfterMs = nowMs - (deadlineMs - options.replacementTimeoutMs)
  return { state: CLOSED, effects: [{ kind: 'end', failedAfterMs, ...(error && { error }) }] }
}

function close(state: RecoveryState, nowMs: number, { logoutTimeoutMs }: RecoveryOptions): RecoveryStep {
  switch (state.kind) {
    case 'up':
    case 'draining': {
      const untilMs = nowMs + logoutTimeoutMs
      return { state: { kind: 'closing', untilMs }, effects: [{ kind: 'logout' }, { kind: 'wake', atMs: untilMs }] }
    }
    case 'leaving':
      return unchanged({ kind: 'closing', untilMs: state.untilMs })
    case 'waiting':
    case 'connecting':
      return { state: CLOSED, effects: [{ kind: 'end' }] }
    default:
      return unchanged(state)
  }
}

function whileClosing(
  state: Extract<RecoveryState, { kind: 'closing' }>,
  event: RecoveryEvent,
  nowMs: number,
): RecoveryStep {
  if (event.kind === 'lost') return { state: CLOSED, effects: [{ kind: 'end' }] }
  return event.kind === 'tick' && nowMs >= state.untilMs ? { state, effects: [{ kind: 'drop' }] } : unchanged(state)
}
