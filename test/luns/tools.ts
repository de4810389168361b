// What the tests of luns/ share: folders that vanish, the stores as they are without koffi, and a store that always waits.

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, vi } from 'vitest'
import type { StoreError } from '../../luns/errors.ts'
import { Gate } from '../../luns/gate.ts'
import type { Store } from '../../luns/store.ts'
import { openStore } from '../../luns/stores/index.ts'
import { MemoryStore } from '../../luns/stores/memory.ts'

/** Removed when the test ends. `inMemory`: where there is such a place, so that a flush costs nothing. */
export async function temporaryFolder({ inMemory = false } = {}): Promise<string> {
  const parent = inMemory && existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const folder = await mkdtemp(join(parent, 'lunette-luns-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** `work` is to import modules, which are then loaded afresh in an environment without koffi. */
export async function withoutKoffi<T>(work: () => Promise<T>): Promise<T> {
  vi.stubEnv('LUNETTE_NO_KOFFI', '1')
  vi.resetModules()
  try {
    return await work()
  } finally {
    vi.unstubAllEnvs()
    vi.resetModules()
  }
}

/** The failure of a StoreError, whichever copy of the module it comes from. */
export const failureOf = (error: unknown): string | undefined => (error as StoreError | undefined)?.failure

/** As toEqual, which takes a second for a megabyte: the first byte that differs, and both values. */
export function expectBytes(actual: Buffer, expected: Buffer): void {
  expect(actual.length).toBe(expected.length)
  if (actual.equals(expected)) return
  const index = actual.findIndex((byte, i) => byte !== expected[i])
  expect.fail(`byte ${index} is ${actual[index]}, not ${expected[index]}`)
}

/** Bytes that differ from zero and from each other for different seeds. */
export function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = 1 + ((seed * 31 + i * 7 + (i >> 8)) % 255)
  return bytes
}

/** A store that never answers at once, and writes and reads in two halves with other work between them. */
class WaitingStore implements Store {
  readonly length: number
  readonly #medium: MemoryStore

  constructor(length: number) {
    this.length = length
    this.#medium = new MemoryStore(length, false)
  }

  readNow(): boolean {
    return false
  }

  async read(target: Buffer, at: number, length: number, offset: number): Promise<void> {
    const half = length >> 1
    await this.#medium.read(target, at, half, offset)
    await setImmediate()
    await this.#medium.read(target, at + half, length - half, offset + half)
  }

  writeNow(): boolean {
    return false
  }

  async write(source: Buffer, at: number, length: number, offset: number): Promise<void> {
    const half = length >> 1
    await this.#medium.write(source, at, half, offset)
    await setImmediate()
    await this.#medium.write(source, at + half, length - half, offset + half)
  }

  async flush(): Promise<void> {
    await setImmediate()
  }

  async close(): Promise<void> {
    await this.#medium.close()
  }
}

export const memoryGate = (length: number) => new Gate(new MemoryStore(length, false), { writeThrough: false })
export const waitingGate = (length: number) => new Gate(new WaitingStore(length), { writeThrough: false })
export const imageGate = async (type: 'sparse' | 'file', length: number) => {
  const path = join(await temporaryFolder({ inMemory: true }), 'image')
  return new Gate(await openStore({ type, path }, { length, readOnly: false }), { writeThrough: false })
}

export async function contentOf(gate: Gate, offset = 0, length = gate.length): Promise<Buffer> {
  const content = Buffer.alloc(length, 0xee)
  await gate.read(content, 0, length, offset)
  return content
}
