// A disk as the host's file system sees it: a LUN of any array, or a local image. What implements it lives beside it, one file
// a kind.

export interface BlockDevice {
  /** What messages call it: a URL without its secret, or a path. */
  readonly name: string
  /** Bytes, a multiple of `blockBytes`. */
  readonly size: number
  /** The smallest unit of a read and a write: 512 or 4096. */
  readonly blockBytes: number
  /**
   * Reads `length` bytes at `offset`, both multiples of `blockBytes`.
   * @throws RangeError outside the device; whatever the medium fails with
   */
  read(offset: number, length: number): Promise<Buffer>
  /** Writes at `offset`; the data may change once it resolves. Offset and length are multiples of `blockBytes`. */
  write(offset: number, data: Buffer): Promise<void>
  /** What has been written is on stable storage when it resolves. */
  flush(): Promise<void>
  close(): Promise<void>
}
