// READ(6), (10), (12) and (16) (SBC-3 5.10 to 5.13). The hot path: from the page cache without waiting, or not at all.

import type { Task } from '../task.ts'

export function read(task: Task): void | Promise<void> {
  const { lu } = task
  return task.transport.sendMedium(task, lu.gate, task.lba * lu.blockSize, task.blocks * lu.blockSize)
}
