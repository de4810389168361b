// Bytes between volumes, files of this machine and standard streams.

import { createReadStream } from 'node:fs'
import type { FileReader } from '../../host/vmfs/file-reader.ts'
import type { Terminal } from '../command.ts'

/** The name that stands for standard input and output. */
export const STANDARD_STREAM = '-'

const PIECE_BYTES = 1024 * 1024

/** Writes to standard output; false when nobody reads it any more. */
function print({ stdout }: Pick<Terminal, 'stdout'>, data: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    stdout.write(data, (error) => resolve(!error))
  })
}

/** Prints a whole file, holes as zeros. */
export async function printFile(terminal: Terminal, reader: FileReader): Promise<void> {
  for await (const { data, length } of reader.pieces())
    if (!(await print(terminal, data ?? Buffer.alloc(length)))) return
}

export const readLocal = (path: string): AsyncIterable<Uint8Array> =>
  createReadStream(path, { highWaterMark: PIECE_BYTES })

/** Passes a stream on, tells how far it has come, and ends it when the work is interrupted. */
export async function* watched(
  source: AsyncIterable<Uint8Array>,
  interrupt: AbortSignal,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    interrupt.throwIfAborted()
    yield piece
    onBytes(piece.length)
  }
}
