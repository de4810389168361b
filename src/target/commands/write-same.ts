// WRITE SAME(10) and (16) (SBC-3 5.43, 5.44), the VAAI primitive zero: one block of data for a whole range.

import type { WRITE_SAME_10, WRITE_SAME_16 } from '../../../protocol/scsi/commands/write-same.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField, requireAtMost } from '../device-server.ts'
import type { Task } from '../task.ts'
import { exactData } from './parameters.ts'

export async function writeSame(task: Task<typeof WRITE_SAME_10 | typeof WRITE_SAME_16>): Promise<void> {
  const { lu, cdb } = task
  const { limits } = lu
  if (cdb.unmap && !lu.thin) throw invalidCdbField(task, 'unmap')
  if (cdb.anchor && (!cdb.unmap || !limits.anchor)) throw invalidCdbField(task, 'anchor')
  const blocks = blocksOf(task)
  if (limits.writeSameBlocks !== 0) requireAtMost(task, 'blocks', blocks, limits.writeSameBlocks)
  const pattern = await patternOf(task, 'ndob' in cdb && cdb.ndob)
  task.throwIfAborted()
  const { blockSize } = lu
  await lu.gate.writeSame(pattern, task.lba * blockSize, blocks * blockSize, {
    unmap: cdb.unmap,
    anchor: cdb.anchor,
    fua: !lu.modes.writeCache,
    stop: () => task.aborted,
  })
}

/** Zero means to the end of the medium, unless Block Limits says that it means nothing (WSNZ). */
function blocksOf(task: Task): number {
  const { lu, lba, blocks } = task
  if (blocks !== 0) return blocks
  if (!lu.limits.writeSameZeroMeansEnd) throw invalidCdbField(task, 'blocks')
  if (lba === lu.blocks) throw new SenseError(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, { information: lba })
  return lu.blocks - lba
}

/** NDOB stands for a block of zeroes; so does an UNMAP without data, as initiators of SBC-2's time send it. */
async function patternOf(task: Task<typeof WRITE_SAME_10 | typeof WRITE_SAME_16>, ndob: boolean): Promise<Buffer> {
  const { lu, cdb } = task
  if (ndob || (cdb.unmap && task.expectedOut === 0)) return Buffer.alloc(lu.blockSize)
  return exactData(task, lu.blockSize)
}
