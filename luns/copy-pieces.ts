// How a copy is cut into pieces. Overlapping source and destination copy as if read whole first: backwards when the data
// moves up, and in pieces that do not overlap themselves, or are small enough to be read whole.

/** 16 MiB pass through the kernel in 5 ms. */
const PIECE_BYTES = 16 * 1024 * 1024
/** What one read into memory holds. */
export const BUFFER_BYTES = 1024 * 1024

export interface CopyPiece {
  readonly sourceOffset: number
  readonly offset: number
  readonly length: number
  /** Source and destination of this piece overlap: it is at most BUFFER_BYTES, to be read whole before it is written. */
  readonly overlaps: boolean
}

/** Cuts a copy inside one medium (`within`) or between two. A copy onto itself has no pieces. */
export function* copyPieces(
  sourceOffset: number,
  offset: number,
  length: number,
  within: boolean,
): Generator<CopyPiece, void> {
  if (within && sourceOffset === offset) return
  const distance = within ? Math.abs(offset - sourceOffset) : Number.POSITIVE_INFINITY
  const overlaps = distance < Math.min(length, BUFFER_BYTES)
  const most = overlaps ? BUFFER_BYTES : Math.min(PIECE_BYTES, distance)
  const backwards = distance < length && offset > sourceOffset
  for (let done = 0; done < length; ) {
    const count = Math.min(most, length - done)
    const from = backwards ? length - done - count : done
    yield {
      sourceOffset: sourceOffset + from,
      offset: offset + from,
      length: count,
      overlaps: overlaps && distance < count,
    }
    done += count
  }
}
