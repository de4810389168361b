// A small text file, read whole: what it cannot be is one clear sentence.

import { type FileHandle, open } from 'node:fs/promises'
import { OperatorError } from '../errors.ts'

const MAX_FILE_BYTES = 2 ** 20

/** Throws OperatorError when the file is missing, unreadable, larger than 1 MiB or not UTF-8. */
export async function readText(file: string): Promise<string> {
  const bytes = await readBounded(file)
  if (bytes.length > MAX_FILE_BYTES)
    throw new OperatorError(`${file}: is larger than 1 MiB, too large for a configuration`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new OperatorError(`${file}: is not UTF-8 text`, { cause: error })
  }
}

/** At most one byte more than is allowed, from whatever can be read: a pipe has no size. */
async function readBounded(file: string): Promise<Buffer> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      chunks.push(chunk)
      length += chunk.length
      if (length > MAX_FILE_BYTES) break
    }
    return Buffer.concat(chunks)
  } catch (error) {
    throw new OperatorError(`${file}: cannot be read (${reason(error)})`, { cause: error })
  } finally {
    await handle?.close()
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
}

function reason(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return REASONS[code] ?? message
}
