// The parameter lists that initiators send: taken whole, within bounds.

import { fieldPointer } from '../../../protocol/scsi/field-pointer.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import type { Layout } from '../../../protocol/wire/layout.ts'
import { invalidCdbField, invalidParameter } from '../device-server.ts'
import type { Task } from '../task.ts'

/** No parameter list of a command here is longer. */
const MAX_PARAMETER_LIST_BYTES = 64 * 1024

/** The parameter list of the length that the CDB names. One that is cut, or out of all bounds, is refused. */
export async function parameterList(task: Task, length: number): Promise<Buffer> {
  if (length > MAX_PARAMETER_LIST_BYTES || length > task.expectedOut)
    throw new SenseError(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  return task.transport.receiveAll(task, task.expectData(length))
}

/** The data of a command that takes exactly `length` bytes, whatever the initiator would send besides. */
export async function exactData(task: Task, length: number): Promise<Buffer> {
  if (task.expectedOut !== length) throw invalidCdbField(task, 'blocks')
  return task.transport.receiveAll(task, task.expectData(length))
}

/** INVALID FIELD IN PARAMETER LIST with a pointer to a field of a structure that starts at `offset` of the list. */
export function invalidListField(structure: Layout, name: string, offset = 0): SenseError {
  const field = fieldPointer(structure, name, 'parameters', offset)
  if (!field) throw new RangeError(`${structure.name} has no field ${name}`)
  return new SenseError(SENSE.INVALID_FIELD_IN_PARAMETER_LIST, { field })
}

/** Reads a parameter list; what cannot be read is the initiator's fault, told with a pointer. */
export function decodeParameters<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    if (error.problem === 'truncated' || error.problem === 'too large')
      throw new SenseError(SENSE.PARAMETER_LIST_LENGTH_ERROR)
    throw invalidParameter(error.offset)
  }
}
