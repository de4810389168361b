// Takes a SCSI command from its PDU to its response: makes the task, lets the device server execute it, and turns how it
// ended into a status. One runner a connection; the tasks stand in the session.

import type { Gate } from '../../luns/gate.ts'
import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import { PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT } from '../../protocol/scsi/commands/persistent-reserve.ts'
import { SENSE, type Sense, type SenseData } from '../../protocol/scsi/sense.ts'
import { describeSense, encodeSense } from '../../protocol/scsi/sense-data.ts'
import { STATUS } from '../../protocol/scsi/status.ts'
import { executeWithoutUnit } from './absent-unit.ts'
import { type Announcement, tasksTerminated } from './announcements.ts'
import { DataOut, type DataOutPort } from './data-out.ts'
import { execute } from './device-server.ts'
import { failureOf } from './failures.ts'
import type { Verdict } from './lock-event.ts'
import type { Log } from './log.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Responder } from './responder.ts'
import type { FencedConnection } from './response-fence.ts'
import type { Session } from './session.ts'
import type { Target } from './target.ts'
import { Task, TaskAborted, type TaskFields, type Transport } from './task.ts'

export interface Arrival extends TaskFields {
  /** Unsolicited Data-Out PDUs follow. */
  readonly more: boolean
}

/** What the runner needs of its connection. */
export interface RunnerPort extends DataOutPort, FencedConnection {
  readonly log: Log
  announce(announcement: Announcement): void
  flushSoon(): void
  /** Something failed that nobody foresaw, and not in a command: the connection ends. */
  broken(error: unknown): void
}

export class TaskRunner implements Transport {
  readonly #session: Session
  readonly #target: Target
  readonly #responder: Responder
  readonly #port: RunnerPort

  constructor(session: Session, target: Target, responder: Responder, port: RunnerPort) {
    this.#session = session
    this.#target = target
    this.#responder = responder
    this.#port = port
  }

  /** The tasks that are allegiant to the connection. */
  get tasks(): Task[] {
    return [...this.#session.tasks.values()].filter((task) => task.transport === this)
  }

  get isLost(): boolean {
    return this.#responder.isLost
  }

  start(arrival: Arrival, header: Buffer, cdbOffset: number, pdu: FramedPdu): void {
    const task = this.#take(arrival, header, cdbOffset, pdu)
    if (!task.immediate) this.#takePlace(task)
    this.#enter(task)
  }

  /**
   * The command has come before its turn (RFC 7143 4.2.2.1): its data are kept, and it can be aborted. Call what is returned
   * when its turn has come.
   */
  keep(arrival: Arrival, header: Buffer, cdbOffset: number, pdu: FramedPdu): () => void {
    const task = this.#take(arrival, header, cdbOffset, pdu)
    this.#leaveChunk(task)
    this.#session.begin(task)
    let proceed = (): void => {}
    task.ended = new Promise((resolve) => {
      proceed = () => {
        task.wake = undefined
        this.#session.end(task)
        if (task.aborted) this.#complete(task)
        else {
          this.#takePlace(task)
          this.#enter(task)
        }
        task.transport.flushSoon()
        resolve(this.#session.tasks.get(task.initiatorTaskTag) === task ? task.ended : undefined)
      }
      task.wake = proceed
    })
    return () => {
      if (!task.aborted) proceed() // else it has ended already, and its number is all that was left
    }
  }

  /** A second has passed; whether the data of a task has not come for so many. */
  isStalled(seconds: number): boolean {
    let stalled = false
    for (const { dataOut, transport } of this.#session.tasks.values()) {
      if (!dataOut || transport !== this) continue
      dataOut.tick(seconds)
      if (dataOut.waitedSeconds >= seconds) stalled = true
    }
    return stalled
  }

  sendData(task: Task, data: Buffer): void {
    this.#responder.sendData(task, data)
  }

  sendMedium(task: Task, gate: Gate, offset: number, length: number): void | Promise<void> {
    return this.#responder.sendMedium(task, gate, offset, length)
  }

  sendRest(task: Task, gate: Gate, offset: number, from: number, wanted: number): Promise<void> {
    return this.#responder.sendRest(task, gate, offset, from, wanted)
  }

  receivePiece(task: Task, from: number, length: number): Buffer | Promise<Buffer> {
    return this.#transferOf(task)?.piece(from, length) ?? NOTHING
  }

  receiveAll(task: Task, length: number): Buffer | Promise<Buffer> {
    return this.#transferOf(task)?.all(length) ?? NOTHING
  }

  /** FastAbort (RFC 7143 4.2.3.4 d): the initiator stops to send what nobody takes. */
  tellTerminated(lunKey: number): void {
    if (this.#session.parameters.taskReporting !== 'FastAbort') return
    const lun = Buffer.alloc(LUN_BYTES)
    lun.writeUInt32BE(lunKey)
    this.#port.announce(tasksTerminated(lun))
  }

  report({ row }: Task, error: unknown): void {
    this.#port.log.error({ command: row.wire.name, err: error }, 'a command failed after its end, as nobody foresaw')
  }

  #transferOf(task: Task): DataOut | undefined {
    if (task.expectedOut !== 0) task.dataOut ??= this.#dataOut(task, false, false)
    return task.dataOut
  }

  #leaveChunk(task: Task): void {
    this.#transferOf(task)
    task.leaveChunk()
  }

  #dataOut(task: Task, placed: boolean, more: boolean): DataOut {
    const immediate = task.data.subarray(task.dataOffset, task.dataOffset + task.dataLength)
    return new DataOut(task, this.#port, immediate, placed ? task.data : undefined, more)
  }

  #take(arrival: Arrival, header: Buffer, cdbOffset: number, pdu: FramedPdu): Task {
    const task = new Task(this.#session.nexus, this.#target, this, header, cdbOffset, arrival)
    if (arrival.expectedOut === 0) return task
    task.data = pdu.data
    task.dataOffset = pdu.dataOffset
    task.dataLength = pdu.dataLength
    if (arrival.more || pdu.placed) task.dataOut = this.#dataOut(task, pdu.placed, arrival.more)
    return task
  }

  #takePlace(task: Task): void {
    task.hasPlace = true
    this.#session.window.takePlace()
  }

  /** Its turn has come: the task enters the task set of its logical unit. */
  #enter(task: Task): void {
    const lu = this.#target.find(task.lunKey, task.nexus)
    if (lu && !lu.tasks.admits(task.attributes)) this.#hold(task, lu)
    else this.#run(task, lu)
  }

  /** The task waits for its turn in the task set (SAM-5 8.6), or for being aborted. */
  #hold(task: Task, lu: LogicalUnit): void {
    task.lu = lu
    this.#leaveChunk(task)
    this.#session.begin(task)
    task.ended = new Promise((resolve) => {
      const proceed = (): void => {
        task.wake = undefined
        this.#session.end(task)
        if (task.aborted) this.#complete(task)
        else this.#run(task, this.#target.visible(task.nexus).includes(lu) ? lu : undefined) // it may be gone
        task.transport.flushSoon()
        resolve(this.#session.tasks.get(task.initiatorTaskTag) === task ? task.ended : undefined)
      }
      lu.tasks.hold(task, proceed)
      task.wake = () => {
        lu.tasks.drop(task)
        proceed()
      }
    })
  }

  #run(task: Task, lu: LogicalUnit | undefined): void {
    let pending: void | Promise<void>
    try {
      pending = lu ? execute(this.#target.table, task, lu) : executeWithoutUnit(task)
    } catch (error) {
      this.#fail(task, error)
      return
    }
    if (pending === undefined) this.#complete(task)
    else this.#goOn(task, lu, pending)
  }

  #goOn(task: Task, lu: LogicalUnit | undefined, pending: Promise<void>): void {
    this.#leaveChunk(task)
    this.#session.begin(task)
    lu?.tasks.begin(task)
    task.ended = pending
      .then(
        () => this.#complete(task),
        (error: unknown) => this.#fail(task, error),
      )
      .catch((error: unknown) => this.#port.broken(error))
      .then(() => {
        this.#session.end(task)
        lu?.tasks.end(task)
        task.transport.flushSoon()
      })
  }

  #complete(task: Task): void {
    tellHistory(task, 'accepted')
    this.#conclude(task)
  }

  #conclude(task: Task): void {
    if (!task.aborted) task.transport.respond(task, STATUS.GOOD, undefined, false)
    else if (task.tellsAbort) task.transport.respond(task, STATUS.TASK_ABORTED, undefined, false)
    else task.transport.endInSilence(task)
  }

  respond(task: Task, status: number, sense: Buffer | undefined, fenced: boolean): void {
    const { fence } = this.#session
    if (!fence) return this.conclude(task, status, sense)
    task.dataOut?.release()
    this.#responder.expect(task)
    fence.respond(this.#port, fenced || preempts(task), () => {
      task.transport.conclude(task, status, sense)
      task.transport.flushSoon()
    })
  }

  conclude(task: Task, status: number, sense: Buffer | undefined): void {
    this.#end(task)
    this.#responder.sendStatus(task, status, sense)
  }

  endInSilence(task: Task): void {
    this.#end(task)
    this.#responder.forget(task)
  }

  flushSoon(): void {
    this.#port.flushSoon()
  }

  /** Before its status is said: the status tells the window that there is then. */
  #end(task: Task): void {
    task.dataOut?.release()
    if (task.hasPlace) this.#session.window.givePlace()
  }

  #fail(task: Task, error: unknown): void {
    if (task.aborted || error instanceof TaskAborted) {
      tellHistory(task, 'aborted')
      return task.aborted ? this.#conclude(task) : task.transport.endInSilence(task)
    }
    if (task.lengthIn > task.sentIn) task.lengthIn = task.sentIn // what was not sent is part of the residual
    const { status, sense, unexpected } = failureOf(error, task)
    tellHistory(task, verdictOf(status, sense))
    if (!sense) task.lu?.statusReturned(task.nexus, status)
    this.#log(task, error, status, sense, unexpected === true)
    const format = task.lu?.modes.descriptorSense ? 'descriptor' : 'fixed'
    const fenced = sense !== undefined && FENCED_SENSE.has(sense.sense)
    task.transport.respond(task, status, sense && encodeSense(sense, format), fenced)
  }

  #log(task: Task, error: unknown, status: number, sense: SenseData | undefined, unexpected: boolean): void {
    const { log } = this.#port
    const tag = task.initiatorTaskTag
    const command = task.row?.wire.name
    if (unexpected) log.error({ tag, command, err: error }, 'a command failed in a way nobody foresaw')
    else if (log.isLevelEnabled('debug'))
      log.debug({ tag, command, status, sense: sense && describeSense(sense) }, 'command failed')
  }
}

/** RFC 7143 4.2.2.3.4: the unit attentions that follow an abort of many tasks, and PREEMPT AND ABORT. */
const FENCED_SENSE: ReadonlySet<Sense> = new Set<Sense>([
  SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR,
  SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED,
  SENSE.SCSI_BUS_RESET_OCCURRED,
])

/** What its logical unit remembers of commands by which initiators exclude each other, and of writes over their blocks. */
function tellHistory(task: Task, verdict: Verdict): void {
  const { row, lu } = task
  if (!row) return // it did not come to its turn
  if (row.recorded) lu.lockHistory.ended(task, verdict, !task.aborted || task.tellsAbort)
  else if (row.access === 'write' && lu.lockHistory.observing && DONE.has(verdict)) lu.lockHistory.written(task)
}

/** What may have changed the medium, and not by failing: who failed leaves no trace of whose it was. */
const DONE: ReadonlySet<Verdict> = new Set<Verdict>(['accepted', 'aborted'])

function verdictOf(status: number, sense: SenseData | undefined): Verdict {
  if (status === STATUS.RESERVATION_CONFLICT) return 'conflict'
  return sense?.sense === SENSE.MISCOMPARE_DURING_VERIFY_OPERATION ? 'miscompare' : 'failed'
}

const preempts = ({ row }: Task): boolean => row?.wire === PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT

const LUN_BYTES = 8
const NOTHING = Buffer.alloc(0)
