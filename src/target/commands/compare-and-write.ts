// COMPARE AND WRITE (SBC-4 5.3): writes the second half of the data if the medium holds the first. VMware asks for more than
// SBC: it and RESERVE exclude each other, so a RESERVE waits for those under way (see reserve.ts).

import { MATCH } from '../../../luns/supply.ts'
import type { COMPARE_AND_WRITE } from '../../../protocol/scsi/commands/compare-and-write.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { STATUS } from '../../../protocol/scsi/status.ts'
import { requireAtMost } from '../device-server.ts'
import { StatusError } from '../failures.ts'
import type { Task } from '../task.ts'
import { exactData } from './parameters.ts'

export async function compareAndWrite(task: Task<typeof COMPARE_AND_WRITE>): Promise<void> {
  const { lu } = task
  requireAtMost(task, 'blocks', task.blocks, lu.limits.compareAndWriteBlocks)
  const length = task.blocks * lu.blockSize
  const data = await exactData(task, 2 * length)
  if (length === 0) return
  task.throwIfAborted()
  // The reservation is judged when the command begins, and it begins with its data.
  if (lu.refuses(task.nexus, 'write')) throw new StatusError(STATUS.RESERVATION_CONFLICT)
  const fua = task.fua || !lu.modes.writeCache
  const outcome = lu.gate.compareAndWrite(
    data.subarray(0, length),
    data.subarray(length),
    task.lba * lu.blockSize,
    fua,
    { stop: () => task.aborted, judged: (found, medium) => lu.lockHistory.judged(task, data, found, medium) },
  )
  const index = typeof outcome === 'number' ? outcome : await lu.duringAtomic(outcome)
  if (index !== MATCH) throw new SenseError(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, { information: index })
}
