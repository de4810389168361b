// The order that task attributes ask for (SAM-5 8.6): ORDERED waits for all older tasks, SIMPLE for older ORDERED and for
// HEAD OF QUEUE ones, HEAD OF QUEUE for nothing. Tasks that end at once never stand here: they cannot be overtaken.

import { TASK_ATTRIBUTE } from '../../protocol/iscsi/scsi-command.ts'

interface Dormant {
  readonly attributes: number
  readonly enable: () => void
}

export class TaskSet {
  #enabled = 0
  /** Enabled tasks that hold back SIMPLE ones. */
  #barriers = 0
  readonly #dormant: Dormant[] = []

  /** Whether a task that arrives now may start now. */
  admits(attributes: number): boolean {
    if (attributes === TASK_ATTRIBUTE.HEAD_OF_QUEUE) return true
    if (this.#dormant.length > 0 || this.#barriers > 0) return false
    return attributes !== TASK_ATTRIBUTE.ORDERED || this.#enabled === 0
  }

  /** Counts a task that goes on after its turn. */
  begin(attributes: number): void {
    this.#enabled++
    if (isBarrier(attributes)) this.#barriers++
  }

  end(attributes: number): void {
    this.#enabled--
    if (isBarrier(attributes)) this.#barriers--
    this.#enableNext()
  }

  /** Holds a task back; `enable` is called when it may start. */
  hold(attributes: number, enable: () => void): void {
    this.#dormant.push({ attributes, enable })
  }

  #enableNext(): void {
    while (this.#dormant.length > 0 && this.#barriers === 0) {
      const next = this.#dormant[0]!
      if (next.attributes === TASK_ATTRIBUTE.ORDERED && this.#enabled > 0) return
      this.#dormant.shift()
      next.enable()
    }
  }
}

const isBarrier = (attributes: number): boolean =>
  attributes === TASK_ATTRIBUTE.ORDERED || attributes === TASK_ATTRIBUTE.HEAD_OF_QUEUE
