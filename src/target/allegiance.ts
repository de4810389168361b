// The tasks that are allegiant to a connection (RFC 7143 4.2.2), from ErrorRecoveryLevel 1 on: those under way, and those whose
// status is not acknowledged. One connection hands a task over to another (TASK REASSIGN, 7.2.2, 11.5.6) here.

import type { DataOutPort } from './data-out.ts'
import type { SentPdus } from './data-retention.ts'
import { resegment } from './resegmentation.ts'
import type { Responder } from './responder.ts'
import type { Retention } from './retention.ts'
import type { Task } from './task.ts'
import type { TaskRunner } from './task-runner.ts'

/** The tasks of a session that are under way, by initiator task tag. */
type Tasks = ReadonlyMap<number, Task>

export class Allegiance {
  readonly runner: TaskRunner
  readonly responder: Responder
  readonly retention: Retention
  readonly #tasks: Tasks
  readonly #port: DataOutPort

  constructor(tasks: Tasks, runner: TaskRunner, responder: Responder, retention: Retention, port: DataOutPort) {
    this.#tasks = tasks
    this.runner = runner
    this.responder = responder
    this.retention = retention
    this.#port = port
  }

  find(initiatorTaskTag: number): Task | undefined {
    const task = this.#tasks.get(initiatorTaskTag)
    return task?.transport === this.runner ? task : this.retention.find(initiatorTaskTag)?.task
  }

  /** The connection is gone, its tasks may go on elsewhere: what they say is kept, and long reads wait. */
  lose(): void {
    this.responder.isLost = true
  }

  /**
   * Takes over a task. `expDataSn`: the first Data-In or R2T that the initiator has not got, of what it was told; 0 where it
   * has nothing to add to what the target knows (RFC 7143 11.5.6).
   */
  adopt(task: Task, from: Allegiance, expDataSn: number): void {
    const sent = from.retention.of(task)
    from.retention.leave(sent)
    this.retention.adopt(sent)
    sent.snackTag = 0 // RFC 7143 7.2.2
    task.transport = this.runner
    const known = expDataSn >= sent.acknowledged && expDataSn <= task.dataSn ? expDataSn : 0
    const number = known === 0 ? sent.acknowledged : known
    const { dataOut } = task
    const isRunning = this.#tasks.get(task.initiatorTaskTag) === task
    if (isRunning && dataOut) {
      this.retention.renumber(sent, known === 0 ? (dataOut.firstUnanswered ?? task.dataSn) : known)
      dataOut.resume(this.#port)
    } else if (task.expectedIn > 0) this.sendDataAgain(sent, number)
    if (!isRunning) this.responder.sendAnswerOf(sent)
    const { resume } = task
    task.resume = undefined
    resume?.()
  }

  /**
   * Sends all Data-In from a number on, cut to what the initiator takes now. False when they are there no more: the command
   * fails with its status, if that has not been said (RFC 7143 7.8).
   */
  sendDataAgain(sent: SentPdus, number: number): boolean {
    this.retention.acknowledgeData(sent, Math.min(number, sent.task.dataSn))
    if (sent.first > number) {
      sent.refused = true
      return false
    }
    const { maxDataSegmentLength: dataLength, maxBurstLength } = this.responder
    const pdus = resegment(sent.pdus, { dataSn: number, dataLength, maxBurstLength })
    if (pdus.length === 0) return true // R2Ts alone stay as they are
    this.retention.renumber(sent, number)
    for (const pdu of pdus) {
      sent.task.dataSn++
      this.responder.repeat(this.retention.keepAnew(sent, pdu))
    }
    return true
  }
}
