// A disk that remembers each write and flush, to show the medium as it stands when the power fails: what was flushed is there, of
// what came after it any part may be.

import type { BlockDevice } from '../../../src/host/block-device.ts'
import type { MemoryDevice } from './memory-device.ts'

type Event = { readonly kind: 'write'; readonly offset: number; readonly data: Buffer } | { readonly kind: 'flush' }

export interface PowerFailure {
  /** How many writes the device had been given. */
  readonly writes: number
  /** Whether write number `index`, given after the last flush, reached the medium. */
  readonly keeps: (index: number) => boolean
  /** How many bytes of the last write reached it, when it is kept; all of them without. */
  readonly tornBytes?: number
}

export class RecordingDevice implements BlockDevice {
  readonly name = 'recording'
  readonly size: number
  readonly blockBytes: number
  readonly #base: MemoryDevice
  readonly #now: MemoryDevice
  readonly #events: Event[] = []

  /** `base` is what the medium holds at first, and must not be written any more. */
  constructor(base: MemoryDevice) {
    this.size = base.size
    this.blockBytes = base.blockBytes
    this.#base = base
    this.#now = base.fork()
  }

  get writeCount(): number {
    return this.#events.filter(({ kind }) => kind === 'write').length
  }

  lengthOfWrite(index: number): number {
    const write = this.#writes()[index]
    return write ? write.data.length : 0
  }

  /** The medium after a power failure; media with the same key hold the same. */
  mediumAfter({ writes, keeps, tornBytes }: PowerFailure): { medium: MemoryDevice; key: string } {
    const medium = this.#base.fork()
    let key = ''
    for (const { data, offset, index, flushed } of this.#writes().slice(0, writes)) {
      if (flushed >= writes && !keeps(index)) continue
      const part = index === writes - 1 ? data.subarray(0, tornBytes ?? data.length) : data
      medium.poke(offset, part)
      key += `${index}:${part.length} `
    }
    return { medium, key }
  }

  /** The medium when all is said and done. */
  medium(): MemoryDevice {
    return this.#now
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#now.read(offset, length)
  }

  async write(offset: number, data: Buffer): Promise<void> {
    await this.#now.write(offset, data)
    this.#events.push({ kind: 'write', offset, data: Buffer.from(data) })
  }

  async flush(): Promise<void> {
    this.#events.push({ kind: 'flush' })
  }

  async close(): Promise<void> {}

  /** Each write, and the number of writes that the device had when it was first flushed after it. */
  #writes(): { offset: number; data: Buffer; index: number; flushed: number }[] {
    const result: { offset: number; data: Buffer; index: number; flushed: number }[] = []
    let pending = 0
    for (const event of this.#events)
      if (event.kind === 'write') result.push({ ...event, index: result.length, flushed: Number.POSITIVE_INFINITY })
      else for (; pending < result.length; pending++) result[pending]!.flushed = result.length
    return result
  }
}
