// READ(6), (10), (12) and (16) (SBC-3 5.10 to 5.13). The hot path: from the page cache without waiting, or not at all.

import type { Task } from '../task.ts'

export function read(task: Task): void | Promise<void> {
  if (task.fua) return readFromMedium(task)
  const { lu } = task
  return task.transport.sendMedium(task, lu.gate, task.lba * lu.blockSize, task.blocks * lu.blockSize)
}

/** FUA: what is newer in the cache is written to the medium first (SBC-3 5.11). */
async function readFromMedium(task: Task): Promise<void> {
  const { lu } = task
  await lu.gate.flush()
  await task.transport.sendMedium(task, lu.gate, task.lba * lu.blockSize, task.blocks * lu.blockSize)
}
