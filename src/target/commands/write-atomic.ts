// WRITE ATOMIC(16) (SBC-4 5.46): all of the blocks or none of them, also where the medium fails. An ATOMIC BOUNDARY lets the
// device server divide the write there; this one never divides it.

import type { WRITE_ATOMIC_16 } from '../../../protocol/scsi/commands/write-atomic.ts'
import { invalidCdbField, requireAtMost } from '../device-server.ts'
import type { Task } from '../task.ts'

export async function writeAtomic(task: Task<typeof WRITE_ATOMIC_16>): Promise<void> {
  const { lu, cdb } = task
  const { atomicBlocks, atomicAlignmentBlocks: alignment, atomicGranularityBlocks: granularity } = lu.limits
  requireAtMost(task, 'blocks', task.blocks, atomicBlocks)
  requireAtMost(task, 'atomicBoundary', cdb.atomicBoundary, atomicBlocks)
  requireMultiple(task, 'lba', task.lba, alignment)
  requireMultiple(task, 'blocks', task.blocks, granularity)
  requireMultiple(task, 'atomicBoundary', cdb.atomicBoundary, granularity)
  const length = task.blocks * lu.blockSize
  if (length === 0) return
  if (task.expectedOut < length) throw invalidCdbField(task, 'blocks') // a part would be no atomic write
  const data = await task.transport.receiveAll(task, task.expectData(length))
  task.throwIfAborted()
  const fua = task.fua || !lu.modes.writeCache
  await lu.gate.writeAtomic(data, task.lba * lu.blockSize, fua, () => task.aborted)
}

/** Zero: any value will do (SBC-4 6.6.4). */
function requireMultiple(task: Task, field: string, value: number, unit: number): void {
  if (unit !== 0 && value % unit !== 0) throw invalidCdbField(task, field)
}
