// What operations on a volume work with: the volume as it is read, the allocators of its resources, and transactions over the
// host's journal. One operation is one `Work`: some transactions that take resources ahead, the one that makes the change, and
// some that free what it has left behind. A cut between them leaks resources, which `check` finds; it never shows half a change.

import { Allocator, type Resource, type ResourcePool } from './allocation.ts'
import { VmfsError } from './errors.ts'
import type { MapContext } from './file-map.ts'
import { BeginAgain, type FoundFile, type OperationLocks } from './locking/operation-locks.ts'
import { OpenFiles } from './open-files.ts'
import type { ResourceFile } from './resource-files.ts'
import {
  type Address,
  type AddressParts,
  type BlockAddress,
  decodeFdAddress,
  type ResourceAddress,
} from './structures/address.ts'
import { Cluster, LARGE_FILE_BLOCK_BITS } from './structures/cluster.ts'
import { FileBlockGeometry } from './structures/file-block-resources.ts'
import { Transaction, type TransactionLog, type VolumeIo } from './transaction.ts'
import { FILE_BLOCK_BYTES, type FileBlockPlaces, type VmfsVersion } from './version.ts'
import type { Volume } from './volume.ts'

/** What a volume hands out. */
export type Allocated = 'file block' | 'sub-block' | 'pointer block' | 'file descriptor'

/** A resource that was handed out, and where it stands in the volume. */
export interface Taken {
  readonly kind: Allocated
  readonly address: Exclude<AddressParts, { kind: 'hole' }>
  readonly resource: Resource
  /** Bytes. */
  readonly offset: number
}

/** What can be undone or is to be done later: a resource to free. */
interface ToFree {
  readonly kind: Allocated
  readonly resource: Resource
}

/** Sectors that the transaction with the change itself may need, whatever was allocated in it before. */
const RESERVED_SECTORS = 128
/** One resource freed changes its cluster's state. */
const SECTORS_TO_FREE = 1
/** Of taking one lock. */
const MAX_ATTEMPTS = 60

export class Writing {
  readonly volume: Volume
  /** Seconds since 1970. */
  readonly now: () => number
  readonly io: VolumeIo
  /** What operations leave as it is, or change as it was opened. */
  readonly openFiles = new OpenFiles()
  /** Of a volume that other hosts have open as well. */
  readonly locks: OperationLocks | undefined
  readonly #log: TransactionLog
  readonly #allocators: Readonly<Record<Allocated, Allocator>>

  /** @param spread another number for each host that has the volume open */
  constructor(
    volume: Volume,
    io: VolumeIo,
    log: TransactionLog,
    now: () => number,
    locks?: OperationLocks,
    spread?: number,
  ) {
    this.volume = volume
    this.io = io
    this.now = now
    this.#log = log
    this.locks = locks
    this.#allocators = allocators(volume, spread)
  }

  /** @throws VmfsError 'read-only' after a change that was cut: bitmaps may be half written, and blocks that look free may be in use */
  begin(): Transaction {
    this.#log.requireSettled?.()
    return new Transaction(this.io, this.#log, this.volume.version.sectorBytes, this.locks)
  }

  allocator(kind: Allocated): Allocator {
    return this.#allocators[kind]
  }

  /** Takes the locks of the files that an operation changes, as it has found them. */
  async claim(files: readonly FoundFile[]): Promise<void> {
    for (const file of files) this.openFiles.requireChangeable(file)
    await this.locks?.claim(files)
  }

  /** What other hosts may have changed is forgotten. */
  lookAgain(): void {
    for (const allocator of Object.values(this.#allocators)) allocator.forget()
  }

  /** The operation under way cannot be begun again: it waits longer than others do for the locks that it needs. */
  insist(): void {
    this.locks?.insist()
  }

  get isInsisting(): boolean {
    return this.locks?.isInsisting ?? false
  }

  /** Gives back the locks that a failed operation has kept for its next attempt. */
  async releaseLocks(): Promise<void> {
    await this.locks?.release()
  }

  /** Runs one operation: all of it, or what remains of it is taken back. */
  async run<Result>(operate: (work: Work) => Promise<Result>): Promise<Result> {
    const work = new Work(this)
    try {
      const result = await operate(work)
      await work.finish()
      await this.releaseLocks()
      return result
    } catch (error) {
      for (const allocator of Object.values(this.#allocators)) allocator.forget()
      await work.abandon().catch(() => {
        // What could not be taken back is leaked; the error that led here is the one to tell.
      })
      if (!(error instanceof BeginAgain && error.keepsLocks)) await this.releaseLocks().catch(() => {})
      throw error
    }
  }
}

export class Work {
  readonly volume: Volume
  /** Of the operation, in seconds since 1970. */
  readonly time: number
  readonly #writing: Writing
  #tx: Transaction
  #taken: Taken[] = []
  /** How many of them an earlier transaction has committed. */
  #takenBefore = 0
  #toFree: ToFree[] = []
  #isFinishing = false
  /** It cannot be begun again: its change has been committed, or it is being taken back. */
  #mustEnd = false

  constructor(writing: Writing) {
    this.#writing = writing
    this.volume = writing.volume
    this.time = writing.now()
    this.#tx = writing.begin()
  }

  /** The transaction under way; another one after `takeAhead`. */
  get tx(): Transaction {
    return this.#tx
  }

  /** The way from addresses to places, as the transaction has them. */
  get context(): MapContext {
    return this.volume.contextOver(this.#tx)
  }

  /** What the operation has found, and is going to change: before it changes anything. */
  async claim(...files: readonly FoundFile[]): Promise<void> {
    await this.#writing.claim(files)
  }

  /** Of a file that is about to go. @throws VmfsError 'in use' while this host has it open */
  requireClosed(file: FoundFile): void {
    this.#writing.openFiles.requireClosed(file)
  }

  /** Takes a resource before anything else is changed: a transaction that is full of such is committed, and a new one begun. */
  async takeAhead(kind: Allocated): Promise<Taken> {
    if (!this.#tx.hasRoomFor(RESERVED_SECTORS)) await this.#commit()
    return await this.#untilLocked(() => this.take(kind))
  }

  /** Takes a resource in the transaction under way. @throws VmfsError 'no space' */
  async take(kind: Allocated): Promise<Taken> {
    const resource = await this.#writing.allocator(kind).take(this.#tx)
    const taken = { kind, resource, ...(await this.#place(kind, resource)) }
    this.#taken.push(taken)
    return taken
  }

  /** The next blocks are best taken from a run of this many. */
  async seekRun(kind: Allocated, length: number): Promise<void> {
    await this.#writing.allocator(kind).seekRun(this.#tx, length)
  }

  nextGeneration({ resource }: Taken): Promise<number> {
    return this.#writing.allocator('file descriptor').nextGeneration(this.#tx, resource.cluster)
  }

  /** A block that the file does not lead to any more once the operation is done. */
  free(address: Address): void {
    const freed = this.#toFreeOf(address)
    if (freed) this.#toFree.push(freed)
  }

  /** Frees a file descriptor with the change itself: no file is there half. */
  freeDescriptor(address: number): void {
    this.#toFree.unshift({ kind: 'file descriptor', resource: decodeFdAddress(address) })
  }

  /** Commits the change, and then what it has freed, as much at once as a record holds. */
  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#release(this.#toFree)
    await this.#tx.commit()
    this.#taken = []
  }

  /** Frees what earlier transactions have taken for a change that is not going to be. */
  async abandon(): Promise<void> {
    this.#mustEnd = true
    await this.#tx.abandon()
    this.#tx = this.#writing.begin()
    await this.#release(this.#taken.slice(0, this.#takenBefore))
    await this.#tx.commit()
  }

  async #release(resources: readonly ToFree[]): Promise<void> {
    for (const { kind, resource } of resources) {
      if (!this.#tx.hasRoomFor(SECTORS_TO_FREE)) await this.#commit()
      const release = () => this.#writing.allocator(kind).release(this.#tx, resource)
      // A file goes with the change itself, or not at all.
      await (kind === 'file descriptor' ? release() : this.#untilLocked(release).catch((error) => this.#leak(error)))
    }
  }

  /** The change is done: what a host keeps it from freeing is lost until a repair. */
  #leak(error: unknown): void {
    if (!(error instanceof BeginAgain && this.#mustEnd)) throw error
  }

  /**
   * An operation that cannot be begun again when another host has the lock of a cluster commits what it has done so far: then it has
   * none of those locks that another one may wait for meanwhile. A cut behind such a commit leaks, so that others begin again.
   */
  async #untilLocked<Result>(attempt: () => Promise<Result>): Promise<Result> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await attempt()
      } catch (error) {
        const mustGoOn = this.#mustEnd || this.#writing.isInsisting
        if (!(error instanceof BeginAgain) || !mustGoOn || attempts >= MAX_ATTEMPTS) throw error
        await this.#commit()
      }
    }
  }

  async #commit(): Promise<void> {
    await this.#tx.commit()
    // The first commit of the end is the change itself: from then on what was taken is in use.
    if (this.#isFinishing) {
      this.#taken = []
      this.#mustEnd = true
    }
    this.#takenBefore = this.#taken.length
    this.#tx = this.#writing.begin()
    this.#tx.flushFirst()
  }

  async #place(kind: Allocated, { cluster, resource }: Resource): Promise<Pick<Taken, 'address' | 'offset'>> {
    if (kind !== 'file block') {
      const address = { kind: addressKind(this.volume, kind), cluster, resource }
      return { address, offset: await this.context.locate(address) }
    }
    const block = cluster * this.volume.files.fbb.places.resourcesPerCluster + resource
    return { address: { kind, block }, offset: block * FILE_BLOCK_BYTES }
  }

  #toFreeOf(address: Address): ToFree | undefined {
    switch (address.kind) {
      case 'hole':
        return undefined
      case 'file block':
        requireOwn(address)
        return { kind: 'file block', resource: this.volume.files.fbb.places.locate(address.block) }
      case 'sub-block':
      case 'pointer block':
      case 'file descriptor':
        requireOwn(address)
        return { kind: address.kind, resource: { cluster: address.cluster, resource: address.resource } }
      default:
        throw new VmfsError('unsupported', `the file has a ${address.kind}, which is not freed`)
    }
  }
}

/** VMFS6 keeps pointer blocks among its sub-blocks. */
const addressKind = ({ version }: Volume, kind: Exclude<Allocated, 'file block'>) =>
  kind === 'pointer block' && version.pointerBlocks.file === 'sbc' ? 'sub-block' : kind

function requireOwn(address: BlockAddress | ResourceAddress): void {
  if ('cow' in address && address.cow)
    throw new VmfsError('unsupported', 'the file shares blocks with another one (copy on write), and is not changed')
}

function allocators({ version, files }: Volume, spread?: number): Record<Allocated, Allocator> {
  const pool = (plural: string, { places, bits, isOpen, ...file }: Omit<ResourcePool, 'plural'>) =>
    new Allocator(version, { plural, places, bits, ...file, ...(isOpen && { isOpen }) }, spread)
  const resources = (file: ResourceFile) => ({
    ...{ places: file.places, bits: file.bits },
    headerOffset: (cluster: number) => file.headerOffset(cluster),
  })
  const subBlocks = pool('sub-blocks', resources(files.sbc))
  return {
    'file block': pool('file blocks', fileBlockPool(version, files.fbb)),
    'sub-block': subBlocks,
    'pointer block': version.pointerBlocks.file === 'sbc' ? subBlocks : pool('pointer blocks', resources(files.pbc)),
    'file descriptor': pool('file descriptors', resources(files.fdc)),
  }
}

/** The file blocks of VMFS6 that are handed out one by one are those of large blocks that were split for it. */
function fileBlockPool(version: VmfsVersion, fbb: ResourceFile<FileBlockPlaces>): Omit<ResourcePool, 'plural'> {
  const { places, bits } = fbb
  const pool = { places, bits, headerOffset: (cluster: number) => fbb.headerOffset(cluster) }
  if (!(places instanceof FileBlockGeometry)) return pool
  const { sectorBytes, headerBytes } = version.clusters
  const isOpen = async (tx: Transaction, small: number) => {
    const { cluster, resource } = places.large.locate(small)
    const offset = await fbb.offsetOf(places.large.headerOffset(cluster), headerBytes)
    const state = new Cluster(version.clusters, await tx.read(offset + sectorBytes, sectorBytes), LARGE_FILE_BLOCK_BITS)
    return state.value(resource) === LARGE_FILE_BLOCK_BITS.split
  }
  return { ...pool, isOpen }
}
