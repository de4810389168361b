// The task set of a logical unit (SAM-5 8): every task that did not end at once, and the order that task attributes ask for.
// ORDERED waits for all older tasks, SIMPLE for older ORDERED and for HEAD OF QUEUE ones, HEAD OF QUEUE for nothing.

import { TASK_ATTRIBUTE } from '../../protocol/iscsi/scsi-command.ts'

interface Ordered {
  readonly attributes: number
}

interface Dormant<T> {
  readonly task: T
  readonly enable: () => void
}

export class TaskSet<T extends Ordered> {
  readonly #enabled = new Set<T>()
  /** Enabled tasks that hold back SIMPLE ones. */
  #barriers = 0
  #dormant: Dormant<T>[] = []

  /** Whether a task that arrives now may start now. */
  admits(attributes: number): boolean {
    if (attributes === TASK_ATTRIBUTE.HEAD_OF_QUEUE) return true
    if (this.#dormant.length > 0 || this.#barriers > 0) return false
    return attributes !== TASK_ATTRIBUTE.ORDERED || this.#enabled.size === 0
  }

  /** Takes in a task that goes on after its turn. */
  begin(task: T): void {
    this.#enabled.add(task)
    if (isBarrier(task)) this.#barriers++
  }

  end(task: T): void {
    if (!this.#enabled.delete(task)) return
    if (isBarrier(task)) this.#barriers--
    this.#enableNext()
  }

  /** Holds a task back; `enable` is called when it may start. */
  hold(task: T, enable: () => void): void {
    this.#dormant.push({ task, enable })
  }

  /** Forgets a task that is held back: it will not start. */
  drop(task: T): void {
    this.#dormant = this.#dormant.filter((dormant) => dormant.task !== task)
    this.#enableNext()
  }

  /** All tasks, also those of nexuses that are gone: a reset waits for them. */
  all(): T[] {
    return [...this.#enabled, ...this.#dormant.map(({ task }) => task)]
  }

  #enableNext(): void {
    for (let next = this.#dormant[0]; next && this.#barriers === 0; next = this.#dormant[0]) {
      if (next.task.attributes === TASK_ATTRIBUTE.ORDERED && this.#enabled.size > 0) return
      this.#dormant.shift()
      next.enable()
    }
  }
}

const isBarrier = ({ attributes }: Ordered): boolean =>
  attributes === TASK_ATTRIBUTE.ORDERED || attributes === TASK_ATTRIBUTE.HEAD_OF_QUEUE
