// Cluster headers (notes, 6.3 and 6.5): a sector with the lock and one with the state of the cluster's resources, 512
// bytes each on VMFS5 and 4096 on VMFS6. A set bit of the bitmap is a free resource. What changes the state changes its
// sector in place.

import { VmfsError } from '../errors.ts'
import { type Field, size64, structure, u16, u32 } from './structure.ts'

const STATE5 = structure('cluster header', 512, {
  number: u32(0x00),
  total: u32(0x04),
  free: u32(0x08),
  /** The lowest free resource when the header was last written; 0 where none was. */
  hint: u32(0x0c),
  /** Of file descriptors, the generation that was handed out last. */
  lastGeneration: u32(0x50),
  priority: u32(0x60),
})

const STATE6 = structure('cluster header', 4096, {
  signature: u32(0x10),
  priority: u32(0x14),
  number: size64(0x18),
  total: u16(0x20),
  free: u16(0x22),
  affinities: u16(0x26),
  /** 1 on real volumes; what it says is not known. */
  unknown30: u32(0x30),
  allocations: u32(0x58),
  lastGeneration: u32(0x68),
  hint: u32(0x7c),
})

/** What the bits of one resource say. Only VMFS6's file blocks have more than one (notes, 6.5). */
export interface ResourceBits {
  readonly width: number
  /** As written for a free resource. */
  readonly free: number
  /** As written for one that is handed out in parts. */
  readonly split?: number
}
export const ONE_BIT: ResourceBits = { width: 1, free: 1 }
/** Public sources say that 0 is allocated; which value means free is not known, so any other is read as free. */
export const SMALL_FILE_BLOCK_BITS: ResourceBits = { width: 2, free: 1 }
export const LARGE_FILE_BLOCK_BITS: ResourceBits = { width: 3, free: 1, split: 4 }

export interface ClusterFormat {
  /** Of the lock's sector and of the state's: half a cluster header each. */
  readonly sectorBytes: 512 | 4096
  readonly headerBytes: number
  /** From the start of the state's sector. */
  readonly bitmapOffset: number
  readonly bitmapBytes: number
  readonly state: Readonly<Record<'number' | 'total' | 'free' | 'hint' | 'lastGeneration', Field<number>>>
  /** Counts what was ever allocated. */
  readonly allocations?: Field<number>
  readonly signature?: { readonly field: Field<number>; readonly value: number }
  /** What a new header says besides. */
  readonly fresh: Buffer
}
export const CLUSTERS5: ClusterFormat = {
  sectorBytes: 512,
  headerBytes: 1024,
  bitmapOffset: 0x10,
  bitmapBytes: 0x40,
  state: STATE5.fields,
  fresh: STATE5.encode({}),
}
const SIGNATURE = 0x72636d64
export const CLUSTERS6: ClusterFormat = {
  sectorBytes: 4096,
  headerBytes: 8192,
  bitmapOffset: 0x80,
  bitmapBytes: 0x880,
  state: STATE6.fields,
  allocations: STATE6.fields.allocations,
  signature: { field: STATE6.fields.signature, value: SIGNATURE },
  fresh: STATE6.encode({ signature: SIGNATURE, unknown30: 1 }),
}

/** The state of one cluster, over its sector. */
export class Cluster {
  /** The sector behind the lock's. */
  readonly sector: Buffer
  readonly total: number
  readonly #format: ClusterFormat
  readonly #bits: ResourceBits

  /** @throws VmfsError 'damaged' where the sector is none of a cluster */
  constructor(format: ClusterFormat, sector: Buffer, bits: ResourceBits = ONE_BIT) {
    this.#format = format
    this.sector = sector
    this.#bits = bits
    if (sector.length !== format.sectorBytes)
      throw new VmfsError('damaged', `a cluster header in ${sector.length} bytes instead of ${format.sectorBytes}`)
    if (format.signature && this.#get(format.signature.field) !== format.signature.value)
      throw new VmfsError('damaged', 'a cluster header has no signature')
    this.total = this.#get(format.state.total)
    if (this.total * bits.width > format.bitmapBytes * 8)
      throw new VmfsError('damaged', `a cluster header has ${this.total} resources, more than its bitmap`)
  }

  /** A cluster of which every resource is free. */
  static empty(format: ClusterFormat, number: number, total: number, bits: ResourceBits = ONE_BIT): Cluster {
    const sector = Buffer.from(format.fresh)
    const put = (field: Field<number>, value: number) => field.write(sector, field.offset, value)
    put(format.state.number, number)
    put(format.state.total, total)
    put(format.state.free, total)
    const cluster = new Cluster(format, sector, bits)
    for (let resource = 0; resource < total; resource++) cluster.#setValue(resource, bits.free)
    return cluster
  }

  get number(): number {
    return this.#get(this.#format.state.number)
  }
  get free(): number {
    return this.#get(this.#format.state.free)
  }
  get hint(): number {
    return this.#get(this.#format.state.hint)
  }
  get lastGeneration(): number {
    return this.#get(this.#format.state.lastGeneration)
  }
  set lastGeneration(generation: number) {
    this.#put(this.#format.state.lastGeneration, generation)
  }

  isFree(resource: number): boolean {
    const value = this.value(resource)
    return value !== 0 && value !== this.#bits.split
  }

  /** How many resources the bitmap says are free; equals `free` on a volume without damage. */
  countFree(): number {
    let count = 0
    for (let resource = 0; resource < this.total; resource++) if (this.isFree(resource)) count++
    return count
  }

  /** Takes the lowest free resource; undefined where all are taken. */
  allocate(): number | undefined {
    for (let resource = 0; resource < this.total; resource++)
      if (this.isFree(resource)) {
        this.take(resource)
        return resource
      }
    return undefined
  }

  /** Takes this one. @throws VmfsError 'damaged' where it is taken, or the count says that none is free */
  take(resource: number): void {
    if (!this.isFree(resource)) throw this.#wrong(resource, 'to be allocated is allocated')
    if (this.free === 0) throw this.#wrong(resource, 'is free in the bitmap, though the header says that none is')
    this.#setValue(resource, 0)
    this.#setFree(this.free - 1)
    const { allocations } = this.#format
    if (allocations) this.#put(allocations, (this.#get(allocations) + 1) % 2 ** 32)
  }

  /** Gives it back. @throws VmfsError 'damaged' where it is free, or the count says that all are */
  release(resource: number): void {
    if (this.isFree(resource)) throw this.#wrong(resource, 'to be freed is free')
    if (this.free >= this.total) throw this.#wrong(resource, 'is allocated, though the header says that all are free')
    this.#setValue(resource, this.#bits.free)
    this.#setFree(this.free + 1)
  }

  /** Hands a large file block out as small ones from now on. */
  split(resource: number): void {
    if (this.#bits.split === undefined) throw new RangeError('resources of this kind have no parts')
    this.take(resource)
    this.#setValue(resource, this.#bits.split)
  }

  /** Makes the bits say what is free, and number and counts agree with them. */
  repair(number: number, isFree: (resource: number) => boolean): void {
    let free = 0
    for (let resource = 0; resource < this.total; resource++) {
      const wanted = isFree(resource)
      if (wanted) free++
      if (wanted !== this.isFree(resource)) this.#setValue(resource, wanted ? this.#bits.free : 0)
    }
    this.#put(this.#format.state.number, number)
    this.#setFree(free)
  }

  /** The bits of one resource as a number. */
  value(resource: number): number {
    if (!(resource >= 0 && resource < this.total))
      throw new VmfsError('damaged', `resource ${resource} of a cluster of ${this.total}`)
    let value = 0
    for (let bit = 0; bit < this.#bits.width; bit++) {
      const at = resource * this.#bits.width + bit
      value |= (((this.sector[this.#format.bitmapOffset + (at >> 3)] ?? 0) >> (at & 7)) & 1) << bit
    }
    return value
  }

  #get(field: Field<number>): number {
    return field.read(this.sector, field.offset)
  }

  #put(field: Field<number>, value: number): void {
    field.write(this.sector, field.offset, value)
  }

  #setValue(resource: number, value: number): void {
    for (let bit = 0; bit < this.#bits.width; bit++) {
      const at = resource * this.#bits.width + bit
      const byte = this.#format.bitmapOffset + (at >> 3)
      const mask = 1 << (at & 7)
      const before = this.sector[byte] ?? 0
      this.sector[byte] = ((value >> bit) & 1) === 1 ? before | mask : before & ~mask
    }
  }

  #setFree(free: number): void {
    let hint = 0
    while (hint < this.total && !this.isFree(hint)) hint++
    this.#put(this.#format.state.free, free)
    this.#put(this.#format.state.hint, hint === this.total ? 0 : hint)
  }

  #wrong(resource: number, what: string): VmfsError {
    return new VmfsError('damaged', `resource ${resource} of cluster ${this.number} ${what}`)
  }
}
