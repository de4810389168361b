// A secret of the configuration. Whatever prints, compares or logs the object that holds it sees a mask; only who asks for
// its bytes gets them.

import { inspect } from 'node:util'

const MASK = '********'

export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  get bytes(): Buffer {
    return Buffer.from(this.#text)
  }

  equals(other: Secret): boolean {
    return this.#text === other.#text
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }

  [inspect.custom](): string {
    return MASK
  }
}
