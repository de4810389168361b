// One writer an image: flock of the open file, through koffi where it can load, as the array's own image files do, so that a
// host does not write under an array that serves the same image. The kernel drops it with the file; elsewhere nothing is locked.

import { createRequire } from 'node:module'
import { constants } from 'node:os'

const LOCK_EXCLUSIVE = 2
const LOCK_SHARED = 1
const DO_NOT_WAIT = 4

/** 0, or the number of the error. */
type Flock = (fd: number, operation: number) => number

/** False when somebody else holds the file: anybody against a writer, a writer against a reader. */
export function lockFile(fd: number, exclusive: boolean): boolean {
  // A file system without locks is as good as a platform without them.
  return loadFlock()?.(fd, (exclusive ? LOCK_EXCLUSIVE : LOCK_SHARED) | DO_NOT_WAIT) !== constants.errno.EWOULDBLOCK
}

function loadFlock(): Flock | undefined {
  if (process.platform !== 'linux' || process.env.LUNETTE_NO_KOFFI === '1') return undefined
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const flock = koffi.load(null).func('flock', 'int', ['int', 'int'])
    return (fd, operation) => (flock(fd, operation) === 0 ? 0 : koffi.errno())
  } catch {
    return undefined
  }
}
