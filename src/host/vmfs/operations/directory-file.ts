// The file of a directory, as an operation changes it: its bytes go through the transaction, its length and blocks through its
// descriptor.

import { VmfsError } from '../errors.ts'
import type { FileMap } from '../file-map.ts'
import { type AddressParts, SYSTEM_FD } from '../structures/address.ts'
import {
  type DirectoryEditor,
  type DirectoryEntry,
  DirectoryImage,
  type EntryTarget,
  type FoundEntry,
} from '../structures/directory.ts'
import { ZLA } from '../structures/file-descriptor.ts'
import { FILE_BLOCK_BYTES } from '../version.ts'
import type { Work } from '../writing.ts'
import { freeContent, putContent } from './content.ts'
import { FileEdit } from './file-edit.ts'
import { paddedTo } from './stage-content.ts'

/** What else changes in a directory's descriptor when an entry does. */
export interface EntryChange {
  /** Added to the link count: the ".." of a directory that comes or goes. */
  readonly links?: number
}

export async function addEntry(work: Work, directory: number, entry: DirectoryEntry, change: EntryChange = {}) {
  await edit(work, directory, change, (file) => work.volume.version.directories.insert(file, entry))
}

export async function removeEntry(work: Work, directory: number, name: string, change: EntryChange = {}) {
  await edit(work, directory, change, async (file) =>
    work.volume.version.directories.remove(file, await found(work, file, name)),
  )
}

/** Makes a name lead to another file. */
export async function retargetEntry(work: Work, directory: number, name: string, target: EntryTarget) {
  await edit(work, directory, {}, async (file) =>
    work.volume.version.directories.retarget(file, await found(work, file, name), target),
  )
}

/** Writes a directory anew, with these entries: "." and ".." among them. What does not change stays where it is. */
export async function rebuildDirectory(work: Work, directory: number, entries: readonly DirectoryEntry[]) {
  const { directories } = work.volume.version
  const file = new DirectoryFile(work, await FileEdit.open(work, directory))
  const [self, parent] = ['.', '..'].map((name) => entries.find((entry) => entry.name === name))
  const own = { address: directory, type: file.edit.meta.type, generation: file.edit.meta.generation }
  const image = new DirectoryImage(directories.create(self ?? own, parent ?? own), file.isRoot)
  for (const entry of entries) if (entry !== self && entry !== parent) await directories.insert(image, entry)
  await file.resize(image.length)
  await file.write(0, image.image)
  await file.edit.save()
}

async function edit(
  work: Work,
  directory: number,
  { links = 0 }: EntryChange,
  change: (file: DirectoryFile) => Promise<void>,
): Promise<void> {
  const file = new DirectoryFile(work, await FileEdit.open(work, directory))
  await change(file)
  const { meta } = file.edit
  await file.edit.save({ links: meta.links + links, modifiedAt: work.time, changedAt: work.time })
}

async function found(work: Work, file: DirectoryFile, name: string): Promise<FoundEntry> {
  const entry = await work.volume.version.directories.find(file, name)
  if (!entry) throw new VmfsError('no such file', `the directory has no ${JSON.stringify(name)}`)
  return entry
}

class DirectoryFile implements DirectoryEditor {
  readonly isRoot: boolean
  readonly edit: FileEdit
  readonly #work: Work
  #map: FileMap

  constructor(work: Work, file: FileEdit) {
    this.isRoot = file.address === SYSTEM_FD.root
    this.edit = file
    this.#work = work
    // It looks addresses up in the descriptor's image, which is the one that is edited.
    this.#map = file.map
  }

  get length(): number {
    return this.edit.meta.length
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.#demandInside(offset, length)
    const parts: Buffer[] = []
    for await (const piece of this.#pieces(offset, length))
      parts.push(await this.#work.tx.read(piece.offset, piece.length))
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  async write(offset: number, data: Buffer): Promise<void> {
    this.#demandInside(offset, data.length)
    for await (const { at, ...place } of this.#pieces(offset, data.length))
      await this.#work.tx.replace(
        { ...place, lock: this.edit.lock },
        data.subarray(at - offset, at - offset + place.length),
      )
  }

  async resize(length: number): Promise<void> {
    if (length > this.#map.reach && this.edit.meta.zla === ZLA.subBlocks) await this.#moveToFileBlocks()
    const { blockBytes } = this.#map
    const blocks = Math.max(1, Math.ceil(length / blockBytes))
    const before = Math.max(1, Math.ceil(this.length / blockBytes))
    for (let index = before; index < blocks; index++) await this.#addBlock(index)
    for (let index = blocks; index < before; index++) await this.#freeBlock(index)
    this.edit.set({ length })
  }

  /** Sub-blocks reach 2 MiB on VMFS5, which is 14,979 entries; tools read a directory in file blocks as well (notes, 10). */
  async #moveToFileBlocks(): Promise<void> {
    const { version } = this.#work.volume
    const { length } = this
    const content = await this.read(0, length)
    await freeContent(this.#work, this.edit.descriptor)
    const addresses: AddressParts[] = []
    for (let at = 0; at < length; at += FILE_BLOCK_BYTES) {
      const { address, offset } = await this.#work.take('file block')
      await this.#work.tx.write(offset, paddedTo(version.sectorBytes, content.subarray(at, at + FILE_BLOCK_BYTES)))
      addresses.push(address)
    }
    putContent(version, this.edit, {
      ...{ zla: ZLA.fileBlocks, length, blockBytes: FILE_BLOCK_BYTES, blocks: addresses.length, pointerBlocks: 0 },
      addresses,
    })
    this.#map = this.edit.map
  }

  async #addBlock(index: number): Promise<void> {
    const { zla, blocks } = this.edit.meta
    const { maxAddresses } = this.#work.volume.version.fileDescriptors
    if ((zla !== ZLA.subBlocks && zla !== ZLA.fileBlocks) || index >= maxAddresses)
      throw new VmfsError('no space', `the directory is full: it has ${this.length} bytes`)
    if ((await this.#map.address(index)).kind !== 'hole') return
    const { address } = await this.#work.take(zla === ZLA.subBlocks ? 'sub-block' : 'file block')
    this.edit.setAddress(index, address)
    this.edit.setBlocks(blocks + 1)
  }

  async #freeBlock(index: number): Promise<void> {
    const address = await this.#map.address(index)
    if (address.kind === 'hole') return
    this.#work.free(address)
    this.edit.setAddress(index, { kind: 'hole' })
    this.edit.setBlocks(Math.max(this.edit.meta.blocks - 1, 0))
  }

  async *#pieces(offset: number, length: number) {
    for (let at = offset; at < offset + length; ) {
      const place = await this.#map.place(at)
      if (place.offset === undefined)
        throw new VmfsError('damaged', `the directory has a hole at byte ${at}`, this.edit.lock)
      const bytes = Math.min(place.length, offset + length - at)
      yield { at, offset: place.offset, length: bytes }
      at += bytes
    }
  }

  #demandInside(offset: number, length: number): void {
    if (offset < 0 || offset + length > this.length)
      throw new VmfsError(
        'damaged',
        `${length} bytes at ${offset} of a directory of ${this.length} are looked for`,
        this.edit.lock,
      )
  }
}
