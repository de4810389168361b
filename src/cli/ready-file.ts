// --ready-file: tells scripts that every portal accepts logins, and which ports they got. It is there, whole, or it is not.

import { rmSync } from 'node:fs'
import { access, constants, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { writeAtomically } from '../config/atomic-file.ts'
import { OperatorError } from '../errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its directory does not exist',
  ENOTDIR: 'its directory does not exist',
  EISDIR: 'it is a directory',
  ERR_FS_EISDIR: 'it is a directory',
  EACCES: 'permission denied',
}

export interface Ready {
  readonly pid: number
  readonly portals: readonly string[]
  readonly targets: readonly string[]
}

export interface ReadyFile {
  write(ready: Ready): Promise<void>
  /** For good: nothing is written any more. At once, so that it works while the process exits. */
  remove(): void
}

/**
 * Removes what an earlier run left. Without a path nothing is ever written.
 * @throws OperatorError when the file could not be written later
 */
export async function prepareReadyFile(given: string | undefined): Promise<ReadyFile> {
  if (given === undefined) return { write: async () => {}, remove: () => {} }
  const path = resolve(given)
  const failed = (error: NodeJS.ErrnoException) => {
    const why = REASONS[error.code ?? ''] ?? error.message
    throw new OperatorError(`cannot write the ready file ${given}: ${why}`, { cause: error })
  }
  await access(dirname(path), constants.W_OK | constants.X_OK).catch(failed)
  await rm(path, { force: true }).catch(failed)
  let written = false
  let removed = false
  const remove = (): void => {
    removed = true
    if (written) rmSync(path, { force: true })
    written = false
  }
  return {
    async write(ready) {
      if (removed) return
      await writeAtomically(path, `${JSON.stringify(ready)}\n`).catch(failed)
      written = true
      if (removed) remove() // meanwhile
    },
    remove,
  }
}
