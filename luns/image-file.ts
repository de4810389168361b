// A store over one image file: what the sparse and the fully allocated one share. Reads come from the allocation map, from the
// page cache without waiting, or from the thread pool; writes go to the page cache at once while it takes them quickly.
// `readNow` and `writeNow` stand on the hot path: no promise, no closure, no copy.

import { fdatasync, read, write, writeSync } from 'node:fs'
import type { AllocationMap } from './allocation-map.ts'
import { errorCode, StoreError, storeError } from './errors.ts'
import { GroupSync } from './group-sync.ts'
import { type CachedReader, linux } from './linux.ts'
import { growImage, type OpenImage } from './open-image.ts'
import type { Pool } from './pool.ts'
import { STALLED, StallGuard } from './stall-guard.ts'
import type { Extent, Store } from './store.ts'
import { threads } from './threads.ts'

/** Longer ones would hold up the event loop: 1 MiB takes 60 us from the page cache. */
const READ_NOW_BYTES = 1024 * 1024
/** 256 KiB over cached pages take 14 us, 160 us into a hole: no more than the round trip to a thread. 1 MiB may take 2 ms. */
const WRITE_NOW_BYTES = 256 * 1024
const ZEROES_BYTES = 1024 * 1024
/** One call takes 0.3 ms, and holds both files and a core that long; with 4 MiB reads beside it wait twice as long. */
const COPY_CALL_BYTES = 1024 * 1024

/** A call that takes the kernel a while: it may hold the file's lock, so that a synchronous write would wait for it. */
type LongCall = (fd: number, offset: number, length: number) => Promise<void>

export abstract class ImageFile implements Store {
  protected readonly map: AllocationMap
  readonly #image: OpenImage
  readonly #reader: CachedReader | undefined
  readonly #guard = new StallGuard()
  readonly #sync: GroupSync
  #longCalls = 0
  #writes = 0
  #length: number
  /** Becomes -1 at close: the number may then belong to another file. */
  #fd: number

  constructor(image: OpenImage) {
    this.#image = image
    this.#length = image.length
    this.map = image.map
    this.#fd = image.file.fd
    this.#reader = linux?.cachedReader(this.#fd)
    this.#sync = new GroupSync(() => datasync(this.#fd).catch((error) => this.#fail(error)))
  }

  get length(): number {
    return this.#length
  }

  get allocated(): number {
    return this.#image.thick ? this.#length : this.map.allocated
  }

  get pool(): Pool | undefined {
    return this.#image.account?.pool
  }

  readNow(target: Buffer, at: number, length: number, offset: number): boolean {
    if (this.map.isHole(offset, length)) {
      target.fill(0, at, at + length)
      return true
    }
    if (this.#reader === undefined || length > READ_NOW_BYTES || this.#fd < 0) return false
    return this.#reader.read(target, at, length, offset)
  }

  async read(target: Buffer, at: number, length: number, offset: number): Promise<void> {
    if (this.map.isHole(offset, length)) {
      target.fill(0, at, at + length)
      return
    }
    for (let done = 0; done < length; ) {
      const count = await pread(this.#fd, target, at + done, length - done, offset + done).catch((e) => this.#fail(e))
      if (count === 0) {
        target.fill(0, at + done, at + length) // past the end of a shorter image, opened read-only
        return
      }
      done += count
    }
  }

  writeNow(source: Buffer, at: number, length: number, offset: number): boolean {
    this.requireWritable()
    if (length > WRITE_NOW_BYTES || this.#longCalls > 0) return false
    const entered = this.#guard.enter()
    if (entered === STALLED) return false
    this.map.allocate(offset, length)
    try {
      for (let done = 0; done < length; ) done += writeSync(this.#fd, source, at + done, length - done, offset + done)
    } catch (error) {
      this.#forget(offset, length)
      this.#fail(error)
    }
    this.#guard.leave(entered)
    return true
  }

  async write(source: Buffer, at: number, length: number, offset: number): Promise<void> {
    this.requireWritable()
    await this.#marked(offset, length, () => this.#pwrite(source, at, length, offset))
  }

  flush(): Promise<void> {
    return this.#image.readOnly ? Promise.resolve() : this.#sync.flush()
  }

  /** False where the kernel cannot: without koffi, from another kind of store, between some file systems. */
  async copyFrom(source: Store, sourceOffset: number, offset: number, length: number): Promise<boolean> {
    this.requireWritable()
    const copyRange = linux?.copyRange
    if (!copyRange || !(source instanceof ImageFile)) return false
    let done = 0
    try {
      await this.#marked(offset, length, () =>
        this.#long(async () => {
          while (done < length) {
            const most = Math.min(COPY_CALL_BYTES, length - done)
            const count = await copyRange(source.#fd, sourceOffset + done, this.#fd, offset + done, most)
            if (count === 0) break // the end of a shorter image
            done += count
          }
        }),
      )
    } catch (error) {
      if (NOT_POSSIBLE.includes(errorCode((error as StoreError).cause) ?? '')) return false
      throw error
    }
    if (done < length) await this.#writeZeroes(offset + done, length - done)
    return true
  }

  presumedExtent(offset: number, length: number): Extent {
    return this.map.extent(offset, length)
  }

  /** The pool is asked first, and the disk where all of it is to be reserved. */
  async resize(length: number): Promise<void> {
    this.requireWritable()
    const { file, account, thick } = this.#image
    const more = length - this.#length
    if (thick) account?.take(more)
    try {
      await growImage(file, this.#length, length, thick ? this.#length : undefined)
    } catch (error) {
      if (thick) account?.give(more)
      this.#fail(error)
    }
    this.map.grow(length)
    this.#length = length
  }

  async close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      this.#fd = -1
      this.#image.account?.close()
      await this.#image.unlock()
      await this.#image.file.close()
    }
  }

  protected get fd(): number {
    return this.#fd
  }

  /** Whether a call in a thread may hold the file's lock: asking the kernel about the file would wait for it. */
  protected get busy(): boolean {
    return this.#longCalls > 0 || this.#writes > 0
  }

  protected requireWritable(): void {
    if (this.#image.readOnly) throw new StoreError('read-only', `${this.#image.path} was opened read-only`)
  }

  /**
   * Makes the range read as zeroes by `call`, or by writing where that is not supported. The map forgets the range
   * first: a write that comes meanwhile marks it again, at its beginning and at its end, and is never hidden.
   */
  protected async clear(offset: number, length: number, call: LongCall | undefined): Promise<void> {
    this.requireWritable()
    if (this.map.isHole(offset, length)) return
    if (!call) return this.#writeZeroes(offset, length)
    this.map.markHole(offset, length)
    try {
      await this.#long(() => call(this.#fd, offset, length))
    } catch (error) {
      this.map.markData(offset, length)
      if (errorCode((error as StoreError).cause) !== 'ENOTSUP') throw error
      await this.#writeZeroes(offset, length)
    }
  }

  /** Only where the map presumes data; the chunks that it covers whole are holes to the map from then on. */
  async #writeZeroes(offset: number, length: number): Promise<void> {
    const zeroes = Buffer.alloc(Math.min(ZEROES_BYTES, length))
    const end = offset + length
    for (let at = offset; at < end; ) {
      const run = this.map.extent(at, end - at)
      if (run.mapped) await this.#writeRun(zeroes, at, run.length)
      at += run.length
    }
  }

  async #writeRun(zeroes: Buffer, offset: number, length: number): Promise<void> {
    this.map.markHole(offset, length)
    try {
      for (let done = 0; done < length; done += zeroes.length)
        await this.#pwrite(zeroes, 0, Math.min(zeroes.length, length - done), offset + done)
    } catch (error) {
      this.map.markData(offset, length)
      throw error
    }
  }

  /**
   * Makes room for the range, or throws and does nothing. Marks it again at the end: an unmap may have freed it in
   * between, and what is on the disk then counts even where others have taken the room.
   */
  async #marked(offset: number, length: number, work: () => Promise<void>): Promise<void> {
    this.map.allocate(offset, length)
    try {
      await work()
    } catch (error) {
      this.map.markData(offset, length)
      this.#forget(offset, length)
      throw error
    }
    this.map.markData(offset, length)
  }

  /**
   * A write has failed: what is a hole still takes no room in the pool, or a disk that was full for a minute would fill it.
   * Where the kernel does not tell, or others may be writing, it counts.
   */
  #forget(offset: number, length: number): void {
    if (!linux || this.busy) return
    const { grainLength } = this.map
    const end = Math.min(Math.ceil((offset + length) / grainLength) * grainLength, this.#length)
    try {
      for (let at = Math.floor(offset / grainLength) * grainLength; at < end; ) {
        const data = Math.min(linux.seekData(this.#fd, at) ?? end, end)
        this.map.markHole(at, data - at)
        at = data < end ? linux.seekHole(this.#fd, data) : end
      }
    } catch {
      // a file system without SEEK_DATA, or an image that is closed
    }
  }

  async #long(work: () => Promise<void>): Promise<void> {
    this.#longCalls++
    try {
      await work()
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#longCalls--
    }
  }

  async #pwrite(source: Buffer, at: number, length: number, offset: number): Promise<void> {
    this.#writes++
    try {
      for (let done = 0; done < length; )
        done += await pwrite(this.#fd, source, at + done, length - done, offset + done)
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#writes--
    }
  }

  #fail(error: unknown): never {
    const { path } = this.#image
    if (this.#fd < 0) throw new StoreError('I/O error', `${path} is closed`, { cause: error })
    throw storeError(error, path)
  }
}

/** What copy_file_range says where it cannot: another file system, no support, a range over itself. */
const NOT_POSSIBLE: readonly string[] = ['EXDEV', 'ENOTSUP', 'ENOSYS', 'EINVAL']

function pread(fd: number, target: Buffer, at: number, length: number, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, at, length, offset, (error, count) => (error ? reject(error) : resolve(count)))
  })
}

function pwrite(fd: number, source: Buffer, at: number, length: number, offset: number): Promise<number> {
  return threads.slow(
    () =>
      new Promise((resolve, reject) => {
        write(fd, source, at, length, offset, (error, count) => (error ? reject(error) : resolve(count)))
      }),
  )
}

function datasync(fd: number): Promise<void> {
  return threads.slow(
    () =>
      new Promise((resolve, reject) => {
        fdatasync(fd, (error) => (error ? reject(error) : resolve()))
      }),
  )
}
