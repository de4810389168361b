// What the directories of both versions have in common (notes, 10 and 11): entries, and the operations on a directory's file,
// whose bytes somebody else reads and keeps: a volume that is read, or a transaction that is to be committed.

export interface DirectoryEntry {
  readonly name: string
  /** That of the file, FILE_TYPE. */
  readonly type: number
  /** Of the file descriptor, and the generation that it must have. */
  readonly address: number
  readonly generation: number
}
export interface FoundEntry extends DirectoryEntry {
  /** Where the entry stands in the directory's file. */
  readonly offset: number
}
/** What an entry says of its file. */
export type EntryTarget = Omit<DirectoryEntry, 'name'>

/** The bytes of a directory. */
export interface DirectoryBytes {
  /** The names of system files have slots of their own in the root of VMFS6. */
  readonly isRoot: boolean
  readonly length: number
  /** Within the length; the buffer is the caller's own. */
  read(offset: number, length: number): Promise<Buffer>
}
/** The same, to be changed; what is read shows what has been written. */
export interface DirectoryEditor extends DirectoryBytes {
  write(offset: number, data: Buffer): Promise<void>
  /** What is added reads as anything until it is written. */
  resize(length: number): Promise<void>
}

/** One version's directories. */
export interface DirectoryFormat {
  /** The file of a directory that has its two first entries, which name itself and its parent. */
  create(self: EntryTarget, parent: EntryTarget): Buffer
  /** All entries, "." and ".." first, in the order of the file. @throws VmfsError 'damaged' */
  entries(directory: DirectoryBytes): AsyncGenerator<FoundEntry>
  /** @throws VmfsError 'damaged' */
  find(directory: DirectoryBytes, name: string): Promise<FoundEntry | undefined>
  /**
   * Adds an entry whose name the directory must not have yet.
   * @throws VmfsError 'no space' when the directory has no room for another
   */
  insert(directory: DirectoryEditor, entry: DirectoryEntry): Promise<void>
  /** Takes out an entry that `find` has found since the last change. */
  remove(directory: DirectoryEditor, entry: FoundEntry): Promise<void>
  /** Makes an entry that `find` has found since the last change name another file. */
  retarget(directory: DirectoryEditor, entry: FoundEntry, target: EntryTarget): Promise<void>
}

/** A directory in memory. */
export class DirectoryImage implements DirectoryEditor {
  readonly isRoot: boolean
  #image: Buffer

  constructor(image: Buffer, isRoot: boolean) {
    this.#image = image
    this.isRoot = isRoot
  }

  get length(): number {
    return this.#image.length
  }

  get image(): Buffer {
    return this.#image
  }

  async read(offset: number, length: number): Promise<Buffer> {
    if (offset < 0 || offset + length > this.#image.length) throw new RangeError(`${length} bytes at ${offset}`)
    return Buffer.from(this.#image.subarray(offset, offset + length))
  }

  async write(offset: number, data: Buffer): Promise<void> {
    if (offset < 0 || offset + data.length > this.#image.length)
      throw new RangeError(`${data.length} bytes at ${offset}`)
    data.copy(this.#image, offset)
  }

  async resize(length: number): Promise<void> {
    const image = Buffer.alloc(length)
    this.#image.copy(image)
    this.#image = image
  }
}
