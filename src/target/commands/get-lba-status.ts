// GET LBA STATUS(16) (SBC-4 5.5): which blocks are mapped and which are deallocated, in runs from the LBA on; all of them, or
// those of one kind by REPORT TYPE. An anchored block is told as mapped: it has its place on the medium, and its zeroes in it.

import type { GET_LBA_STATUS } from '../../../protocol/scsi/commands/get-lba-status.ts'
import {
  COMPLETION_CONDITION,
  encodeLbaStatus,
  type LbaStatus,
  lbaStatusDescriptorsIn,
  PROVISIONING_STATUS,
  REPORT_TYPE,
} from '../../../protocol/scsi/lba-status.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField } from '../device-server.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { Task } from '../task.ts'

/** What one command looks up, however much room the initiator has. */
const MAX_DESCRIPTORS = 256
const MAX_BLOCKS = 0xffff_ffff

const { MAPPED, DEALLOCATED, ANCHORED } = PROVISIONING_STATUS

/** The provisioning statuses that a report type is about. */
const REPORTED: ReadonlyMap<number, readonly number[]> = new Map([
  [REPORT_TYPE.ALL, [MAPPED, DEALLOCATED, ANCHORED]],
  [REPORT_TYPE.NOT_MAPPED, [DEALLOCATED, ANCHORED]],
  [REPORT_TYPE.MAPPED, [MAPPED]],
  [REPORT_TYPE.DEALLOCATED, [DEALLOCATED]],
  [REPORT_TYPE.ANCHORED, [ANCHORED]],
])

export async function getLbaStatus(task: Task<typeof GET_LBA_STATUS>): Promise<void> {
  const { lu } = task
  const { allocationLength, reportType } = task.cdb
  const reported = REPORTED.get(reportType)
  if (!reported) throw invalidCdbField(task, 'reportType')
  if (task.lba >= lu.blocks) throw new SenseError(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, { information: task.lba })
  const room = Math.max(1, lbaStatusDescriptorsIn(allocationLength))
  const found = await lookUp(task, reported, Math.min(MAX_DESCRIPTORS, room))
  const { descriptors } = found
  const full = descriptors.length === room ? COMPLETION_CONDITION.ALLOCATION_LENGTH : COMPLETION_CONDITION.NONE
  const completionCondition = found.end === lu.blocks ? COMPLETION_CONDITION.CAPACITY : full
  task.respondWith(encodeLbaStatus({ completionCondition, rtp: true, descriptors }), allocationLength)
}

/** Up to `wanted` runs of these statuses, and where the search has ended. */
async function lookUp(task: Task, reported: readonly number[], wanted: number) {
  const { lu } = task
  const descriptors: LbaStatus[] = []
  // No block here is told as anchored, and every one of a fully provisioned unit as mapped: there is nothing to look for.
  const exists = reported.includes(MAPPED) || (lu.thin && reported.includes(DEALLOCATED))
  let lba = exists ? task.lba : lu.blocks
  while (lba < lu.blocks && descriptors.length < wanted) {
    const { blocks, mapped } = await run(lu, lba)
    task.throwIfAborted()
    const provisioningStatus = mapped ? MAPPED : DEALLOCATED
    if (reported.includes(provisioningStatus))
      descriptors.push({ lba: BigInt(lba), blocks, provisioningStatus, additionalStatus: 0 })
    lba += blocks
  }
  return { descriptors, end: lba }
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
