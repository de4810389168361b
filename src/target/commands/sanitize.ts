// SANITIZE (SBC-3 5.24): overwrite, block erase and cryptographic erase run in the background of the logical unit; EXIT
// FAILURE MODE ends what a failed one leaves behind.

import type {
  SANITIZE_BLOCK_ERASE,
  SANITIZE_CRYPTOGRAPHIC_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
} from '../../../protocol/scsi/commands/sanitize.ts'
import { decodeOverwriteList, OVERWRITE_LIST_HEADER } from '../../../protocol/scsi/overwrite-list.ts'
import { invalidCdbField } from '../device-server.ts'
import type { Task } from '../task.ts'
import { inBackground } from './background.ts'
import { decodeParameters, invalidListField, parameterList } from './parameters.ts'

type Sanitize = typeof SANITIZE_OVERWRITE | typeof SANITIZE_BLOCK_ERASE | typeof SANITIZE_CRYPTOGRAPHIC_ERASE

export async function sanitizeOverwrite(task: Task<typeof SANITIZE_OVERWRITE>): Promise<void> {
  const { lu, cdb } = task
  const { parameterListLength: length } = cdb
  judgeCompletionMode(task)
  // INVALID FIELD IN CDB, not PARAMETER LIST LENGTH ERROR (SBC-3 table 95).
  if (length <= OVERWRITE_LIST_HEADER.size || length > OVERWRITE_LIST_HEADER.size + lu.blockSize)
    throw invalidCdbField(task, 'parameterListLength')
  const list = await parameterList(task, length)
  const { test, overwriteCount, invert, initializationPatternLength, pattern } = decodeParameters(() =>
    decodeOverwriteList(list),
  )
  if (test !== 0) throw invalidListField(OVERWRITE_LIST_HEADER, 'test')
  if (overwriteCount === 0) throw invalidListField(OVERWRITE_LIST_HEADER, 'overwriteCount')
  if (initializationPatternLength === 0 || initializationPatternLength > pattern.length)
    throw invalidListField(OVERWRITE_LIST_HEADER, 'initializationPatternLength')
  const order = { ause: cdb.ause, invert, count: overwriteCount, pattern: pattern.toString('base64') }
  await inBackground(task, { operation: 'overwrite', ...order }, cdb.immed)
}

export function sanitizeBlockErase(task: Task<typeof SANITIZE_BLOCK_ERASE>): Promise<void> {
  judgeCompletionMode(task)
  return inBackground(task, { operation: 'block erase', ause: task.cdb.ause }, task.cdb.immed)
}

export function sanitizeCryptographicErase(task: Task<typeof SANITIZE_CRYPTOGRAPHIC_ERASE>): Promise<void> {
  judgeCompletionMode(task)
  return inBackground(task, { operation: 'cryptographic erase', ause: task.cdb.ause }, task.cdb.immed)
}

/** A failure in the restricted completion mode is not to be left through the unrestricted one (SBC-3 4.11.1). */
function judgeCompletionMode(task: Task<Sanitize>): void {
  if (task.lu.background.sanitizeFailed?.ause === false && task.cdb.ause) throw invalidCdbField(task, 'ause')
}

/** GOOD where nothing has failed; refused after a failure in the restricted completion mode (SBC-3 5.24.1). */
export function sanitizeExitFailureMode(task: Task<typeof SANITIZE_EXIT_FAILURE_MODE>): void | Promise<void> {
  const failed = task.lu.background.sanitizeFailed
  if (failed === undefined) return
  if (!failed.ause) throw invalidCdbField(task, 'serviceAction')
  return task.lu.background.exitFailureMode()
}
