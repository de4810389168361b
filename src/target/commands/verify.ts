// VERIFY(10), (12) and (16) (SBC-3 5.29 to 5.31). BYTCHK: 00b reads the medium, 01b compares it with the data, 11b compares
// each of its blocks with one block of data.

import { MATCH } from '../../../luns/supply.ts'
import type { VERIFY_10, VERIFY_12, VERIFY_16 } from '../../../protocol/scsi/commands/verify.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField } from '../device-server.ts'
import type { Task } from '../task.ts'

type Verify = typeof VERIFY_10 | typeof VERIFY_12 | typeof VERIFY_16

const NO_DATA = 0
const DATA = 1
const ONE_BLOCK = 3
/** Bytes between two looks at whether the task was aborted. */
const READ_BYTES = 4 * 1024 * 1024

export async function verify(task: Task<Verify>): Promise<void> {
  const { bytchk } = task.cdb
  if (bytchk === NO_DATA) await readAll(task)
  else if (bytchk === DATA) await compareAll(task)
  else if (bytchk === ONE_BLOCK) await compareEach(task)
  else throw invalidCdbField(task, 'bytchk')
}

/** Nothing is compared: every block of the range must be readable. */
async function readAll(task: Task): Promise<void> {
  const { lu } = task
  const end = (task.lba + task.blocks) * lu.blockSize
  for (let offset = task.lba * lu.blockSize; offset < end; offset += READ_BYTES) {
    task.throwIfAborted()
    await lu.gate.prefetch(offset, Math.min(READ_BYTES, end - offset))
  }
}

async function compareAll(task: Task): Promise<void> {
  const { lu } = task
  const length = task.expectData(task.blocks * lu.blockSize)
  for (let done = 0; done < length; ) {
    const piece = await task.transport.receivePiece(task, done, length - done)
    task.throwIfAborted()
    requireMatch(await lu.gate.verify(piece, task.lba * lu.blockSize + done), done)
    done += piece.length
  }
}

async function compareEach(task: Task): Promise<void> {
  const { lu } = task
  if (task.blocks === 0) return
  const size = lu.blockSize
  const block = await task.transport.receiveAll(task, task.expectData(size))
  if (block.length !== size) throw invalidCdbField(task, 'bytchk')
  task.throwIfAborted()
  requireMatch(await lu.gate.verifySame(block, task.lba * size, task.blocks * size, () => task.aborted), 0)
}

/** INFORMATION is the offset of the first byte that differs (SBC-3 5.29). */
function requireMatch(index: number, done: number): void {
  if (index !== MATCH) throw new SenseError(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, { information: done + index })
}
