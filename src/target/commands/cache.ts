// SYNCHRONIZE CACHE(10) and (16) (SBC-3 5.26, 5.27) and PRE-FETCH(10) and (16) (SBC-3 5.8, 5.9).

import type { PRE_FETCH_10, PRE_FETCH_16 } from '../../../protocol/scsi/commands/pre-fetch.ts'
import type { SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16 } from '../../../protocol/scsi/commands/synchronize-cache.ts'
import type { Task } from '../task.ts'

/**
 * All of the medium, whatever the range: a file is flushed whole. With IMMED the status does not wait; a flush that fails
 * then is remembered by the store, and the next one fails with it.
 */
export async function synchronizeCache(
  task: Task<typeof SYNCHRONIZE_CACHE_10 | typeof SYNCHRONIZE_CACHE_16>,
): Promise<void> {
  const flushed = task.lu.gate.flush()
  if (task.cdb.immed) flushed.catch(() => {})
  else await flushed
}

/**
 * Always ends GOOD: CONDITION MET would promise that all of it fits (SBC-3 5.8), and initiators that expect GOOD take it for
 * a failure.
 */
export async function preFetch(task: Task<typeof PRE_FETCH_10 | typeof PRE_FETCH_16>): Promise<void> {
  const { lu } = task
  const blocks = task.blocks === 0 ? lu.blocks - task.lba : task.blocks
  const fetched = lu.gate.prefetch(task.lba * lu.blockSize, blocks * lu.blockSize)
  if (task.cdb.immed) fetched.catch(() => {})
  else await fetched
}
