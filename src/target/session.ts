// An iSCSI session (RFC 7143 4.2): the I_T nexus, the window of command numbers, and the tasks under way, over all of its
// connections. It outlives a connection that is reinstated or logged out; with its end everything that it asked for stops.

import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'
import { SENSE, type Sense } from '../../protocol/scsi/sense.ts'
import type { ArrayLimits } from '../config/schema.ts'
import type { Allegiance } from './allegiance.ts'
import { type Announcement, allConnectionsDropped } from './announcements.ts'
import { CommandWindow } from './command-window.ts'
import { DataRetention, type RetentionBudget } from './data-retention.ts'
import { LIMITS } from './limits.ts'
import type { Nexus } from './nexus.ts'
import { type FencedConnection, ResponseFence } from './response-fence.ts'
import type { Target } from './target.ts'
import { abortTasks, type Task } from './task.ts'

/** What a session needs of its connections. */
export interface SessionConnection extends FencedConnection {
  readonly cid: number
  /** What it may have to send again; absent at ErrorRecoveryLevel 0. */
  readonly allegiance: Allegiance | undefined
  /** The tasks whose data and status go through this connection (connection allegiance, RFC 7143 4.2.2). */
  readonly tasks: readonly Task[]
  /** Takes nothing more but data of the tasks under way. */
  end(): void
  /** Tells the initiator something unasked. */
  announce(announcement: Announcement): void
  /** Takes nothing any more, and closes when everything has left. */
  finish(reason: string): void
  /** Ends the connection at once. */
  drop(reason: string): void
  /** Takes no more commands and asks the initiator to log out; resolves when the connection has ended. */
  shutdown(reason: string): Promise<void>
}

export interface SessionIdentity {
  readonly tsih: number
  /** Six bytes in hex. */
  readonly isid: string
  readonly nexus: Nexus
  /** Absent in a discovery session. */
  readonly target: Target | undefined
  /** Of the leading login: what is settled for a connection is that connection's. */
  readonly parameters: OperationalParameters
  /** As they are at its login: a window never shrinks. */
  readonly limits: Pick<ArrayLimits, 'commandWindow' | 'tasksPerSession'>
  /** What all sessions may keep to send it again. */
  readonly retained: RetentionBudget
}

export class Session {
  readonly tsih: number
  readonly isid: string
  readonly nexus: Nexus
  readonly target: Target | undefined
  readonly parameters: OperationalParameters
  readonly limits: SessionIdentity['limits']
  readonly window: CommandWindow
  /** Absent where TaskReporting asks for none. */
  readonly fence: ResponseFence | undefined
  /** Absent at ErrorRecoveryLevel 0. */
  readonly retention: DataRetention | undefined
  /** By initiator task tag, of all connections. */
  readonly tasks = new Map<number, Task>()
  closed = false
  /** Task management functions that wait for their tasks to end. */
  managing = 0

  /** By CID. */
  readonly #connections = new Map<number, SessionConnection>()
  readonly #onEnd: (session: Session) => void

  constructor(
    identity: SessionIdentity,
    cmdSn: number,
    connection: SessionConnection,
    onEnd: (session: Session) => void,
  ) {
    this.tsih = identity.tsih
    this.isid = identity.isid
    this.nexus = identity.nexus
    this.target = identity.target
    this.parameters = identity.parameters
    this.limits = identity.limits
    this.window = new CommandWindow(cmdSn, identity.limits.commandWindow)
    this.#connections.set(connection.cid, connection)
    if (identity.parameters.taskReporting !== 'RFC3720') this.fence = new ResponseFence(() => this.connections)
    if (this.errorRecoveryLevel > 0) this.retention = new DataRetention(LIMITS.retainedPerSession, identity.retained)
    this.#onEnd = onEnd
  }

  /** A discovery session has nothing to recover. */
  get errorRecoveryLevel(): number {
    return this.target ? this.parameters.errorRecoveryLevel : 0
  }

  get connections(): readonly SessionConnection[] {
    return [...this.#connections.values()]
  }

  connection(cid: number): SessionConnection | undefined {
    return this.#connections.get(cid)
  }

  /** Whether several connections may bring its commands: the order in which they come is not that of their numbers. */
  get spread(): boolean {
    return this.#connections.size > 1
  }

  /** Whether the connection is one of the session's: not when another one has taken its place. */
  has(connection: SessionConnection): boolean {
    return this.#connections.get(connection.cid) === connection
  }

  /** Begins to count for its logical units, whose first word to the nexus is `news`. */
  attach(news: Sense): void {
    this.target?.sessions.add(this)
    for (const unit of this.target?.units ?? []) {
      unit.unitAttentions.attach(this.nexus)
      unit.unitAttentions.establish(this.nexus, news)
    }
  }

  /** Whether MaxConnections leaves room for a connection of this CID. */
  admits(cid: number): boolean {
    return this.#connections.has(cid) || this.#connections.size < this.parameters.maxConnections
  }

  /**
   * Adds a connection, or puts it in the place of the one with its CID (connection reinstatement, RFC 7143 6.3.4). Resolves
   * when nothing can happen any more of what the old one brought.
   */
  async join(connection: SessionConnection): Promise<void> {
    const old = this.#connections.get(connection.cid)
    this.#connections.set(connection.cid, connection)
    if (!old) return
    old.drop('connection reinstated')
    this.fence?.forget(old)
    await this.terminate(old)
  }

  /**
   * Ends what a connection that is logged out has brought (RFC 7143 7.6): its initiator gets no status, and each logical
   * unit that was at it reports that once. Resolves when none of it runs any more.
   */
  async terminate(connection: SessionConnection): Promise<void> {
    const { tasks } = connection
    this.window.forget(connection)
    await this.abort(tasks)
    connection.allegiance?.retention.release()
    const units = new Set(tasks.flatMap(({ lu }) => lu ?? []))
    for (const { unitAttentions } of units)
      unitAttentions.establish(this.nexus, SENSE.SOME_COMMANDS_CLEARED_BY_ISCSI_PROTOCOL_EVENT)
  }

  /** A connection has been logged out, its tasks have ended. */
  leave(connection: SessionConnection): void {
    if (!this.has(connection)) return
    this.#connections.delete(connection.cid)
    if (this.#connections.size === 0) void this.close('logout')
    else this.fence?.forget(connection)
  }

  /**
   * A connection has gone without a logout. At ErrorRecoveryLevel 0 nobody can take up what it leaves behind: the session
   * ends (RFC 7143 7.1.4.4, 7.14), and the initiator hears of it on the connections that are left.
   */
  lost(connection: SessionConnection, reason: string): void {
    if (!this.has(connection)) return
    this.#connections.delete(connection.cid)
    void this.close(reason, allConnectionsDropped(this.parameters))
  }

  /** Takes in a task that goes on after its turn: it can be aborted. */
  begin(task: Task): void {
    this.tasks.set(task.initiatorTaskTag, task)
  }

  end(task: Task): void {
    this.tasks.delete(task.initiatorTaskTag)
  }

  /** Aborts tasks whose initiator is not to be told; resolves when none of them runs any more. */
  async abort(tasks: readonly Task[] = [...this.tasks.values()]): Promise<void> {
    for (const task of tasks) task.tellsAbort = false
    abortTasks(tasks)
    await Promise.all(tasks.map((task) => task.ended))
  }

  /** Asks the initiator to log out on every connection; resolves when it has. */
  async shutdown(reason: string): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.shutdown(reason)))
  }

  /**
   * Ends the session: every task is aborted, logical units forget the nexus. With a `notice` the connections close when it
   * has left, at once without one. Resolves when no task runs any more.
   */
  close(reason: string, notice?: Announcement): Promise<void> {
    if (this.closed) return Promise.resolve()
    this.closed = true
    const copies = (this.target?.units ?? []).flatMap((unit) => unit.copies.background(this.nexus))
    const busy = this.tasks.size > 0 || copies.length > 0
    const ended = Promise.all([this.abort(), ...copies.map((copy) => copy.ended)]).then(() => {})
    for (const unit of this.target?.units ?? []) unit.loseNexus(this.nexus)
    this.target?.sessions.delete(this)
    this.#disconnect(reason, notice)
    this.retention?.close()
    this.#onEnd(this)
    if (busy) this.target?.sessionEnding(this.nexus.initiatorPort, ended)
    return ended
  }

  #disconnect(reason: string, notice: Announcement | undefined): void {
    const { connections } = this
    this.#connections.clear()
    for (const connection of connections) {
      if (notice) {
        connection.announce(notice)
        connection.finish(reason)
      } else connection.drop(reason)
    }
  }
}
