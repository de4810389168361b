// How long a nexus waits for what, in milliseconds; where nothing else is said as open-iscsi does.

export interface Timeouts {
  /** For the answer to a command. Then it is aborted, and sent again where it may be. */
  readonly commandMs: number
  /** The same of commands that take long: WRITE SAME, UNMAP, SYNCHRONIZE CACHE, VERIFY, copies. */
  readonly slowCommandMs: number
  /** For the answer to ABORT TASK; then the logical unit is reset. */
  readonly abortMs: number
  /** For the answer to LOGICAL UNIT RESET and other functions; then the connection is dropped. */
  readonly lunResetMs: number
  /** Without anything received, after which a NOP-Out asks for an answer. Zero: never. */
  readonly keepAliveIntervalMs: number
  /** For that answer; then the connection is dropped. */
  readonly keepAliveTimeoutMs: number
  /** From the loss of a connection to a new one; then everything fails with RecoveryFailedError. */
  readonly replacementMs: number
  readonly logoutMs: number
  /** Between attempts to connect, doubled with each up to the longest. */
  readonly firstBackoffMs: number
  readonly longestBackoffMs: number
  /** A connection that has not lasted so long counts as one more failed attempt. */
  readonly stableMs: number
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  commandMs: 30_000,
  slowCommandMs: 120_000,
  abortMs: 15_000,
  lunResetMs: 30_000,
  keepAliveIntervalMs: 5_000,
  keepAliveTimeoutMs: 5_000,
  replacementMs: 120_000,
  logoutMs: 15_000,
  firstBackoffMs: 250,
  longestBackoffMs: 5_000,
  stableMs: 5_000,
}
