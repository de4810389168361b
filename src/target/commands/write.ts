// WRITE(6), (10), (12) and (16) (SBC-3 5.32 to 5.35) and WRITE AND VERIFY(10), (12) and (16) (SBC-3 5.36 to 5.38). What the
// initiator expects to send bounds what is written, to the byte: a shorter EDTL is a truncated write.

import { MATCH } from '../../../luns/supply.ts'
import type {
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_12,
  WRITE_AND_VERIFY_16,
} from '../../../protocol/scsi/commands/write-and-verify.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField } from '../device-server.ts'
import type { Task } from '../task.ts'

/** A write whose data came with the command ends here, in one system call from the socket's buffer. */
export function write(task: Task): void | Promise<void> {
  const { lu } = task
  const length = task.expectData(task.blocks * lu.blockSize)
  if (length === 0) return
  const fua = task.fua || !lu.modes.writeCache
  const whole = task.dataLength >= length
  if (whole && lu.gate.writeNow(task.data, task.dataOffset, length, task.lba * lu.blockSize, fua)) return
  return writePieces(task, length, fua)
}

async function writePieces(task: Task, length: number, fua: boolean): Promise<void> {
  const { lu } = task
  for (let done = 0; done < length; ) {
    const piece = await task.transport.receivePiece(task, done, length - done)
    task.throwIfAborted()
    const offset = task.lba * lu.blockSize + done
    if (!lu.gate.writeNow(piece, 0, piece.length, offset, fua)) await lu.gate.write(piece, 0, piece.length, offset, fua)
    done += piece.length
  }
}

type WriteAndVerify = typeof WRITE_AND_VERIFY_10 | typeof WRITE_AND_VERIFY_12 | typeof WRITE_AND_VERIFY_16

/** BYTCHK 00b verifies the medium, 01b also compares what it holds with the data; the others are reserved. */
export async function writeAndVerify(task: Task<WriteAndVerify>): Promise<void> {
  const { lu } = task
  const { bytchk } = task.cdb
  if (bytchk > 1) throw invalidCdbField(task, 'bytchk')
  const offset = task.lba * lu.blockSize
  const length = task.expectData(task.blocks * lu.blockSize)
  for (let done = 0; done < length; ) {
    const piece = await task.transport.receivePiece(task, done, length - done)
    task.throwIfAborted()
    await lu.gate.write(piece, 0, piece.length, offset + done, true)
    const index = await lu.gate.verify(piece, offset + done)
    if (index !== MATCH) throw new SenseError(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, { information: done + index })
    done += piece.length
  }
}
