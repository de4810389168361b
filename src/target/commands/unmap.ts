// UNMAP (SBC-3 5.28), the VAAI primitive delete. All descriptors are judged before the first is carried out.

import type { UNMAP } from '../../../protocol/scsi/commands/unmap.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { decodeUnmapList, type UnmapDescriptor, unmapDescriptorOffset } from '../../../protocol/scsi/unmap-list.ts'
import { invalidCdbField, invalidParameter } from '../device-server.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { Task } from '../task.ts'
import { decodeParameters, parameterList } from './parameters.ts'

/** BLOCK DESCRIPTOR DATA LENGTH in the parameter list. */
const DESCRIPTOR_LENGTH_BYTE = 2

export async function unmap(task: Task<typeof UNMAP>): Promise<void> {
  const { lu } = task
  const { anchor, parameterListLength } = task.cdb
  if (anchor && !lu.limits.anchor) throw invalidCdbField(task, 'anchor')
  if (parameterListLength === 0) return
  const list = await parameterList(task, parameterListLength)
  const descriptors = decodeParameters(() => decodeUnmapList(list))
  judge(descriptors, lu)
  const zeroes = Buffer.alloc(lu.blockSize)
  for (const { lba, blocks } of descriptors) {
    task.throwIfAborted()
    const offset = Number(lba) * lu.blockSize
    const length = blocks * lu.blockSize
    const stop = (): boolean => task.aborted
    if (length === 0) continue
    if (anchor) await lu.gate.writeSame(zeroes, offset, length, { unmap: true, anchor, fua: false, stop })
    else await lu.gate.unmap(offset, length, { stop })
  }
  if (!lu.modes.writeCache) await lu.gate.flush()
}

function judge(descriptors: readonly UnmapDescriptor[], lu: LogicalUnit): void {
  const { unmapDescriptors, unmapBlocks } = lu.limits
  if (descriptors.length > unmapDescriptors) throw invalidParameter(DESCRIPTOR_LENGTH_BYTE)
  let total = 0
  for (const [index, { lba, blocks }] of descriptors.entries()) {
    if (lba + BigInt(blocks) > BigInt(lu.blocks))
      throw new SenseError(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, {
        information: lba > BigInt(lu.blocks) ? lba : lu.blocks,
      })
    total += blocks
    if (total > unmapBlocks) throw invalidParameter(unmapDescriptorOffset(index) + 8)
  }
}
