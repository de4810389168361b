// One change of a volume's metadata, whole or not at all: the sectors that it changes are kept here until they are logged in the
// host's journal, written in place and the record is retired (notes, 16). Each edit names the lock that guards what it touches:
// the descriptor's own, or that of a cluster header (notes, 5).

import { VmfsError } from './errors.ts'

/** What a transaction reads and writes: offsets and lengths in bytes of the volume, multiples of the sector. */
export interface VolumeIo {
  read(offset: number, length: number): Promise<Buffer>
  write(offset: number, data: Buffer): Promise<void>
  flush(): Promise<void>
}

/** A sector as it is to stand at `offset` of the volume. */
export interface SectorImage {
  readonly offset: number
  readonly image: Buffer
}

/** Where a transaction is logged before it happens. */
export interface TransactionLog {
  /** How many sectors one record has room for. */
  readonly capacity: number
  /** @throws VmfsError 'read-only' while what an earlier record says may be half done: nothing that is read then holds */
  requireSettled?(): void
  /** The record is on stable storage when it resolves. */
  log(images: readonly SectorImage[]): Promise<void>
  /** What the record says has been carried out. */
  retire(): Promise<void>
}

/** A part of the volume that holds metadata: bytes of the volume, and the offset of the lock that guards it. */
export interface Region {
  readonly offset: number
  readonly length: number
  readonly lock: number
}

/** The locks of a volume that several hosts have open. */
export interface TransactionLocks {
  /** Takes a lock that no other host holds. @returns false while one does */
  takeAtOnce(offset: number): Promise<boolean>
  /** Takes a lock, whose sector nothing else writes. @returns false for one that the operation has already, and gives back itself */
  take(offset: number): Promise<boolean>
  give(offsets: readonly number[]): Promise<void>
  /** @throws VmfsError 'in use' when one of them, or of those that the operation has, is not held any more */
  demandHeld(offsets: readonly number[]): void
  /** A change was cut, which a replay alone can finish: no lock is given back any more. */
  freeze(): void
}

/** Sectors that a transaction keeps of what it has read. */
const MAX_READ_SECTORS = 1024

interface Sector {
  readonly before: Buffer
  readonly image: Buffer
}

export class Transaction {
  readonly #volume: VolumeIo
  readonly #log: TransactionLog
  readonly #sectorBytes: number
  /** What has been edited, by offset. */
  readonly #edited = new Map<number, Sector>()
  /** What has been read, by offset, since the last lock was taken: from then on nobody else changes what that lock guards. */
  readonly #read = new Map<number, Buffer>()
  readonly #lockManager: TransactionLocks | undefined
  readonly #locks = new Set<number>()
  /** Those that this transaction has taken. */
  #taken: number[] = []
  readonly #freed = new Set<string>()
  #dataWritten = false
  #finished = false

  constructor(volume: VolumeIo, log: TransactionLog, sectorBytes: number, locks?: TransactionLocks) {
    this.#volume = volume
    this.#log = log
    this.#sectorBytes = sectorBytes
    this.#lockManager = locks
  }

  /** Volume offsets of the locks that guard what has been edited, ascending: the order in which a host may take them. */
  get locks(): readonly number[] {
    return [...this.#locks].sort((a, b) => a - b)
  }

  /** Before anything is read that is to be edited. */
  async lock(offset: number): Promise<void> {
    if (!this.#lockManager || this.#locks.has(offset)) return
    if (await this.#lockManager.take(offset)) this.#taken.push(offset)
    this.#guarded(offset)
  }

  /** The same, and nobody is waited for. @returns false while another host has the lock */
  async tryLock(offset: number): Promise<boolean> {
    const isThere = !this.#lockManager || this.#locks.has(offset) || (await this.#lockManager.takeAtOnce(offset))
    if (isThere) await this.lock(offset)
    return isThere
  }

  /** Gives the locks back without a change. */
  async abandon(): Promise<void> {
    this.#finished = true
    await this.#giveLocks()
  }

  /** Whether `sectors` more sectors fit into the record. */
  hasRoomFor(sectors: number): boolean {
    return this.#edited.size + sectors <= this.#log.capacity
  }

  /** Metadata with the edits made so far; any offset and length. The buffer is the caller's own. */
  async read(offset: number, length: number): Promise<Buffer> {
    const { first, sectors } = await this.#sectors(offset, length)
    for (const [at, { image }] of this.#edited)
      if (at >= first && at < first + sectors.length) image.copy(sectors, at - first)
    return sectors.subarray(offset - first, offset - first + length)
  }

  /** Hands the region's image to `change` and keeps what it makes of it. */
  async edit<Result>(region: Region, change: (image: Buffer) => Result): Promise<Result> {
    await this.lock(region.lock)
    const image = await this.read(region.offset, region.length)
    const result = change(image)
    await this.replace(region, image)
    return result
  }

  /** Keeps `image` as what the region is to hold. */
  async replace({ offset, lock }: Region, image: Buffer): Promise<void> {
    this.#demandOpen()
    await this.lock(lock)
    const { first, sectors } = await this.#sectors(offset, image.length)
    for (let at = first; at < first + sectors.length; at += this.#sectorBytes) {
      const known = this.#edited.get(at)
      const before = known?.before ?? sectors.subarray(at - first, at - first + this.#sectorBytes)
      const after = known?.image ?? Buffer.from(before)
      const from = Math.max(offset, at)
      image.copy(after, from - at, from - offset, Math.min(image.length, at + this.#sectorBytes - offset))
      if (known || !after.equals(before)) this.#edited.set(at, { before, image: after })
    }
    this.#locks.add(lock)
  }

  /**
   * Writes at once, unlogged: for what nothing on the volume leads to yet, or whose old content may go. It is on stable storage
   * before the transaction is.
   */
  async write(offset: number, data: Buffer): Promise<void> {
    this.#demandOpen()
    for (const at of this.#edited.keys())
      if (at + this.#sectorBytes > offset && at < offset + data.length)
        throw new Error(`the sector at ${at} is both edited and written directly`)
    this.#dataWritten = true
    for (let at = offset; at < offset + data.length; at += this.#sectorBytes) this.#read.delete(at)
    await this.#volume.write(offset, data)
  }

  /** Data that an earlier transaction of the same operation has written may be on its way: it is to be flushed with ours. */
  flushFirst(): void {
    this.#dataWritten = true
  }

  /** Remembers that this transaction frees a resource, which is therefore not to be handed out again before it is committed. */
  markFreed(resource: string): void {
    this.#freed.add(resource)
  }

  hasFreed(resource: string): boolean {
    return this.#freed.has(resource)
  }

  /** @throws VmfsError 'too large' for more sectors than a record of the journal holds: an operation that was not split */
  async commit(): Promise<void> {
    this.#demandOpen()
    this.#finished = true
    const images = this.#changed()
    if (images.length > this.#log.capacity)
      throw new VmfsError(
        'too large',
        `one change of ${images.length} sectors, and the journal has room for ${this.#log.capacity}`,
      )
    if (this.#dataWritten) await this.#volume.flush()
    if (images.length > 0) {
      this.#lockManager?.demandHeld(this.#taken)
      try {
        await this.#log.log(images)
        await writeInPlace(this.#volume, images)
        await this.#log.retire()
      } catch (error) {
        this.#lockManager?.freeze()
        throw error
      }
    }
    await this.#giveLocks()
  }

  async #giveLocks(): Promise<void> {
    const taken = this.#taken
    this.#taken = []
    await this.#lockManager?.give(taken)
  }

  #changed(): SectorImage[] {
    return [...this.#edited]
      .filter(([offset]) => !this.#lockManager || !this.#locks.has(offset))
      .filter(([, { before, image }]) => !before.equals(image))
      .map(([offset, { image }]) => ({ offset, image }))
      .sort((a, b) => a.offset - b.offset)
  }

  /** A lock that is new may guard what was read before, when others could change it. */
  #guarded(lock: number): void {
    this.#locks.add(lock)
    this.#read.clear()
  }

  /** The whole sectors around some bytes, as they stand on the volume; the buffer is the caller's own. */
  async #sectors(offset: number, length: number): Promise<{ first: number; sectors: Buffer }> {
    const first = offset - (offset % this.#sectorBytes)
    const end = Math.ceil((offset + length) / this.#sectorBytes) * this.#sectorBytes
    const known: Buffer[] = []
    for (let at = first; at < end; at += this.#sectorBytes) {
      const sector = this.#read.get(at)
      if (!sector) break
      known.push(sector)
    }
    if (known.length * this.#sectorBytes === end - first) return { first, sectors: Buffer.concat(known) }
    const sectors = await this.#volume.read(first, end - first)
    if (this.#read.size >= MAX_READ_SECTORS) this.#read.clear()
    for (let at = first; at < end; at += this.#sectorBytes)
      this.#read.set(at, Buffer.from(sectors.subarray(at - first, at - first + this.#sectorBytes)))
    return { first, sectors }
  }

  #demandOpen(): void {
    if (this.#finished) throw new Error('the transaction is over')
  }
}

/**
 * Writes sectors where they belong, neighbours in one write, and flushes. The journal has all of them: in which order they reach the
 * medium does not matter, and none waits for another. What fails is told when no write is under way any more.
 */
export async function writeInPlace(volume: VolumeIo, images: readonly SectorImage[]): Promise<void> {
  const runs: SectorImage[][] = []
  for (const sector of images) {
    const last = runs.at(-1)?.at(-1)
    if (last && last.offset + last.image.length === sector.offset) runs.at(-1)!.push(sector)
    else runs.push([sector])
  }
  const writes = runs.map((run) => volume.write(run[0]!.offset, Buffer.concat(run.map(({ image }) => image))))
  const ends = await Promise.allSettled(writes)
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
  await volume.flush()
}
