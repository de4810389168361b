// An iSCSI session (RFC 7143 4.2): the I_T nexus, the window of command numbers, and the tasks under way. It outlives a
// connection that is reinstated; with its end everything that it asked for stops.

import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'
import { next } from '../../protocol/iscsi/serial.ts'
import type { Sense } from '../../protocol/scsi/sense.ts'
import { LIMITS } from './limits.ts'
import type { Nexus } from './nexus.ts'
import type { Target } from './target.ts'
import { abortTasks, type Task } from './task.ts'

/** What a session needs of its connection. */
export interface SessionConnection {
  readonly cid: number
  /** Ends the connection at once. */
  drop(reason: string): void
  /** Takes no more commands, lets those under way end, and ends the connection. */
  shutdown(reason: string): Promise<void>
}

export interface SessionIdentity {
  readonly tsih: number
  /** Six bytes in hex. */
  readonly isid: string
  readonly nexus: Nexus
  /** Absent in a discovery session. */
  readonly target: Target | undefined
  readonly parameters: OperationalParameters
}

export class Session {
  readonly tsih: number
  readonly isid: string
  readonly nexus: Nexus
  readonly target: Target | undefined
  parameters: OperationalParameters
  readonly tasks = new Map<number, Task>()
  connection: SessionConnection
  expCmdSn: number
  closed = false
  /** Task management functions that wait for their tasks to end. */
  managing = 0

  /** Commands that take a place in the window. */
  #places = 0
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
    this.expCmdSn = cmdSn
    this.connection = connection
    this.#onEnd = onEnd
  }

  /** Begins to count for its logical units, whose first word to the nexus is `news`. */
  attach(news: Sense): void {
    this.target?.sessions.add(this)
    for (const unit of this.target?.units ?? []) {
      unit.unitAttentions.attach(this.nexus)
      unit.unitAttentions.establish(this.nexus, news)
    }
  }

  /** Connection reinstatement (RFC 7143 6.3.4): the tasks of the old connection end, their initiator is not told. */
  async moveTo(connection: SessionConnection): Promise<void> {
    const old = this.connection
    this.connection = connection
    old.drop('connection reinstated')
    await this.abortAll()
  }

  /** The window never shrinks: a command takes its place when it arrives and gives it back when it ends. */
  get maxCmdSn(): number {
    return (this.expCmdSn + LIMITS.commandWindow - this.#places - 1) >>> 0
  }

  /**
   * Takes the number of a PDU that is not immediate (RFC 7143 4.2.2.1). False: it is not the next one, or the window is
   * closed; then the PDU is dropped. On the one connection that a session has, numbers come in their order.
   */
  takeCmdSn(cmdSn: number): boolean {
    if (cmdSn !== this.expCmdSn || this.#places >= LIMITS.commandWindow) return false
    this.expCmdSn = next(cmdSn)
    return true
  }

  /** Takes in a task that goes on after its turn: it can be aborted. */
  begin(task: Task): void {
    this.tasks.set(task.initiatorTaskTag, task)
  }

  end(task: Task): void {
    this.tasks.delete(task.initiatorTaskTag)
  }

  takePlace(): void {
    this.#places++
  }

  givePlace(): void {
    this.#places--
  }

  /** A second has passed; whether the data of a task has not come for so many. */
  isStalled(seconds: number): boolean {
    let stalled = false
    for (const { dataOut } of this.tasks.values()) {
      dataOut?.tick()
      if (dataOut && dataOut.waitedSeconds >= seconds) stalled = true
    }
    return stalled
  }

  /** Aborts every task; resolves when none runs any more. */
  async abortAll(): Promise<void> {
    const running = [...this.tasks.values()]
    for (const task of running) task.tellsAbort = false // there is nobody to be told
    abortTasks(running)
    await Promise.all(running.map((task) => task.ended))
  }

  /** Ends the session: every task is aborted, logical units forget the nexus. Resolves when no task runs any more. */
  close(reason: string): Promise<void> {
    if (this.closed) return Promise.resolve()
    this.closed = true
    const copies = (this.target?.units ?? []).flatMap((unit) => unit.copies.background(this.nexus))
    const busy = this.tasks.size > 0 || copies.length > 0
    const ended = Promise.all([this.abortAll(), ...copies.map((copy) => copy.ended)]).then(() => {})
    for (const unit of this.target?.units ?? []) unit.loseNexus(this.nexus)
    this.target?.sessions.delete(this)
    this.connection.drop(reason)
    this.#onEnd(this)
    if (busy) this.target?.sessionEnding(this.nexus.initiatorPort, ended)
    return ended
  }
}
