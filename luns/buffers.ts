// What the gate asks of the buffers that it is given, and blocks of one content.

export function checkBuffer(buffer: Buffer, at: number, length: number): void {
  if (!(at >= 0 && at + length <= buffer.length))
    throw new RangeError(`${length} bytes at ${at} are outside a buffer of ${buffer.length}`)
}

export function requireBlocks(block: Buffer, length: number): void {
  if (block.length === 0 || length % block.length !== 0)
    throw new RangeError(`${length} bytes are no multiple of a block of ${block.length}`)
}

/** As many copies as fit into `most` bytes, at least one. */
export const repeat = (block: Buffer, most: number): Buffer =>
  Buffer.alloc(Math.max(1, Math.floor(most / block.length)) * block.length, block)

export const isZero = (block: Buffer): boolean => block.equals(Buffer.alloc(block.length))
