// What a file of this machine fails with, in one sentence.

import { OperatorError } from '../../errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of its path is no directory',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'its file system is read-only',
  EEXIST: 'it exists',
  ENOSPC: 'no space left on the disk',
  EFBIG: 'the file system has no files of that size',
  ELOOP: 'it leads through too many symbolic links',
  ENAMETOOLONG: 'its name is too long',
}

/** For `catch`: what the system says of `path`; anything else is thrown as it is. */
export const localFailure =
  (path: string) =>
  (error: unknown): never => {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? '']
    if (reason === undefined || !(error instanceof Error) || !('syscall' in error)) throw error
    throw new OperatorError(`${path}: ${reason}`, { cause: error })
  }
