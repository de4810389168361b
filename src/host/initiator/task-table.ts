// The commands of a session that have not ended: those that have left, by their task tag, and those that wait for the
// target's window to open, in the order in which they were submitted.

import { RESERVED_TAG } from '../../../protocol/iscsi/opcodes.ts'
import { next } from '../../../protocol/iscsi/serial.ts'
import { TASK_MANAGEMENT_FUNCTION as FUNCTION } from '../../../protocol/iscsi/task-management-request.ts'
import type { Ending, ScsiTask } from './command.ts'

const UNIT_WIDE: ReadonlySet<number> = new Set([
  FUNCTION.ABORT_TASK_SET,
  FUNCTION.CLEAR_TASK_SET,
  FUNCTION.LOGICAL_UNIT_RESET,
])
const TARGET_WIDE: ReadonlySet<number> = new Set([FUNCTION.TARGET_WARM_RESET, FUNCTION.TARGET_COLD_RESET])

export class TaskTable {
  /** Commands that have left and are not answered. */
  readonly #tasks = new Map<number, ScsiTask>()
  #waiting: ScsiTask[] = []
  #nextTag = 1
  readonly #tagIsTaken: (tag: number) => boolean

  /** `tagIsTaken`: by something else than a command. */
  constructor(tagIsTaken: (tag: number) => boolean) {
    this.#tagIsTaken = tagIsTaken
  }

  get(initiatorTaskTag: number): ScsiTask | undefined {
    return this.#tasks.get(initiatorTaskTag)
  }

  /** Gives a command that leaves its tag. */
  add(task: ScsiTask): void {
    task.initiatorTaskTag = this.takeTag()
    this.#tasks.set(task.initiatorTaskTag, task)
  }

  /** Whether it was there. */
  remove(task: ScsiTask): boolean {
    return this.#tasks.delete(task.initiatorTaskTag)
  }

  /** `segment`: the data segment of a SCSI Response. Throws a ProtocolError when the command cannot have ended so. */
  finish(task: ScsiTask, ending: Ending, segment: Buffer): void {
    task.finish(ending, segment)
    this.remove(task)
  }

  get anyWaits(): boolean {
    return this.#waiting.length > 0
  }

  wait(task: ScsiTask): void {
    this.#waiting.push(task)
  }

  shift(): ScsiTask | undefined {
    return this.#waiting.shift()
  }

  /** A task that has not left need not be aborted at the target. */
  withdraw(task: ScsiTask, reason?: Error): boolean {
    const index = this.#waiting.indexOf(task)
    if (index < 0) return false
    this.#waiting.splice(index, 1)
    task.abort(reason)
    return true
  }

  failAll(error: Error): void {
    for (const task of [...this.#tasks.values(), ...this.#waiting]) task.fail(error)
    this.#tasks.clear()
    this.#waiting = []
  }

  /** The tasks of this session that a function ends (SAM-5 7). */
  affected(functionCode: number, lun: number, task: ScsiTask | undefined): ScsiTask[] {
    if (functionCode === FUNCTION.ABORT_TASK) return task ? [task] : []
    const all = [...this.#tasks.values()]
    if (TARGET_WIDE.has(functionCode)) return all
    return UNIT_WIDE.has(functionCode) ? all.filter(({ command }) => command.lun === lun) : []
  }

  /** A task tag that nothing uses. */
  takeTag(): number {
    while (this.#nextTag === RESERVED_TAG || this.#tasks.has(this.#nextTag) || this.#tagIsTaken(this.#nextTag))
      this.#nextTag = next(this.#nextTag)
    const tag = this.#nextTag
    this.#nextTag = next(tag)
    return tag
  }
}
