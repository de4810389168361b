// Requests of an initiator that have one answer each, told apart by their task tag: NOP-Out, Text, Task Management, Logout.

import type { ReceivedPdu } from './stream.ts'

/** The answer, copied out of the stream. */
export interface Answer {
  readonly header: Buffer
  readonly data: Buffer
}

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

const BHS_BYTES = 48

export class Exchanges {
  readonly #takeTag: () => number
  readonly #waiting = new Map<number, Waiting>()
  #ended: Error | undefined

  /** `takeTag`: a task tag that nothing uses. */
  constructor(takeTag: () => number) {
    this.#takeTag = takeTag
  }

  has(initiatorTaskTag: number): boolean {
    return this.#waiting.has(initiatorTaskTag)
  }

  /** Sends a request with a tag of its own, or with the one given; resolves with its answer. */
  begin(send: (initiatorTaskTag: number) => void, initiatorTaskTag = this.#takeTag()): Promise<Answer> {
    if (this.#ended) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      this.#waiting.set(initiatorTaskTag, { resolve, reject })
      send(initiatorTaskTag)
    })
  }

  /** An answer that nobody waits for is passed over. */
  answer({ header, at, initiatorTaskTag, data, dataOffset, dataLength }: ReceivedPdu): void {
    const waiting = this.#waiting.get(initiatorTaskTag)
    this.#waiting.delete(initiatorTaskTag)
    waiting?.resolve({
      header: Buffer.from(header.subarray(at, at + BHS_BYTES)),
      data: Buffer.from(data.subarray(dataOffset, dataOffset + dataLength)),
    })
  }

  fail(initiatorTaskTag: number, error: Error): void {
    this.#waiting.get(initiatorTaskTag)?.reject(error)
    this.#waiting.delete(initiatorTaskTag)
  }

  /** The connection has ended: so has everything that waits, and whatever begins from now on. */
  failAll(error: Error): void {
    this.#ended = error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
