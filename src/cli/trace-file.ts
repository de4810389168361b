// --trace: what initiators do to exclude each other, a line of JSON for each command. A disk that is too slow for it, or full,
// costs lines and not those commands: how many are missing stands in the file where they would.

import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { OperatorError } from '../errors.ts'

const MAX_WAITING_BYTES = 16 * 1024 * 1024

export interface TraceFile {
  write(line: object): void
  close(): Promise<void>
}

/**
 * Appends to the file.
 * @param tell why the file ends before the trace does
 * @throws OperatorError when it cannot be opened
 */
export async function openTrace(path: string, tell: (problem: string) => void): Promise<TraceFile> {
  const file = await open(path, 'a').catch((error: Error) => {
    throw new OperatorError(`cannot write the trace ${path}: ${error.message}`, { cause: error })
  })
  const stream = file.createWriteStream()
  let broken = false
  let missing = 0
  stream.on('error', (error) => {
    broken = true
    tell(`the trace ${path} ends here: ${error.message}`)
  })
  return {
    write(line) {
      if (broken) return
      if (stream.writableLength > MAX_WAITING_BYTES) {
        missing++
        return
      }
      if (missing > 0) stream.write(`${JSON.stringify({ missing })}\n`)
      missing = 0
      stream.write(`${JSON.stringify(line)}\n`)
    },
    async close() {
      if (broken) return
      if (missing > 0) stream.write(`${JSON.stringify({ missing })}\n`)
      stream.end()
      await once(stream, 'close')
    },
  }
}
