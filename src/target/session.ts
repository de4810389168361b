// An iSCSI session (RFC 7143 4.2): the I_T nexus, the window of command numbers, and the tasks under way. It outlives a
// connection that is reinstated; with its end everything that it asked for stops.

import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'
import { inWindow, lessThan, next } from '../../protocol/iscsi/serial.ts'
import type { Sense } from '../../protocol/scsi/sense.ts'
import { LIMITS } from './limits.ts'
import type { Nexus } from './nexus.ts'
import type { Target } from './target.ts'
import type { Task } from './task.ts'

/** What a session needs of its connection. */
export interface SessionConnection {
  readonly cid: number
  /** Ends the connection at once. */
  drop(reason: string): void
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

  /** Tasks that take a place in the window. */
  #places = 0
  /** Commands that arrived before one with a lower number. */
  readonly #early = new Map<number, FramedPdu>()
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
    const running = [...this.tasks.values()]
    for (const task of running) task.abort()
    await Promise.all(running.map((task) => task.ended))
  }

  /** The window never shrinks: a command takes its place when it arrives and gives it back when it ends. */
  get maxCmdSn(): number {
    return (this.expCmdSn + LIMITS.commandWindow - this.#places - 1) >>> 0
  }

  /** The place of a command that goes on after its turn; `immediate` ones take none. */
  begin(task: Task): void {
    this.tasks.set(task.initiatorTaskTag, task)
    if (!task.immediate) this.#places++
  }

  end(task: Task): void {
    this.tasks.delete(task.initiatorTaskTag)
    if (!task.immediate) this.#places--
  }

  inWindow(cmdSn: number): boolean {
    return inWindow(cmdSn, this.expCmdSn, this.maxCmdSn)
  }

  /** Keeps a command until those before it have come. */
  keepEarly(cmdSn: number, pdu: FramedPdu): void {
    this.#early.set(cmdSn, pdu)
  }

  isEarly(cmdSn: number): boolean {
    return this.#early.has(cmdSn)
  }

  /** The command whose turn has come, if it came early; takes its number. */
  takeEarly(): FramedPdu | undefined {
    if (this.#early.size === 0) return undefined
    const pdu = this.#early.get(this.expCmdSn)
    if (!pdu) return undefined
    this.#early.delete(this.expCmdSn)
    this.expCmdSn = next(this.expCmdSn)
    return pdu
  }

  /** Every command that came early, and is to be forgotten. */
  drainEarly(): FramedPdu[] {
    const early = [...this.#early.values()].filter((pdu) => pdu !== NOTHING)
    this.#early.clear()
    return early
  }

  /**
   * ABORT TASK of a command that has not come (RFC 7143 11.5.1): its number is taken as received, so that those after it
   * need not wait. False: the number is not one that can still come before `cmdSn`.
   */
  presumeReceived(refCmdSn: number, cmdSn: number): boolean {
    if (!this.inWindow(refCmdSn) || !lessThan(refCmdSn, cmdSn) || this.isEarly(refCmdSn)) return false
    this.#early.set(refCmdSn, NOTHING)
    return true
  }

  /** Ends the session: every task is aborted, logical units forget the nexus. Resolves when no task runs any more. */
  close(reason: string): Promise<void> {
    if (this.closed) return Promise.resolve()
    this.closed = true
    const running = [...this.tasks.values()]
    for (const task of running) task.abort()
    for (const unit of this.target?.units ?? []) unit.loseNexus(this.nexus)
    this.target?.sessions.delete(this)
    this.connection.drop(reason)
    this.#onEnd(this)
    const ended = Promise.all(running.map((task) => task.ended)).then(() => {})
    if (running.length > 0) this.target?.sessionEnding(this.nexus.initiatorPort, ended)
    return ended
  }
}

const EMPTY = Buffer.alloc(0)
/** Stands for a command that was aborted before it came. */
const NOTHING: FramedPdu = {
  header: EMPTY,
  headerOffset: 0,
  ahsLength: 0,
  data: EMPTY,
  dataOffset: 0,
  dataLength: 0,
  placed: false,
}
