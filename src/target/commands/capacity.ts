// READ CAPACITY(10) and (16) (SBC-3 5.15, 5.16).

import { encodeCapacity10, encodeCapacity16 } from '../../../protocol/scsi/capacity.ts'
import type { READ_CAPACITY_16 } from '../../../protocol/scsi/commands/read-capacity.ts'
import type { Task } from '../task.ts'

export function readCapacity10(task: Task): void {
  const { lu } = task
  task.respondWith(encodeCapacity10({ lastLba: BigInt(lu.blocks - 1), blockLength: lu.blockSize }))
}

export function readCapacity16(task: Task<typeof READ_CAPACITY_16>): void {
  const { lu } = task
  const data = encodeCapacity16({
    lastLba: BigInt(lu.blocks - 1),
    blockLength: lu.blockSize,
    lbppbe: Math.log2(lu.physicalBlockSize / lu.blockSize),
    lbpme: lu.thin,
    lbprz: lu.thin, // unmapped blocks read as zeroes, as VPD page B2h says
  })
  task.respondWith(data, task.cdb.allocationLength)
}
