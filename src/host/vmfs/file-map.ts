// Where the bytes of a file stand (notes, 9): its addressing mode leads from an offset in the file, through pointer blocks where
// there are any, to an offset in the volume. Each address is checked against the volume before anything is read through it.

import { decodeAt, decodeFrom } from './damage.ts'
import { VmfsError } from './errors.ts'
import type { FileDescriptor } from './file-descriptors.ts'
import type { VolumeReader } from './metadata-cache.ts'
import type { Address, ResourceAddress, ResourceKind } from './structures/address.ts'
import { fileAddress, ZLA } from './structures/file-descriptor.ts'
import { FILE_BLOCK_BYTES, type VmfsVersion } from './version.ts'

/** What leads from addresses to places. */
export interface MapContext {
  readonly version: VmfsVersion
  readonly volumeBytes: number
  /** Takes any offset and length: the cache, or a transaction. */
  readonly metadata: VolumeReader
  /** The place of a resource in the volume. @throws VmfsError 'damaged' where there is none */
  locate(address: Omit<ResourceAddress, 'cow'>): Promise<number>
}

/** A run of a file's bytes: at `offset` of the volume, or nowhere, which reads as zeros. */
export interface Place {
  readonly offset: number | undefined
  /** To the end of the block. */
  readonly length: number
}

/** A file block or sub-block of a file, or a pointer block, that an address leads to. */
export interface MappedAddress {
  readonly role: 'data' | 'pointers'
  /** Of a block in the file, or of a pointer block among its kind. */
  readonly index: number
  readonly address: Address
}

interface Mode {
  readonly data: 'file block' | 'sub-block'
  readonly pointers: boolean
}
const MODES = new Map<number, Mode>([
  [ZLA.fileBlocks, { data: 'file block', pointers: false }],
  [ZLA.subBlocks, { data: 'sub-block', pointers: false }],
  [ZLA.pointerBlocks, { data: 'file block', pointers: true }],
  [ZLA.pb2Blocks, { data: 'file block', pointers: true }],
])

export class FileMap {
  /** Bytes of a block of this file. */
  readonly blockBytes: number
  readonly #context: MapContext
  readonly #file: FileDescriptor
  readonly #mode: Mode | undefined
  /** Addresses in one pointer block. */
  readonly #fanOut: number
  /** The pointer block that was read last. */
  #pointers: { readonly index: number; readonly offset: number; readonly image: Buffer } | undefined

  /** @throws VmfsError 'damaged' for a file that cannot be as it says, 'unsupported' for a mode that is not read */
  constructor(context: MapContext, file: FileDescriptor) {
    this.#context = context
    this.#file = file
    const { version } = context
    const { zla, length, blockBytes } = file.meta
    this.#mode = MODES.get(zla)
    this.#fanOut = version.pointerBlocks.bytes / version.addresses.bytes
    this.blockBytes = this.#mode?.data === 'sub-block' ? version.subBlockBytes : FILE_BLOCK_BYTES
    if (zla === ZLA.doubleIndirect) throw this.#fail('unsupported', 'has doubly indirect blocks, which are not read')
    if (!this.#mode && zla !== ZLA.resident) throw this.#fail('damaged', `has the addressing mode ${zla}`)
    if (this.#mode && blockBytes !== this.blockBytes)
      throw this.#fail('damaged', `has blocks of ${blockBytes} bytes, and ${this.blockBytes} with its addressing mode`)
    if (length > this.reach) throw this.#fail('damaged', `has ${length} bytes, and its addresses reach ${this.reach}`)
  }

  /** How long the file can become in its addressing mode. */
  get reach(): number {
    const { maxAddresses, maxResidentBytes } = this.#context.version.fileDescriptors
    if (!this.#mode) return maxResidentBytes
    return maxAddresses * (this.#mode.pointers ? this.#fanOut : 1) * this.blockBytes
  }

  /** Where the byte at `at` of the file stands; the place may go on beyond the file's length. */
  async place(at: number): Promise<Place> {
    if (!(at >= 0 && at < this.reach)) throw new RangeError(`byte ${at} of a file that reaches ${this.reach}`)
    if (!this.#mode) {
      const { dataOffset, maxResidentBytes } = this.#context.version.fileDescriptors
      return { offset: this.#file.offset + dataOffset + at, length: maxResidentBytes - at }
    }
    const within = at % this.blockBytes
    const start = await this.#blockStart(await this.address(Math.floor(at / this.blockBytes)))
    return { offset: start === undefined ? undefined : start + within, length: this.blockBytes - within }
  }

  /** The address of a block of the file, a hole where a pointer block is missing. */
  async address(block: number): Promise<Address> {
    if (!this.#mode) return { kind: 'hole' }
    if (!this.#mode.pointers) return this.#ownAddress(block)
    const pointers = await this.#pointerBlock(Math.floor(block / this.#fanOut))
    if (!pointers) return { kind: 'hole' }
    const { addresses } = this.#context.version
    const at = (block % this.#fanOut) * addresses.bytes
    return decodeAt('a pointer block', pointers.offset, () => addresses.read(pointers.image, at))
  }

  /** All addresses that are no holes, also beyond the file's length: a pointer block before what it leads to. */
  async *addresses(): AsyncGenerator<MappedAddress> {
    const { maxAddresses } = this.#context.version.fileDescriptors
    for (let index = 0; this.#mode && index < maxAddresses; index++) {
      const address = this.#ownAddress(index)
      if (address.kind === 'hole') continue
      yield { role: this.#mode.pointers ? 'pointers' : 'data', index, address }
      if (!this.#mode.pointers) continue
      for (let block = index * this.#fanOut; block < (index + 1) * this.#fanOut; block++) {
        const pointed = await this.address(block)
        if (pointed.kind !== 'hole') yield { role: 'data', index: block, address: pointed }
      }
    }
  }

  async #pointerBlock(index: number) {
    if (this.#pointers?.index === index) return this.#pointers
    const address = this.#ownAddress(index)
    if (address.kind === 'hole') return undefined
    const { version, metadata } = this.#context
    const kinds: Address['kind'][] = ['pointer block', 'pb2 block']
    if (version.pointerBlocks.file === 'sbc') kinds.push('sub-block')
    if (!kinds.includes(address.kind)) throw this.#fail('damaged', `names a ${address.kind} as a pointer block`)
    const offset = await this.#locate(address as ResourceAddress)
    const image = await metadata.read(offset, version.pointerBlocks.bytes)
    this.#pointers = { index, offset, image }
    return this.#pointers
  }

  #ownAddress(index: number): Address {
    const { fileDescriptors } = this.#context.version
    return decodeAt(this.#name, this.#file.offset, () => fileAddress(fileDescriptors, this.#file.image, index))
  }

  /** @returns nothing for what reads as zeros */
  async #blockStart(address: Address): Promise<number | undefined> {
    if (address.kind === 'hole') return undefined
    if (address.kind === 'large file block')
      throw this.#fail('unsupported', 'has large file blocks, which are not read')
    if (address.kind !== this.#mode?.data)
      throw this.#fail('damaged', `names a ${address.kind} as one of its blocks, with the addressing mode of others`)
    if (address.kind !== 'file block') return await this.#locate(address as ResourceAddress)
    if (address.toBeZeroed !== 0) return undefined
    const offset = address.block * FILE_BLOCK_BYTES
    if (offset + FILE_BLOCK_BYTES > this.#context.volumeBytes)
      throw this.#fail('damaged', `names file block ${address.block}, which is not on the volume`)
    return offset
  }

  #locate(address: { kind: ResourceKind; cluster: number; resource: number }): Promise<number> {
    return decodeFrom(this.#name, this.#file.offset, () => this.#context.locate(address))
  }

  get #name(): string {
    return this.#file.name
  }

  #fail(problem: 'damaged' | 'unsupported', what: string): VmfsError {
    return new VmfsError(problem, `${this.#name} ${what}`, this.#file.offset)
  }
}
