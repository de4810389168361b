// A medium in memory, gone at close: chunks come into being when they are written, and a chunk that is not there reads
// as zeroes. The allocation map says which of it is mapped; a chunk goes with its last grain. Nothing waits, so that
// everything is answered at once; long transfers let the event loop turn.

import { setImmediate } from 'node:timers/promises'
import { AllocationMap } from '../allocation-map.ts'
import { StoreError } from '../errors.ts'
import type { Pool, PoolAccount } from '../pool.ts'
import type { Extent, Store } from '../store.ts'

const CHUNK_BYTES = 64 * 1024
/** About 0.3 ms of new chunks. */
const NOW_BYTES = 512 * 1024

export class MemoryStore implements Store {
  readonly #readOnly: boolean
  readonly #account: PoolAccount | undefined
  readonly #map: AllocationMap
  readonly #chunks = new Map<number, Buffer>()
  #length: number

  constructor(length: number, readOnly: boolean, account?: PoolAccount) {
    this.#length = length
    this.#readOnly = readOnly
    this.#account = account
    this.#map = new AllocationMap(length, account)
  }

  get length(): number {
    return this.#length
  }

  get allocated(): number {
    return this.#map.allocated
  }

  get pool(): Pool | undefined {
    return this.#account?.pool
  }

  readNow(target: Buffer, at: number, length: number, offset: number): boolean {
    if (length > NOW_BYTES) return false
    for (let done = 0; done < length; ) {
      const start = (offset + done) % CHUNK_BYTES
      const count = Math.min(CHUNK_BYTES - start, length - done)
      const chunk = this.#chunks.get((offset + done - start) / CHUNK_BYTES)
      if (chunk) chunk.copy(target, at + done, start, start + count)
      else target.fill(0, at + done, at + done + count)
      done += count
    }
    return true
  }

  async read(target: Buffer, at: number, length: number, offset: number): Promise<void> {
    await inPieces(length, (done, count) => this.readNow(target, at + done, count, offset + done))
  }

  writeNow(source: Buffer, at: number, length: number, offset: number): boolean {
    this.#requireWritable()
    if (length > NOW_BYTES) return false
    this.#map.allocate(offset, length)
    this.#put(source, at, length, offset)
    return true
  }

  async write(source: Buffer, at: number, length: number, offset: number): Promise<void> {
    this.#requireWritable()
    this.#map.allocate(offset, length)
    await inPieces(length, (done, count) => {
      this.#map.markData(offset + done, count) // an unmap may have freed it in between
      this.#put(source, at + done, count, offset + done)
    })
  }

  async flush(): Promise<void> {}

  async unmap(offset: number, length: number): Promise<void> {
    this.#requireWritable()
    this.#map.markHole(offset, length)
    const end = offset + length
    for (const index of this.#existing(offset, length)) {
      const start = index * CHUNK_BYTES
      if (this.#map.isHole(start, Math.min(CHUNK_BYTES, this.#length - start))) this.#chunks.delete(index)
      else this.#chunks.get(index)!.fill(0, Math.max(offset - start, 0), Math.min(end - start, CHUNK_BYTES))
    }
  }

  async extent(offset: number, length: number): Promise<Extent> {
    return this.#map.extent(offset, length)
  }

  presumedExtent(offset: number, length: number): Extent {
    return this.#map.extent(offset, length)
  }

  async resize(length: number): Promise<void> {
    this.#requireWritable()
    this.#map.grow(length)
    this.#length = length
  }

  async close(): Promise<void> {
    this.#chunks.clear()
    this.#account?.close()
  }

  /** The chunks of the range that are there: asked of the map or of the range, whichever is shorter. */
  #existing(offset: number, length: number): number[] {
    const first = Math.floor(offset / CHUNK_BYTES)
    const past = Math.ceil((offset + length) / CHUNK_BYTES)
    const found: number[] = []
    if (past - first > this.#chunks.size) {
      for (const index of this.#chunks.keys()) if (index >= first && index < past) found.push(index)
    } else for (let index = first; index < past; index++) if (this.#chunks.has(index)) found.push(index)
    return found
  }

  #put(source: Buffer, at: number, length: number, offset: number): void {
    for (let done = 0; done < length; ) {
      const start = (offset + done) % CHUNK_BYTES
      const count = Math.min(CHUNK_BYTES - start, length - done)
      this.#chunkAt(offset + done - start).set(source.subarray(at + done, at + done + count), start)
      done += count
    }
  }

  #chunkAt(start: number): Buffer {
    const index = start / CHUNK_BYTES
    let chunk = this.#chunks.get(index)
    if (!chunk) {
      chunk = Buffer.alloc(CHUNK_BYTES)
      this.#chunks.set(index, chunk)
    }
    return chunk
  }

  #requireWritable(): void {
    if (this.#readOnly) throw new StoreError('read-only', 'the memory store was opened read-only')
  }
}

async function inPieces(length: number, work: (done: number, count: number) => void): Promise<void> {
  for (let done = 0; done < length; done += NOW_BYTES) {
    if (done > 0) await setImmediate()
    work(done, Math.min(NOW_BYTES, length - done))
  }
}
