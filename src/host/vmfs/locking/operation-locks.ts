// The locks of one operation on a volume that hosts share. What an operation finds by looking, before it has any lock, it holds
// optimistically: the locks of the files that it changes are upgraded, which fails if anybody had one of them in between, and then
// it looks again with the locks held. What a transaction edits besides, it locks before it reads it.

import { VmfsError } from '../errors.ts'
import type { FileDescriptor } from '../file-descriptors.ts'
import { keptByOther, nameOf } from '../open-files.ts'
import { FILE_TYPE } from '../structures/file-descriptor.ts'
import type { TransactionLocks } from '../transaction.ts'
import type { LockingEngine } from './engine.ts'
import { type HeldMode, holdersOf } from './lock-images.ts'

/** A file as it was found, its lock at the start of the image. */
export interface FoundFile extends Pick<FileDescriptor, 'name' | 'offset' | 'image' | 'meta'> {
  /** By which it was asked for. */
  readonly path?: string
}

/** The operation is to be begun again: it has found what is not so any more, or waited for a host that waits for this one. */
export class BeginAgain extends Error {
  readonly keepsLocks: boolean
  /** A host that was waited for. */
  readonly other: string | undefined

  constructor(keepsLocks: boolean, other?: string) {
    super('other hosts have changed what the operation is about')
    this.keepsLocks = keepsLocks
    this.other = other
  }
}

/** Times the patience of others: of an operation that cannot be begun again. */
const INSISTENCE = 60

export class OperationLocks implements TransactionLocks {
  readonly #engine: LockingEngine
  /** How long a lock that others hold is waited for. */
  readonly #patienceMs: number
  readonly #claimed = new Set<number>()
  /** Of files that are open: operations of this host use those that are exclusive, and leave them. */
  readonly #pinned = new Set<number>()
  /** Those of them that the operation uses. */
  readonly #borrowed = new Set<number>()
  #frozen = false
  #isInsisting = false
  /** When the operation began. */
  #begunMs = 0

  constructor(engine: LockingEngine, patienceMs: number) {
    this.#engine = engine
    this.#patienceMs = patienceMs
  }

  /** Waits for locks longer than those do who wait for this host, until `release`: they give way. */
  insist(): void {
    this.#isInsisting = true
  }

  get isInsisting(): boolean {
    return this.#isInsisting
  }

  /** Another operation begins. */
  begin(): void {
    this.#begunMs = this.#engine.nowMs
  }

  /**
   * Takes the locks of files until `release`.
   * @throws BeginAgain when one of them is not what was found any more
   * @throws VmfsError 'in use' for a file that another host keeps locked: it has it open
   */
  async claim(files: readonly FoundFile[]): Promise<void> {
    let stale = false
    for (const file of [...files].sort((a, b) => a.offset - b.offset)) {
      const { offset, image } = file
      if (this.#claimed.has(offset) || this.#borrow(offset)) continue
      const read = image.subarray(0, this.#engine.sectorBytes(offset))
      if (holdersOf(read).length > 0 || !(await this.#engine.upgrade({ offset, image: read }))) {
        await this.#lock(offset, 'exclusive', file)
        stale = true
      }
      this.#claimed.add(offset)
    }
    if (stale) throw new BeginAgain(true)
  }

  async takeAtOnce(offset: number): Promise<boolean> {
    return this.#claimed.has(offset) || (await this.#engine.lock(offset, 'exclusive', 0))
  }

  async take(offset: number): Promise<boolean> {
    if (this.#claimed.has(offset) || this.#borrow(offset)) return false
    await this.#lock(offset, 'exclusive')
    return true
  }

  freeze(): void {
    this.#frozen = true
  }

  /** What was done under the locks is done, also when they cannot be given back just then: that is tried again. */
  async give(offsets: readonly number[]): Promise<void> {
    if (this.#frozen || offsets.length === 0) return
    await this.#engine.unlock(...offsets).catch(() => {})
  }

  /** A host that was taken for dead has no locks any more, whatever it remembers. @throws VmfsError 'in use' */
  demandHeld(offsets: readonly number[]): void {
    if ([...offsets, ...this.#claimed, ...this.#borrowed].every((offset) => this.#engine.holds(offset))) return
    throw new VmfsError(
      'in use',
      'this host was taken for dead, and its locks are gone: close the volume and open it again',
    )
  }

  /** Gives back what was claimed. */
  async release(): Promise<void> {
    this.#isInsisting = false
    const claimed = [...this.#claimed]
    this.#claimed.clear()
    this.#borrowed.clear()
    await this.give(claimed)
  }

  /** Takes the lock of a file, over all operations until `letGo`. */
  async hold(file: FoundFile, mode: HeldMode): Promise<void> {
    await this.#lock(file.offset, mode, file)
    this.#pinned.add(file.offset)
  }

  async letGo(offset: number): Promise<void> {
    this.#pinned.delete(offset)
    await this.give([offset])
  }

  /** Of a lock that `hold` has taken. @throws VmfsError 'in use' when it is gone; where that is not known, it waits until it is */
  async demandHeldNow(offset: number): Promise<void> {
    await this.#engine.confirm(offset)
  }

  #borrow(offset: number): boolean {
    if (!this.#pinned.has(offset)) return false
    this.#borrowed.add(offset)
    return true
  }

  async #lock(offset: number, mode: HeldMode, file?: FoundFile): Promise<void> {
    const patienceMs = this.#patienceMs * (this.#isInsisting ? INSISTENCE : 1)
    if (await this.#engine.lock(offset, mode, patienceMs)) return
    const keeper = this.#engine.keeperOf(offset, this.#begunMs)
    // A directory is open to nobody: whoever keeps its lock is at work there, which may take a while.
    if (file && keeper && file.meta.type !== FILE_TYPE.directory) throw keptByOther(file, keeper)
    throw new BeginAgain(false, keeper && nameOf(keeper))
  }
}
