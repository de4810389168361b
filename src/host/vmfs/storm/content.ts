// What the files of a storm hold: units of 16 bytes, each with the number of its file's making and its own place. Whoever reads a
// file, of whatever length and whoever made it, can tell whether that is what was written.

import { VmfsError } from '../errors.ts'

const UNIT_BYTES = 16

/** `length` bytes from `offset` on, both multiples of 16, of the file that was made as number `seed`. */
export function contentOf(seed: bigint, offset: number, length: number): Buffer {
  const data = Buffer.alloc(length)
  for (let at = 0; at < length; at += UNIT_BYTES) {
    data.writeBigUInt64LE(seed, at)
    data.writeBigUInt64LE(BigInt(offset + at), at + 8)
  }
  return data
}

/**
 * The seed of a file that was read whole.
 * @throws VmfsError 'damaged' when it holds anything but what was written, or not what is expected
 */
export function verify(
  path: string,
  data: Buffer,
  expected?: { readonly seed: bigint; readonly length: number },
): bigint {
  const wrong = (what: string) => new VmfsError('damaged', `${path} does not hold what was written to it: ${what}`)
  if (expected && data.length !== expected.length)
    throw wrong(`it has ${data.length} bytes, and ${expected.length} were written`)
  if (data.length === 0 || data.length % UNIT_BYTES !== 0) throw wrong(`it has ${data.length} bytes`)
  const seed = expected?.seed ?? data.readBigUInt64LE(0)
  const differsAt = firstDifference(data, contentOf(seed, 0, data.length))
  if (differsAt !== undefined) throw wrong(`byte ${differsAt} of ${data.length} differs`)
  return seed
}

function firstDifference(a: Buffer, b: Buffer): number | undefined {
  if (a.equals(b)) return undefined
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return at
  return undefined
}
