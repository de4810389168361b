// The data of a file that may have to be handed out twice, since other hosts may make an operation begin again: its start is kept.

import { VmfsError } from '../errors.ts'

/** More of it is handed out once only. */
const KEPT_BYTES = 64 * 1024 * 1024

export class ReplayableSource implements AsyncIterable<Uint8Array> {
  readonly #iterator: AsyncIterator<Uint8Array>
  readonly #onLast: () => void
  readonly #keptBytes: number
  #kept: Uint8Array[] = []
  #bytes = 0
  #isWhole = false
  #isLast = false

  /** @param onLast called when it is too much to be handed out again */
  constructor(source: AsyncIterable<Uint8Array>, onLast: () => void, keptBytes = KEPT_BYTES) {
    this.#iterator = source[Symbol.asyncIterator]()
    this.#onLast = onLast
    this.#keptBytes = keptBytes
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, undefined> {
    if (this.#isLast)
      throw new VmfsError('in use', 'other hosts have held what the file needs while its data came: try again')
    yield* this.#kept
    while (!this.#isWhole) {
      const { value, done } = await this.#iterator.next()
      if (done) this.#isWhole = true
      else yield this.#keep(value)
    }
  }

  /** Tells the source that nothing more of it is wanted. */
  async close(): Promise<void> {
    this.#kept = []
    if (!this.#isWhole) await this.#iterator.return?.()
  }

  #keep(piece: Uint8Array): Uint8Array {
    if (this.#isLast) return piece
    this.#bytes += piece.length
    if (this.#bytes > this.#keptBytes) {
      this.#isLast = true
      this.#kept = []
      this.#onLast()
      return piece
    }
    // Who hands it out may use its memory again.
    const kept = Uint8Array.from(piece)
    this.#kept.push(kept)
    return kept
  }
}
