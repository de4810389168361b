// One array a data directory: the state in it is read once and written from memory, so a second writer would undo it.
// The lock is that of the images, on the directory itself; it needs no file and goes with the process.

import { open } from 'node:fs/promises'
import { StoreError } from '../../luns/errors.ts'
import { lockImage, type Unlock } from '../../luns/image-lock.ts'
import { OperatorError } from '../errors.ts'

/** Gives the function that lets go. Throws OperatorError when another array, here or in another process, has it. */
export async function claimDirectory(path: string): Promise<Unlock> {
  const directory = await open(path, 'r').catch((error: Error) => {
    throw new OperatorError(`cannot open the data directory: ${error.message}`, { cause: error })
  })
  let unlock: Unlock | undefined
  try {
    if (!(await directory.stat()).isDirectory()) throw new OperatorError(`${path} is a file, not a data directory`)
    unlock = await lockImage(directory.fd, path, true)
  } catch (error) {
    await directory.close()
    if (error instanceof StoreError) throw inUse(path, error)
    if (error instanceof OperatorError) throw error
    throw new OperatorError(`cannot lock the data directory: ${(error as Error).message}`, { cause: error })
  }
  return async () => {
    await unlock()
    await directory.close()
  }
}

function inUse(path: string, cause: StoreError): OperatorError {
  const cure = 'stop that array, or give this one a data directory of its own'
  return new OperatorError(`the data directory ${path} is in use by another array: ${cure}`, { cause })
}
