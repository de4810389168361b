// What SANITIZE and FORMAT UNIT share: the operation begins, and the status waits for its end or, with IMMED, does not. To
// abort the task, or to lose its connection, ends the waiting and nothing else (SBC-3 4.11.2).

import type { Order } from '../background-passes.ts'
import type { Task } from '../task.ts'

export async function inBackground(task: Task, order: Order, immed: boolean): Promise<void> {
  task.throwIfAborted()
  const { lu } = task
  const refusal = lu.readiness.refusal(task.row.needs) // since the command was judged its parameter list had to come
  if (refusal) throw refusal
  const { begun, done } = lu.background.begin(order, tasksEnded(task))
  await begun
  if (!immed) await ended(task, done)
}

/** What was under way may not land on what the operation has done: it ends first. Tasks that are held back find it running. */
async function tasksEnded(task: Task): Promise<void> {
  const others = task.lu.tasks.all().filter((other) => other !== task && other.row !== undefined)
  await Promise.all(others.map((other) => other.ended))
}

async function ended(task: Task, done: Promise<void>): Promise<void> {
  task.throwIfAborted()
  try {
    await new Promise<void>((resolve, reject) => {
      task.wake = reject
      done.then(resolve, reject)
    })
  } finally {
    task.wake = undefined
  }
}
