// READ BUFFER(10) and (16) (SPC-4 6.18) and WRITE BUFFER (SPC-4 6.49), which test the path: data and echo with their
// descriptors. Microcode cannot be downloaded, and there is no error history.

import { BUFFER_DESCRIPTOR, BUFFER_MODE, ECHO_BUFFER_DESCRIPTOR } from '../../../protocol/scsi/buffer-descriptors.ts'
import type { READ_BUFFER_10, READ_BUFFER_16, WRITE_BUFFER } from '../../../protocol/scsi/commands/buffer.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField, requireAtMost } from '../device-server.ts'
import type { Task } from '../task.ts'
import { BUFFER_BYTES } from '../unit-buffers.ts'
import { parameterList } from './parameters.ts'

type ReadBuffer = typeof READ_BUFFER_10 | typeof READ_BUFFER_16

/** BUFFER ID of the one data buffer. */
const DATA_BUFFER = 0

export function readBuffer(task: Task<ReadBuffer>): void {
  const read = READS.get(task.cdb.mode)
  if (!read) throw invalidCdbField(task, 'mode')
  task.respondWith(read(task), task.cdb.allocationLength)
}

const READS: ReadonlyMap<number, (task: Task<ReadBuffer>) => Buffer> = new Map([
  [BUFFER_MODE.DATA, readData],
  [BUFFER_MODE.DESCRIPTOR, describeData],
  [BUFFER_MODE.ECHO, readEcho],
  [BUFFER_MODE.ECHO_DESCRIPTOR, () => ECHO_BUFFER_DESCRIPTOR.encode({ ebos: true, bufferCapacity: BUFFER_BYTES })],
])

function readData(task: Task<ReadBuffer>): Buffer {
  return task.lu.buffers.read(dataOffset(task), BUFFER_BYTES)
}

/** Zeroes: there is no such buffer (SPC-4 6.18.5). Any OFFSET BOUNDARY will do. */
function describeData({ cdb }: Task<ReadBuffer>): Buffer {
  return BUFFER_DESCRIPTOR.encode({ bufferCapacity: cdb.bufferId === DATA_BUFFER ? BUFFER_BYTES : 0 })
}

/** BUFFER ID and BUFFER OFFSET are ignored (SPC-4 6.18.9). */
function readEcho({ lu, nexus }: Task<ReadBuffer>): Buffer {
  const echo = lu.buffers.readEcho(nexus)
  if (!echo) throw new SenseError(SENSE.COMMAND_SEQUENCE_ERROR)
  return echo
}

export async function writeBuffer(task: Task<typeof WRITE_BUFFER>): Promise<void> {
  const { lu, nexus, cdb } = task
  const { mode, parameterListLength } = cdb
  if (mode !== BUFFER_MODE.DATA && mode !== BUFFER_MODE.ECHO) throw invalidCdbField(task, 'mode')
  const offset = mode === BUFFER_MODE.DATA ? dataOffset(task) : 0
  requireAtMost(task, 'parameterListLength', parameterListLength, BUFFER_BYTES - offset)
  const data = await parameterList(task, parameterListLength)
  task.throwIfAborted()
  if (mode === BUFFER_MODE.ECHO) lu.buffers.writeEcho(nexus, data)
  else lu.buffers.write(data, offset)
}

function dataOffset(task: Task<ReadBuffer | typeof WRITE_BUFFER>): number {
  const { bufferId, bufferOffset } = task.cdb
  if (bufferId !== DATA_BUFFER) throw invalidCdbField(task, 'bufferId')
  const offset = Number(bufferOffset)
  requireAtMost(task, 'bufferOffset', offset, BUFFER_BYTES)
  return offset
}
