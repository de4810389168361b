// ORWRITE(16) (SBC-3 5.5): ORs the data into the medium. Nothing else on the range sees a part of it.

import type { ORWRITE_16 } from '../../../protocol/scsi/commands/orwrite.ts'
import { requireAtMost } from '../device-server.ts'
import { LIMITS } from '../limits.ts'
import type { Task } from '../task.ts'

/** What the initiator expects to send bounds what is written, as it does for WRITE. */
export async function orWrite(task: Task<typeof ORWRITE_16>): Promise<void> {
  const { lu } = task
  requireAtMost(task, 'blocks', task.blocks, Math.floor(LIMITS.bufferBytes / lu.blockSize))
  const length = task.expectData(task.blocks * lu.blockSize)
  if (length === 0) return
  const data = await task.transport.receiveAll(task, length)
  task.throwIfAborted()
  const fua = task.fua || !lu.modes.writeCache
  await lu.gate.orWrite(data, task.lba * lu.blockSize, fua, () => task.aborted)
}
