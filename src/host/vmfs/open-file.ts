// A file that this host holds open: until it is closed its descriptor is locked in the way it was opened, so that no host changes
// the file in a way that does not go together with that (notes, 5). What other hosts have written is read from the volume each time.

import { VmfsError } from './errors.ts'
import type { FileDescriptor } from './file-descriptors.ts'
import type { HeldMode } from './locking/lock-images.ts'
import type { OperationLocks } from './locking/operation-locks.ts'
import { writeOverBlocks } from './operations/write-over-blocks.ts'
import type { Volume } from './volume.ts'

/** A file by its descriptor's address; the generation tells it from another one that got its descriptor later. */
export interface FileReference {
  readonly address: number
  readonly generation: number
}

/**
 * How a file is open: 'exclusive' to one host; 'readOnly' to as many as want to read it, up to eight; 'multiWriter' to up to eight
 * hosts that write over it.
 */
export type OpenMode = HeldMode

/**
 * A file that is held open, on a volume that other hosts have as well by the lock of its descriptor. Methods wait for their turn, as
 * those of the volume do. Once this host was taken for dead they throw VmfsError 'in use', since the lock is gone; after `close`,
 * 'read-only'.
 */
export interface OpenFile {
  /** Of the file, for `writeAt`. */
  readonly reference: FileReference
  readonly mode: OpenMode
  /** The bytes from `offset` on, fewer at the end of the file: as they are on the volume now, whichever host wrote them. */
  read(offset: number, length: number): Promise<Buffer>
  /**
   * Writes over what the file holds. An 'exclusive' one grows when the data reach behind its end. A 'multiWriter' one is written in
   * whole sectors of blocks that it has: it does not grow, and gets no blocks, which other hosts would not know of.
   * @throws VmfsError 'read-only' in the mode 'readOnly'; 'unsupported' for what cannot be written by several hosts
   */
  write(offset: number, data: Buffer): Promise<void>
  /** Gives the lock back. The volume's `close` does so for all files. */
  close(): Promise<void>
}

/** What an open file works with. */
export interface OpenFileContext {
  readonly volume: Volume
  /** Of a volume that other hosts have as well. */
  readonly locks: OperationLocks | undefined
  inTurn<Result>(operate: () => Promise<Result>): Promise<Result>
  /** Under the lock that is held, and the file may grow. */
  writeAt(file: FileReference, offset: number, data: Buffer): Promise<void>
  release(file: HeldFile): Promise<void>
}

export class HeldFile implements OpenFile {
  readonly reference: FileReference
  readonly mode: OpenMode
  /** Of its descriptor in the volume, where its lock is. */
  readonly offset: number
  readonly #context: OpenFileContext
  #isOpen = true

  constructor({ address, meta, offset }: FileDescriptor, mode: OpenMode, context: OpenFileContext) {
    this.reference = { address, generation: meta.generation }
    this.mode = mode
    this.offset = offset
    this.#context = context
  }

  async read(offset: number, length: number): Promise<Buffer> {
    requireBytes(offset)
    requireBytes(length)
    return await this.#inTurn(async () => {
      const { volume } = this.#context
      return await volume.openFile(await this.#descriptor()).read(offset, length)
    })
  }

  async write(offset: number, data: Buffer): Promise<void> {
    requireBytes(offset)
    requireBytes(offset + data.length)
    if (this.mode === 'readOnly') throw new VmfsError('read-only', 'the file is open to be read only')
    await this.#inTurn(async () => {
      if (this.mode === 'exclusive') return await this.#context.writeAt(this.reference, offset, data)
      await writeOverBlocks(this.#context.volume, await this.#descriptor(), offset, data)
    })
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#context.release(this)
  }

  #descriptor(): Promise<FileDescriptor> {
    return this.#context.volume.readFileDescriptor(this.reference.address)
  }

  /** What is done under a lock that is not held any more is not told as done. */
  #inTurn<Result>(operate: () => Promise<Result>): Promise<Result> {
    const { locks } = this.#context
    if (!this.#isOpen) return Promise.reject(closed())
    return this.#context.inTurn(async () => {
      if (!this.#isOpen) throw closed()
      await locks?.demandHeldNow(this.offset)
      const result = await operate().catch((error) => {
        // Without the lock, whatever went wrong is no news.
        locks?.demandHeld([this.offset])
        throw error
      })
      await locks?.demandHeldNow(this.offset)
      return result
    })
  }
}

const closed = () => new VmfsError('read-only', 'the file has been closed')

function requireBytes(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new VmfsError('too large', `"${bytes}" is no number of bytes that a file can have`)
}
