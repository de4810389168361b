// A disk of a few sectors as locking sees it: reads, writes, compare and write, and a reservation of the whole.

import type { AnswerKind, Command } from '../../../../src/host/vmfs/locking/commands.ts'

export type Io = Extract<Command, { operation: unknown }>

export interface Executed {
  readonly kind: AnswerKind
  readonly image?: Buffer
}

export class ModelDisk {
  readonly #sectors = new Map<number, Buffer>()
  #reservedBy: unknown
  /** The array answers COMPARE AND WRITE. */
  hasAts = true

  put(offset: number, image: Buffer): void {
    this.#sectors.set(offset, image)
  }

  at(offset: number): Buffer {
    return this.#sectors.get(offset)!
  }

  /** What a reservation of `nexus` is worth when it is lost. */
  drop(nexus: unknown): void {
    if (this.#reservedBy === nexus) this.#reservedBy = undefined
  }

  execute(nexus: unknown, command: Io): Executed {
    if (command.kind === 'release') {
      this.drop(nexus)
      return { kind: 'done' }
    }
    if (this.#reservedBy !== undefined && this.#reservedBy !== nexus) return { kind: 'conflict' }
    switch (command.kind) {
      case 'reserve':
        this.#reservedBy = nexus
        return { kind: 'done' }
      case 'read':
        return { kind: 'done', image: this.at(command.offset) }
      case 'write':
        this.put(command.offset, command.image)
        return { kind: 'done' }
      case 'compareAndWrite':
        if (!this.hasAts) return { kind: 'unsupported' }
        if (!this.at(command.offset).equals(command.expected)) return { kind: 'miscompare' }
        this.put(command.offset, command.replacement)
        return { kind: 'done' }
    }
  }
}

/** Numbers from 0 up to 1, the same ones for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
