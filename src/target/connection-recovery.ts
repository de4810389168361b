// Connection recovery (RFC 7143 7.1.4.3, 7.2.2), at ErrorRecoveryLevel 2: what a connection leaves behind when it is lost, or
// logged out for recovery, waits for another connection, no longer than Time2Wait and Time2Retain.

import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'
import type { Allegiance } from './allegiance.ts'
import type { PoolShare } from './buffer-pool.ts'
import { LIMITS } from './limits.ts'
import type { Task } from './task.ts'

/** What recovery needs of a connection. */
export interface RecoverableConnection {
  readonly cid: number
  readonly allegiance: Allegiance | undefined
  /** Buffers for what it has brought. */
  readonly input: Pick<PoolShare, 'used'>
  /** Those of its tasks that are under way. */
  readonly tasks: readonly Task[]
}

/** What recovery needs of its session. */
export interface RecoveringSession<Connection> {
  readonly parameters: Pick<OperationalParameters, 'defaultTime2Wait' | 'defaultTime2Retain'>
  readonly connections: readonly Connection[]
  has(connection: Connection): boolean
  /** What a connection has brought and was not due yet has not come. */
  forget(connection: Connection): void
  abort(tasks: readonly Task[]): Promise<void>
  /** Ends all that a connection has brought. */
  terminate(connection: Connection): Promise<void>
}

interface Left<Connection> {
  readonly connection: Connection
  /** For recovery: its tasks may be reassigned (RFC 7143 7.2.2). */
  loggedOut: boolean
  /** Of Time2Wait and Time2Retain. */
  seconds: number
}

interface Unattached {
  readonly task: Task
  readonly from: Allegiance
}

export class ConnectionRecovery<Connection extends RecoverableConnection> {
  readonly #session: RecoveringSession<Connection>
  #left: Left<Connection>[] = []

  constructor(session: RecoveringSession<Connection>) {
    this.#session = session
  }

  /** Whether something waits for a connection. */
  get isPending(): boolean {
    return this.#left.length > 0
  }

  /**
   * Whether anything is retained: with Time2Retain 0 it is discarded at once (RFC 7143 13.16). Time2Wait is the initiator's
   * choice, up to an hour (13.15): so long nobody else is kept from what its tasks and reservations hold.
   */
  get retains(): boolean {
    const { defaultTime2Wait, defaultTime2Retain } = this.#session.parameters
    return defaultTime2Retain > 0 && defaultTime2Wait <= LIMITS.time2WaitSeconds
  }

  /**
   * A connection has gone. Immediate commands, and those whose turn had not come, cannot be recovered (RFC 7143 7.14, 11.14),
   * nor what the oldest of too many has left: resolves when they have ended.
   */
  async leave(connection: Connection): Promise<void> {
    connection.allegiance?.lose()
    this.#session.forget(connection)
    if (!this.retains) return this.#session.terminate(connection)
    this.#left.push({ connection, loggedOut: false, seconds: 0 })
    const ended = this.#session.abort(connection.tasks.filter((task) => task.immediate || !task.hasPlace))
    const oldest = this.#left.length > LIMITS.lostConnectionsPerSession ? this.#left.shift() : undefined
    await Promise.all([ended, oldest && this.#session.terminate(oldest.connection)])
  }

  /** The connection of this CID that is lost and has not been logged out. */
  lost(cid: number): Connection | undefined {
    return this.#lost(cid)?.connection
  }

  /** Logs a lost connection out for recovery, explicitly or by a login with its CID (RFC 7143 11.14). */
  logout(cid: number): void {
    const left = this.#lost(cid)
    if (!left) return
    left.loggedOut = true
    left.seconds = 0 // Time2Wait and Time2Retain, as the Logout Response tells them, begin with it
  }

  /** Logs a lost connection out for good. Resolves when nothing of it goes on. */
  async close(cid: number): Promise<void> {
    const left = this.#lost(cid)
    if (!left) return
    this.#left = this.#left.filter((other) => other !== left)
    await this.#session.terminate(left.connection)
  }

  /** A task that may be reassigned; or one that may not, since it is allegiant to a connection. */
  find(initiatorTaskTag: number): Unattached | 'allegiant' | undefined {
    for (const { allegiance } of this.#session.connections) if (allegiance?.find(initiatorTaskTag)) return 'allegiant'
    for (const { connection, loggedOut } of this.#left) {
      const { allegiance: from } = connection
      const task = from?.find(initiatorTaskTag)
      if (from && task && !task.immediate) return loggedOut ? { task, from } : 'allegiant'
    }
    return undefined
  }

  /** Makes a task allegiant to a connection, if both are still there. */
  reassign(initiatorTaskTag: number, to: Connection, expDataSn: number): void {
    const found = this.find(initiatorTaskTag)
    if (typeof found !== 'object' || !this.#session.has(to)) return
    to.allegiance?.adopt(found.task, found.from, expDataSn)
  }

  /** A second has passed: what nobody has come back for in time ends. */
  tick(): void {
    const { defaultTime2Wait, defaultTime2Retain } = this.#session.parameters
    for (const left of this.#left) left.seconds++
    const over = this.#left.filter(({ seconds }) => seconds > defaultTime2Wait + defaultTime2Retain)
    if (over.length === 0) return
    this.#left = this.#left.filter((left) => !over.includes(left))
    for (const { connection } of over) void this.#session.terminate(connection)
  }

  /** Bytes of buffers that wait for a connection. */
  get heldBytes(): number {
    return this.#left.reduce((bytes, { connection }) => bytes + connection.input.used, 0)
  }

  /** Nobody is waited for any more. */
  giveUp(): void {
    const given = this.#left
    this.#left = []
    for (const { connection } of given) void this.#session.terminate(connection)
  }

  /** The session ends. */
  end(): void {
    for (const { connection } of this.#left) connection.allegiance?.retention.release()
    this.#left = []
  }

  #lost(cid: number): Left<Connection> | undefined {
    return this.#left.find(({ connection, loggedOut }) => connection.cid === cid && !loggedOut)
  }
}
