// The data of a file that may have to be handed out twice, since other hosts may make an operation begin again: its start is kept.

import { VmfsError } from '../errors.ts'

/** More of it is handed out once only. */
const KEPT_BYTES = 64 * 1024 * 1024

export async function replayable(source: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = source[Symbol.asyncIterator]()
  const kept: Uint8Array[] = []
  let bytes = 0
  let isWhole = false
  while (bytes < KEPT_BYTES && !isWhole) {
    const { value, done } = await iterator.next()
    if (done) isWhole = true
    else {
      // Who hands it out may use its memory again.
      kept.push(Uint8Array.from(value))
      bytes += value.length
    }
  }
  let restTaken = false
  return {
    async *[Symbol.asyncIterator]() {
      if (restTaken)
        throw new VmfsError('in use', 'other hosts have held what the file needs while its data came: try again')
      yield* kept
      if (isWhole) return
      restTaken = true
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    },
  }
}
