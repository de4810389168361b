// One host of a storm: it makes, opens, lengthens and removes files, most of them in a directory of its own, some in one that all
// hosts share and where they contend for the same names. Whatever it reads it compares with what was written.

import { VmfsError, type VmfsProblem } from '../errors.ts'
import type { OpenMode } from '../open-file.ts'
import type { WritableVolume } from '../writable-volume.ts'
import { contentOf, verify } from './content.ts'
import { Latencies } from './latency.ts'

export const OPERATIONS = ['create', 'open', 'grow', 'delete'] as const
export type StormOperation = (typeof OPERATIONS)[number]
/** In the host's own directory, or in that of all. */
export const PLACES = ['own', 'common'] as const
type Place = (typeof PLACES)[number]
export type StormKind = `${Place} ${StormOperation}`

/** What became of the operations of one kind. */
export interface Outcomes {
  readonly latencies: Latencies
  /** Refused since another host had the file open, or made or removed it first: in the common directory that is to be expected. */
  refused: number
}

interface OwnFile {
  readonly path: string
  readonly seed: bigint
  length: number
}

/** Of the operations, so many are on files that all hosts contend for. */
const COMMON_SHARE = 1 / 10
const COMMON_NAMES = 8
const [LEAST_FILES, MOST_FILES] = [4, 16]
const PAGE_BYTES = 512
const MAX_FILE_BYTES = 1024 * 1024
/** Of the times that a file grows, so many take it to a file block. */
const BLOCK_SHARE = 1 / 16
const TO_BE_EXPECTED: readonly VmfsProblem[] = ['in use', 'no such file', 'exists']

export class StormWorker {
  readonly outcomes = new Map<StormKind, Outcomes>()
  readonly #volume: WritableVolume
  readonly #own: string
  readonly #common: string
  /** Unlike those of all other hosts. */
  readonly #seeds: bigint
  readonly #files: OwnFile[] = []
  #made = 0

  constructor(volume: WritableVolume, host: number, directories: { readonly own: string; readonly common: string }) {
    this.#volume = volume
    this.#own = directories.own
    this.#common = directories.common
    this.#seeds = BigInt(host) << 32n
  }

  /** Until it is told to stop. @throws what an operation fails with, other than what contention brings with it */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const place = Math.random() < COMMON_SHARE ? 'common' : 'own'
      await this.#measure(place, this.#choose(place))
    }
  }

  /** Removes its own files. */
  async clean(): Promise<void> {
    for (const { path } of this.#files.splice(0)) await this.#volume.removeFile(path)
  }

  #choose(place: Place): StormOperation {
    const operation = OPERATIONS[Math.floor(Math.random() * OPERATIONS.length)]!
    if (place === 'common') return operation
    if (this.#files.length < LEAST_FILES) return 'create'
    return operation === 'create' && this.#files.length >= MOST_FILES ? 'delete' : operation
  }

  async #measure(place: Place, operation: StormOperation): Promise<void> {
    const outcomes = this.#outcomesOf(`${place} ${operation}`)
    const started = performance.now()
    try {
      await (place === 'own' ? this.#onOwn(operation) : this.#onCommon(operation))
    } catch (error) {
      if (place === 'own' || !(error instanceof VmfsError) || !TO_BE_EXPECTED.includes(error.problem)) throw error
      outcomes.refused++
      return
    }
    outcomes.latencies.record(performance.now() - started)
  }

  async #onOwn(operation: StormOperation): Promise<void> {
    const index = Math.floor(Math.random() * this.#files.length)
    const file = this.#files[index]
    if (operation === 'create' || !file) return await this.#create()
    if (operation === 'open')
      return await this.#with(file.path, 'readOnly', async (data) => void verify(file.path, data, file))
    if (operation === 'grow')
      return await this.#with(file.path, 'exclusive', async (data, write) => {
        verify(file.path, data, file)
        file.length = await write(file.seed)
      })
    this.#files.splice(index, 1)
    await this.#volume.removeFile(file.path)
  }

  async #create(): Promise<void> {
    const seed = this.#nextSeed()
    const file = { path: `${this.#own}/${this.#made}`, seed, length: this.#pages() }
    await this.#volume.putFile(file.path, pieces(contentOf(seed, 0, file.length)))
    this.#files.push(file)
  }

  async #onCommon(operation: StormOperation): Promise<void> {
    const path = `${this.#common}/${Math.floor(Math.random() * COMMON_NAMES)}`
    switch (operation) {
      case 'create':
        await this.#volume.putFile(path, pieces(contentOf(this.#nextSeed(), 0, this.#pages())))
        return
      case 'open':
        return await this.#with(path, 'readOnly', async (data) => void verify(path, data))
      case 'grow':
        return await this.#with(path, 'exclusive', async (data, write) => void (await write(verify(path, data))))
      case 'delete':
        await this.#volume.removeFile(path)
    }
  }

  /** Opens a file and reads it whole; `write` adds to its end what the file of this seed holds there. */
  async #with(
    path: string,
    mode: OpenMode,
    use: (data: Buffer, write: (seed: bigint) => Promise<number>) => Promise<void>,
  ): Promise<void> {
    const file = await this.#volume.openFile(path, mode)
    try {
      const data = await file.read(0, MAX_FILE_BYTES)
      await use(data, async (seed) => {
        const length = this.#growth(data.length)
        // What cannot become longer is written over.
        const at = data.length + length > MAX_FILE_BYTES ? 0 : data.length
        await file.write(at, contentOf(seed, at, length))
        return Math.max(data.length, at + length)
      })
    } finally {
      await file.close()
    }
  }

  /** Most files stay as small as a sub-block is. */
  #growth(length: number): number {
    const { subBlockBytes } = this.#volume.volume.version
    const isInBlocks = length > subBlockBytes
    if (isInBlocks || Math.random() < BLOCK_SHARE) return subBlockBytes
    return length + PAGE_BYTES <= subBlockBytes ? PAGE_BYTES : subBlockBytes
  }

  #pages(): number {
    return PAGE_BYTES * (1 + Math.floor(Math.random() * 8))
  }

  #nextSeed(): bigint {
    return this.#seeds + BigInt(++this.#made)
  }

  #outcomesOf(kind: StormKind): Outcomes {
    const known = this.outcomes.get(kind)
    if (known) return known
    const outcomes = { latencies: new Latencies(), refused: 0 }
    this.outcomes.set(kind, outcomes)
    return outcomes
  }
}

async function* pieces(data: Buffer): AsyncGenerator<Uint8Array> {
  yield data
}
