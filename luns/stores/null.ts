// No medium: reads zeroes, discards writes. For measuring what stands in front of a store.

import { StoreError } from '../errors.ts'
import type { Extent, Store } from '../store.ts'

export class NullStore implements Store {
  length: number
  readonly allocated = 0
  readonly #readOnly: boolean

  constructor(length: number, readOnly: boolean) {
    this.length = length
    this.#readOnly = readOnly
  }

  readNow(target: Buffer, at: number, length: number, _offset: number): boolean {
    target.fill(0, at, at + length)
    return true
  }

  async read(target: Buffer, at: number, length: number, offset: number): Promise<void> {
    this.readNow(target, at, length, offset)
  }

  writeNow(_source: Buffer, _at: number, _length: number, _offset: number): boolean {
    if (this.#readOnly) throw new StoreError('read-only', 'the null store was opened read-only')
    return true
  }

  async write(source: Buffer, at: number, length: number, offset: number): Promise<void> {
    this.writeNow(source, at, length, offset)
  }

  async flush(): Promise<void> {}

  async unmap(): Promise<void> {
    this.writeNow(Buffer.of(), 0, 0, 0)
  }

  async resize(length: number): Promise<void> {
    this.length = length
  }

  async extent(offset: number, length: number): Promise<Extent> {
    return { offset, length, mapped: false }
  }

  async close(): Promise<void> {}
}
