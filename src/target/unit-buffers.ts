// The buffers of a logical unit that READ BUFFER and WRITE BUFFER test the path with (SPC-4 6.18): one for all, and an echo
// buffer for each I_T nexus.

import { LIMITS } from './limits.ts'
import type { Nexus } from './nexus.ts'

/** What both hold at most; an echo buffer may hold no more (SPC-4 6.18.10). */
export const BUFFER_BYTES = 4096

export class UnitBuffers {
  readonly #data = Buffer.alloc(BUFFER_BYTES)
  /** The one written last is the last. */
  readonly #echoes = new Map<Nexus, Buffer>()

  write(data: Buffer, offset: number): void {
    data.copy(this.#data, offset)
  }

  /** At most `length` bytes from the offset on. */
  read(offset: number, length: number): Buffer {
    return Buffer.from(this.#data.subarray(offset, offset + length))
  }

  /** Past the bound the oldest is as if it had never been written. */
  writeEcho(nexus: Nexus, data: Buffer): void {
    this.#echoes.delete(nexus)
    this.#echoes.set(nexus, Buffer.from(data))
    if (this.#echoes.size > LIMITS.echoBuffersPerUnit) this.#echoes.delete(this.#echoes.keys().next().value as Nexus)
  }

  /** What the nexus has written last; undefined when it has written nothing. */
  readEcho(nexus: Nexus): Buffer | undefined {
    return this.#echoes.get(nexus)
  }

  loseNexus(nexus: Nexus): void {
    this.#echoes.delete(nexus)
  }

  reset(): void {
    this.#data.fill(0)
    this.#echoes.clear()
  }
}
