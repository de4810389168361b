// A file descriptor that an operation changes: its image as the transaction has it, changed in memory and given back by `save`.

import type { FileDescriptor } from '../file-descriptors.ts'
import { FileMap } from '../file-map.ts'
import type { AddressParts } from '../structures/address.ts'
import { encodeFileMeta, type FileMeta, setFileAddress } from '../structures/file-descriptor.ts'
import type { Work } from '../writing.ts'

export class FileEdit {
  readonly address: number
  readonly image: Buffer
  readonly #work: Work
  readonly #before: FileDescriptor
  #meta: FileMeta

  constructor(work: Work, file: FileDescriptor) {
    this.address = file.address
    this.image = file.image
    this.#work = work
    this.#before = file
    this.#meta = { ...file.meta }
  }

  /** @throws VmfsError 'damaged' for a descriptor that is not in use */
  static async open(work: Work, address: number): Promise<FileEdit> {
    await work.tx.lock(await work.volume.locateFileDescriptor(address))
    return new FileEdit(work, await work.volume.readFileDescriptor(address, work.tx))
  }

  get meta(): Readonly<FileMeta> {
    return this.#meta
  }

  /** As it stands now. */
  get descriptor(): FileDescriptor {
    return { ...this.#before, image: this.image, meta: this.#meta }
  }

  /** The way to its blocks. @throws VmfsError 'damaged', 'unsupported' */
  get map(): FileMap {
    return new FileMap(this.#work.context, this.descriptor)
  }

  /** Its lock guards it, and all that it leads to. */
  get lock(): number {
    return this.#before.offset
  }

  set(changes: Partial<FileMeta>): void {
    this.#meta = { ...this.#meta, ...changes }
    encodeFileMeta(this.#work.volume.version.fileDescriptors, changes, this.image)
  }

  setAddress(index: number, address: AddressParts): void {
    setFileAddress(this.#work.volume.version.fileDescriptors, this.image, index, address)
  }

  /** Blocks, as the two counts of them that every file of ours has equal. */
  setBlocks(blocks: number): void {
    this.set({ blocks, newBlocks: blocks })
  }

  async save(changes: Partial<FileMeta> = {}): Promise<void> {
    this.set(changes)
    const { offset } = this.#before
    await this.#work.tx.replace({ offset, length: this.image.length, lock: this.lock }, this.image)
  }
}
