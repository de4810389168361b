// The store contract: where the bytes of one logical unit live. Stores are small and stupid: the gate in front of them
// asserts the range, takes range locks, counts, and supplies what a store lacks (zeroing by writing, copying by reading).
// Offsets and lengths are bytes. A store never sees a range outside [0, length).

import type { Pool } from './pool.ts'

/** A run of bytes that are all allocated, or all unallocated (and then read as zeroes). */
export interface Extent {
  readonly offset: number
  readonly length: number
  readonly mapped: boolean
}

export interface Store {
  /** The size of the medium. */
  readonly length: number

  /** Bytes that have their place, as far as the store knows: never less than there are. Absent: all of the medium. */
  readonly allocated?: number

  /** Where that place is taken from. */
  readonly pool?: Pool | undefined

  /**
   * Fills `length` bytes of `target` at `at` with the bytes at `offset`, if that takes no waiting (the page cache has
   * them, or they are a hole). False: nothing is promised about `target`, call `read`. Never blocks on a disk, and
   * answers false to lengths that would hold up the event loop.
   */
  readNow(target: Buffer, at: number, length: number, offset: number): boolean

  /** The same, waiting for the disk. Throws StoreError 'I/O error'. */
  read(target: Buffer, at: number, length: number, offset: number): Promise<void>

  /**
   * Writes `length` bytes of `source` from `at` to `offset`, if the store expects that not to wait; false: nothing was
   * written, call `write`. Throws StoreError 'no space', 'read-only', 'I/O error'. Where the pool has no room for all
   * of the range nothing is written and nothing counted, here and in all that follows.
   */
  writeNow(source: Buffer, at: number, length: number, offset: number): boolean

  /** The same, waiting as long as it takes. */
  write(source: Buffer, at: number, length: number, offset: number): Promise<void>

  /**
   * Everything written before the call is on stable storage when the promise resolves. Concurrent calls share one sync.
   * Once a flush has failed every later one fails: data may be lost, and only a reopened store can say what is there.
   */
  flush(): Promise<void>

  /**
   * Makes the range read as zeroes; where the store can, by freeing it. Absent: the gate asks `zero`. Like `zero`, it
   * may run beside reads and writes of the same range: each byte then is what was written, or zero.
   */
  unmap?(offset: number, length: number): Promise<void>

  /** Makes the range read as zeroes and keeps it allocated. Absent: the gate writes zeroes. */
  zero?(offset: number, length: number): Promise<void>

  /** The run that holds `offset`, at most `length` bytes of it. Absent: all of the medium is mapped. */
  extent?(offset: number, length: number): Promise<Extent>

  /** As `extent`, at once and from memory: what it calls a hole is one, what it calls mapped may be one. */
  presumedExtent?(offset: number, length: number): Extent

  /** Copies between files without passing the data through this process. False: not possible here, the gate copies. */
  copyFrom?(source: Store, sourceOffset: number, offset: number, length: number): Promise<boolean>

  /** Grows the medium by a hole, or by what is reserved. Others may use the old part meanwhile. Absent: not possible. */
  resize?(length: number): Promise<void>

  /** Flushes and lets go of the medium, even when the flush fails. Nothing runs on the store any more: the gate sees to it. */
  close(): Promise<void>
}
