// Parameter data grows from one standard to the next: a field that an older device does not send counts as zero.

import { WireError } from '../wire/error.ts'

/** `source` as at least `size` bytes, with zeros at the end. Throws a WireError when it has less than `minimum` bytes. */
export function padTo(structure: string, source: Buffer, minimum: number, size: number): Buffer {
  if (source.length < minimum)
    throw new WireError(structure, 'length', source.length, 'truncated', `${source.length} of ${minimum} bytes`)
  if (source.length >= size) return source
  const padded = Buffer.alloc(size)
  source.copy(padded)
  return padded
}
