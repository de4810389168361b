// What a file of the hosts holds: pieces of bytes that a number each repeats, and zeros. Made where it is written and where it is
// compared, so that nothing but numbers goes from one process to the other.

import { createCipheriv, createHash } from 'node:crypto'

/** Zeros where there is no seed. */
export interface Piece {
  readonly seed?: number
  readonly length: number
}
export type Content = readonly Piece[]

export function bytesOf({ seed, length }: Piece): Buffer {
  if (seed === undefined) return Buffer.alloc(length)
  const key = createHash('sha256').update(`${seed}`).digest().subarray(0, 16)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))
}

export const lengthOf = (content: Content): number => content.reduce((sum, { length }) => sum + length, 0)

/** The content cut, or continued with zeros. */
export function resized(content: Content, length: number): Content {
  const result: Piece[] = []
  let left = length
  for (const piece of content) {
    if (left === 0) return result
    result.push({ ...piece, length: Math.min(piece.length, left) })
    left -= Math.min(piece.length, left)
  }
  return left > 0 ? [...result, { length: left }] : result
}

/** SHA-256 in hex. */
export function digestOf(content: Content): string {
  const hash = createHash('sha256')
  for (const piece of content) hash.update(bytesOf(piece))
  return hash.digest('hex')
}
