// GET LBA STATUS(16) (SBC-4 5.5): which blocks are mapped, in runs from the LBA on. REPORT TYPE is zero: all of them.

import type { GET_LBA_STATUS } from '../../../protocol/scsi/commands/get-lba-status.ts'
import {
  encodeLbaStatus,
  type LbaStatus,
  lbaStatusDescriptorsIn,
  PROVISIONING_STATUS,
} from '../../../protocol/scsi/lba-status.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { Task } from '../task.ts'

/** What one command looks up, however much room the initiator has. */
const MAX_DESCRIPTORS = 256
const MAX_BLOCKS = 0xffff_ffff
const CAPACITY_REACHED = 3

export async function getLbaStatus(task: Task<typeof GET_LBA_STATUS>): Promise<void> {
  const { lu } = task
  const { allocationLength } = task.cdb
  if (task.lba >= lu.blocks) throw new SenseError(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, { information: task.lba })
  const wanted = Math.min(MAX_DESCRIPTORS, Math.max(1, lbaStatusDescriptorsIn(allocationLength)))
  const descriptors: LbaStatus[] = []
  let lba = task.lba
  while (lba < lu.blocks && descriptors.length < wanted) {
    const { blocks, mapped } = await run(lu, lba)
    const provisioningStatus = mapped ? PROVISIONING_STATUS.MAPPED : PROVISIONING_STATUS.DEALLOCATED
    descriptors.push({ lba: BigInt(lba), blocks, provisioningStatus, additionalStatus: 0 })
    lba += blocks
  }
  const completionCondition = lba === lu.blocks ? CAPACITY_REACHED : 0
  task.respondWith(encodeLbaStatus({ completionCondition, rtp: true, descriptors }), allocationLength)
}

/** A block of which any byte is mapped is mapped; all of a fully provisioned unit's are. */
async function run(lu: LogicalUnit, lba: number): Promise<{ blocks: number; mapped: boolean }> {
  const size = lu.blockSize
  if (!lu.thin) return { blocks: Math.min(lu.blocks - lba, MAX_BLOCKS), mapped: true }
  const { length, mapped } = await lu.gate.extent(lba * size, Math.min(lu.blocks - lba, MAX_BLOCKS) * size)
  if (mapped) return { blocks: Math.ceil(length / size), mapped }
  const whole = Math.floor(length / size)
  return whole > 0 ? { blocks: whole, mapped } : { blocks: 1, mapped: true }
}
