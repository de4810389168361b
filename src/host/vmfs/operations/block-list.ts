// The list of a file's blocks as an operation changes it in place: in the descriptor as long as it fits there, then in pointer
// blocks (notes, 9).

import { VmfsError } from '../errors.ts'
import type { Address, AddressParts } from '../structures/address.ts'
import { clearContent, fileAddress, ZLA } from '../structures/file-descriptor.ts'
import { FILE_BLOCK_BYTES } from '../version.ts'
import type { Taken, Work } from '../writing.ts'
import type { FileEdit } from './file-edit.ts'
import { fanOut, pointerBlock, reachOf, tooLarge } from './stage-content.ts'

export class BlockList {
  readonly #work: Work
  readonly #file: FileEdit

  /** @throws VmfsError 'unsupported' for a file that is not in file blocks */
  constructor(work: Work, file: FileEdit) {
    this.#work = work
    this.#file = file
    const { zla } = file.meta
    if (zla !== ZLA.fileBlocks && zla !== ZLA.pointerBlocks)
      throw new VmfsError('unsupported', `a file with the addressing mode ${zla} is not changed in place`)
  }

  address(index: number): Promise<Address> {
    return this.#file.map.address(index)
  }

  /** Makes block `index` of the file this one; there must be room for it. @throws VmfsError 'no space' */
  async set(index: number, address: AddressParts): Promise<void> {
    const { version } = this.#work.volume
    if (!this.#hasPointers) return this.#file.setAddress(index, address)
    const raw = Buffer.alloc(version.addresses.bytes)
    version.addresses.write(raw, 0, address)
    const offset = await this.#pointerBlock(Math.floor(index / fanOut(version)))
    const at = offset + (index % fanOut(version)) * raw.length
    await this.#work.tx.replace({ offset: at, length: raw.length, lock: this.#file.lock }, raw)
  }

  /** Makes room for the addresses of so many blocks. @throws VmfsError 'too large', 'no space' */
  async makeRoom(blocks: number): Promise<void> {
    const { version } = this.#work.volume
    if (blocks > reachOf(version)) throw tooLarge(version)
    if (!this.#hasPointers && blocks > version.fileDescriptors.maxAddresses) await this.#addPointers()
  }

  /** Where a list with holes among the first `blocks` may not stand in the descriptor, it moves. @throws VmfsError 'no space' */
  async settle(blocks: number): Promise<void> {
    if (this.#hasPointers || this.#work.volume.version.placement.directHoles) return
    for (let index = 0; index < blocks; index++)
      if ((await this.address(index)).kind === 'hole') return await this.#addPointers()
  }

  /**
   * Frees all blocks from `first` on.
   * @returns how many blocks and pointer blocks those were
   */
  async cut(first: number): Promise<{ blocks: number; pointerBlocks: number }> {
    const { version } = this.#work.volume
    const freed = { blocks: 0, pointerBlocks: 0 }
    for await (const { role, index, address } of this.#file.map.addresses()) {
      if (role === 'data' ? index < first : index * fanOut(version) < first) continue
      this.#work.free(address)
      freed[role === 'data' ? 'blocks' : 'pointerBlocks']++
    }
    await this.#forget(first)
    return freed
  }

  get #hasPointers(): boolean {
    return this.#file.meta.zla === ZLA.pointerBlocks
  }

  /** Clears the addresses from block `first` on, in the descriptor and in the one pointer block that keeps some. */
  async #forget(first: number): Promise<void> {
    const { version } = this.#work.volume
    const each = this.#hasPointers ? fanOut(version) : 1
    if (first % each > 0) {
      const kept = await this.#pointerBlockAt(Math.floor(first / each))
      const from = (first % each) * version.addresses.bytes
      const rest = Buffer.alloc(version.pointerBlocks.bytes - from)
      if (kept !== undefined)
        await this.#work.tx.replace({ offset: kept + from, length: rest.length, lock: this.#file.lock }, rest)
    }
    for (let index = Math.ceil(first / each); index < version.fileDescriptors.maxAddresses; index++)
      this.#file.setAddress(index, { kind: 'hole' })
  }

  /** Moves the descriptor's list to a pointer block, which has room for all of it. */
  async #addPointers(): Promise<void> {
    const { version } = this.#work.volume
    const { fileDescriptors } = version
    const listed: Address[] = []
    for (let index = 0; index < fileDescriptors.maxAddresses; index++) listed.push(await this.address(index))
    clearContent(fileDescriptors, this.#file.image)
    this.#file.set({ zla: ZLA.pointerBlocks, blockBytes: FILE_BLOCK_BYTES })
    if (listed.some(({ kind }) => kind !== 'hole')) await this.#newPointerBlock(0, pointerBlock(version, listed))
  }

  /** Where a pointer block stands, a new one if need be. */
  async #pointerBlock(index: number): Promise<number> {
    const known = await this.#pointerBlockAt(index)
    if (known !== undefined) return known
    const { offset } = await this.#newPointerBlock(index, pointerBlock(this.#work.volume.version, []))
    return offset
  }

  async #pointerBlockAt(index: number): Promise<number | undefined> {
    const address = fileAddress(this.#work.volume.version.fileDescriptors, this.#file.image, index)
    if (address.kind === 'hole') return undefined
    if (address.kind !== 'pointer block' && address.kind !== 'sub-block')
      throw new VmfsError('damaged', `a file names a ${address.kind} as a pointer block`, this.#file.lock)
    return await this.#work.context.locate(address)
  }

  async #newPointerBlock(index: number, image: Buffer): Promise<Taken> {
    const taken = await this.#work.take('pointer block')
    await this.#work.tx.write(taken.offset, image)
    this.#file.setAddress(index, taken.address)
    this.#file.set({ pointerBlocks: this.#file.meta.pointerBlocks + 1 })
    return taken
  }
}
