// Takes a SCSI command from its PDU to its response: makes the task, lets the device server execute it, and turns how it
// ended into a status. One runner a connection; the tasks stand in the session.

import type { Gate } from '../../luns/gate.ts'
import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import { describeSense, encodeSense } from '../../protocol/scsi/sense-data.ts'
import { STATUS } from '../../protocol/scsi/status.ts'
import { executeWithoutUnit } from './absent-unit.ts'
import { DataOut, type DataOutPort } from './data-out.ts'
import { execute } from './device-server.ts'
import { failureOf } from './failures.ts'
import type { Log } from './log.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Responder } from './responder.ts'
import type { Session } from './session.ts'
import type { Target } from './target.ts'
import { Task, TaskAborted, type TaskFields, type Transport } from './task.ts'

export interface Arrival extends TaskFields {
  /** Unsolicited Data-Out PDUs follow. */
  readonly more: boolean
}

/** What the runner needs of its connection. */
export interface RunnerPort extends DataOutPort {
  readonly log: Log
  flushSoon(): void
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

  start(arrival: Arrival, header: Buffer, cdbOffset: number, pdu: FramedPdu): void {
    const task = new Task(this.#session.nexus, this.#target, this, header, cdbOffset, arrival)
    if (arrival.expectedOut !== 0) {
      const immediate = pdu.data.subarray(pdu.dataOffset, pdu.dataOffset + pdu.dataLength)
      task.dataOut = new DataOut(task, this.#port, immediate, pdu.placed ? pdu.data : undefined, arrival.more)
    }
    const lu = this.#target.find(task.lunKey, task.nexus)
    if (lu && !lu.tasks.admits(task.attributes)) this.#hold(task, lu)
    else this.#run(task, lu)
  }

  sendData(task: Task, data: Buffer): void {
    this.#responder.sendData(task, data)
  }

  sendMedium(task: Task, gate: Gate, offset: number, length: number): void | Promise<void> {
    return this.#responder.sendMedium(task, gate, offset, length)
  }

  receivePiece(task: Task, from: number, length: number): Buffer | Promise<Buffer> {
    return task.dataOut ? task.dataOut.piece(from, length) : NOTHING
  }

  receiveAll(task: Task, length: number): Buffer | Promise<Buffer> {
    return task.dataOut ? task.dataOut.all(length) : NOTHING
  }

  /** The task waits for its turn in the task set (SAM-5 8.6). */
  #hold(task: Task, lu: LogicalUnit): void {
    task.lu = lu
    this.#session.begin(task)
    task.ended = new Promise((resolve) => {
      lu.tasks.hold(task.attributes, () => {
        this.#session.end(task)
        if (task.aborted) task.dataOut?.release()
        else this.#run(task, lu)
        this.#port.flushSoon()
        resolve(this.#session.tasks.get(task.initiatorTaskTag) === task ? task.ended : undefined)
      })
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
    this.#session.begin(task)
    lu?.tasks.begin(task.attributes)
    task.ended = pending
      .then(
        () => undefined,
        (error: unknown) => error ?? new Error('a handler failed without an error'),
      )
      .then((error) => {
        this.#session.end(task)
        if (error === undefined) this.#complete(task)
        else this.#fail(task, error)
        lu?.tasks.end(task.attributes)
        this.#port.flushSoon()
      })
  }

  #complete(task: Task): void {
    task.dataOut?.release()
    if (!task.aborted) this.#responder.sendStatus(task, STATUS.GOOD, undefined)
  }

  #fail(task: Task, error: unknown): void {
    task.dataOut?.release()
    if (task.aborted || error instanceof TaskAborted) return
    const { status, sense, unexpected } = failureOf(error, task.row?.access === 'write')
    const tag = task.initiatorTaskTag
    if (unexpected) this.#port.log.error({ tag, err: error }, 'a command failed in a way nobody foresaw')
    else if (this.#port.log.isLevelEnabled('debug'))
      this.#port.log.debug(
        { tag, command: task.row?.wire.name, status, sense: sense && describeSense(sense) },
        'command failed',
      )
    const format = task.lu?.modes.descriptorSense ? 'descriptor' : 'fixed'
    this.#responder.sendStatus(task, status, sense && encodeSense(sense, format))
  }
}

const NOTHING = Buffer.alloc(0)
