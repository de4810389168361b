// Walks the tree from the root: every entry leads to a descriptor, and every descriptor that is reached is checked once, counted
// by its entries, and its blocks claimed.

import { VmfsError } from '../errors.ts'
import { type FileDescriptor, isDirectory } from '../file-descriptors.ts'
import { removeEntry, retargetEntry } from '../operations/directory-file.ts'
import { decodeFdAddress, SYSTEM_FD } from '../structures/address.ts'
import type { EntryTarget, FoundEntry } from '../structures/directory.ts'
import { FILE_TYPE } from '../structures/file-descriptor.ts'
import { readDescriptor } from './descriptors.ts'
import { checkDirectory } from './directories.ts'
import { checkFile, report } from './files.ts'
import type { CheckContext, Mend } from './findings.ts'
import type { Slot } from './heartbeats.ts'
import { type FindingName, formatAddress } from './report.ts'

interface Directory {
  readonly file: FileDescriptor
  readonly path: string
  readonly parent: FileDescriptor
}

/** An entry that does not fit its file: which of the two is wrong shows when everything else is known. */
interface Suspect {
  readonly directory: Directory
  readonly entry: FoundEntry
  readonly file: FileDescriptor
}

export interface TreeProgress {
  readonly files: number
  readonly directories: number
}

export class Tree {
  directories = 0
  files = 0
  symlinks = 0
  /** How many links each descriptor should have, by address. */
  readonly links = new Map<number, number>()
  readonly #context: CheckContext
  readonly #slots: ReadonlyMap<number, Slot>
  readonly #onProgress: ((progress: TreeProgress) => void) | undefined
  readonly #waiting: Directory[] = []
  readonly #suspects: Suspect[] = []

  constructor(context: CheckContext, slots: ReadonlyMap<number, Slot>, onProgress?: (progress: TreeProgress) => void) {
    this.#context = context
    this.#slots = slots
    this.#onProgress = onProgress
  }

  /** @throws VmfsError 'damaged' for a root that is none: nothing can be reached then */
  async walk(): Promise<void> {
    const root = await this.#context.volume.root()
    this.#claim(SYSTEM_FD.root, root)
    await this.#visit({ file: root, path: '/', parent: root })
    while (this.#waiting.length > 0 || this.#suspects.length > 0) {
      const next = this.#waiting.pop()
      if (next) await this.#enter(next)
      else await this.#judge(this.#suspects.pop()!)
    }
  }

  /** Looks at a file that has been reached for the first time. */
  async #visit(found: Directory): Promise<void> {
    const { file, path, parent } = found
    const readable = await checkFile(this.#context, this.#slots, { file, path, parent: parent.address })
    if (isDirectory(file.meta)) {
      this.directories++
      // Its own "." and the entry that leads to it; its subdirectories add theirs as they are met.
      this.links.set(file.address, (this.links.get(file.address) ?? 0) + (file === parent ? 2 : 1))
      if (readable) this.#waiting.push(found)
      else this.#context.findings.incomplete = true
    } else if (file.meta.type === FILE_TYPE.symlink) this.symlinks++
    else this.files++
    this.#onProgress?.(this)
  }

  async #enter(directory: Directory): Promise<void> {
    const { file, path } = directory
    try {
      for (const entry of await checkDirectory(this.#context, file, path)) {
        if (entry.name === '.') this.#demandTarget(directory, entry, 'dot entry', file)
        else if (entry.name === '..') this.#demandTarget(directory, entry, 'dot-dot entry', directory.parent)
        else await this.#follow(directory, entry)
      }
    } catch (error) {
      if (!(error instanceof VmfsError)) throw error
      this.#context.findings.incomplete = true
      report(this.#context, directory, 'directory unreadable', `cannot be read to its end: ${error.message}`)
    }
  }

  async #follow(directory: Directory, entry: FoundEntry): Promise<void> {
    const { volume } = this.#context
    const file = await readDescriptor(volume, entry)
    if (typeof file === 'string')
      return this.#dangling(directory, entry, `leads to ${formatAddress(entry.address)}, which is no file: ${file}`)
    const fits = file.meta.generation === entry.generation && (await this.#isAt(directory, file))
    if (fits) await this.#count(directory, entry, file)
    else this.#suspects.push({ directory, entry, file })
  }

  /** A directory names the one that it is in: an entry elsewhere is one too many, if that is right. */
  async #isAt(directory: Directory, file: FileDescriptor): Promise<boolean> {
    if (!isDirectory(file.meta)) return true
    try {
      return (await this.#context.volume.find(file, '..'))?.address === directory.file.address
    } catch (error) {
      if (error instanceof VmfsError) return true
      throw error
    }
  }

  /** A file that is reached by a right entry is another one than this entry means. */
  async #judge({ directory, entry, file }: Suspect): Promise<void> {
    const { address } = entry
    const reached = this.links.has(address)
    if (file.meta.generation !== entry.generation) {
      if (reached)
        return this.#dangling(directory, entry, `leads to ${formatAddress(address)}, which is another file by now`)
      const message = `has the generation ${entry.generation}, and its file ${file.meta.generation}`
      this.#wrongEntry(directory, entry, 'entry generation', message, targetOf(file))
    }
    await this.#count(directory, { ...entry, generation: file.meta.generation }, file)
  }

  async #count(directory: Directory, entry: FoundEntry, file: FileDescriptor): Promise<void> {
    const path = pathOf(directory, entry)
    if (entry.type !== file.meta.type)
      this.#wrongEntry(
        directory,
        entry,
        'entry type',
        `has the type ${entry.type}, and its file ${file.meta.type}`,
        targetOf(file),
      )
    const first = this.#claim(entry.address, file)
    if (!isDirectory(file.meta)) {
      this.links.set(file.address, (this.links.get(file.address) ?? 0) + 1)
      if (first) await this.#visit({ file, path, parent: directory.file })
      return
    }
    if (!first) {
      const message = `leads to the directory ${formatAddress(entry.address)}, which has its place elsewhere`
      return this.#wrongName(directory, entry, 'directory twice', message)
    }
    this.links.set(directory.file.address, (this.links.get(directory.file.address) ?? 0) + 1)
    this.links.set(file.address, (this.links.get(file.address) ?? 0) + 1)
    await this.#visit({ file, path, parent: directory.file })
  }

  /** @returns whether it was reached for the first time */
  #claim(address: number, file: FileDescriptor): boolean {
    const { cluster, resource } = decodeFdAddress(address)
    return this.#context.claims['file descriptor']!.claim(cluster, resource, file.address) === 0
  }

  #demandTarget(directory: Directory, entry: FoundEntry, name: 'dot entry' | 'dot-dot entry', wanted: FileDescriptor) {
    const { address, type, generation } = targetOf(wanted)
    if (entry.address === address && entry.type === type && entry.generation === generation) return
    const message =
      `leads to ${formatAddress(entry.address)} (type ${entry.type}, generation ${entry.generation}), ` +
      `and should to ${formatAddress(address)} (type ${type}, generation ${generation})`
    this.#wrongEntry(directory, entry, name, message, targetOf(wanted))
  }

  #dangling(directory: Directory, entry: FoundEntry, message: string): void {
    this.#wrongName(directory, entry, 'dangling entry', message)
  }

  /** An entry that goes. */
  #wrongName(directory: Directory, entry: FoundEntry, name: FindingName, message: string): void {
    this.#add(directory, entry, name, message, 'the entry is removed', {
      phase: 'entries',
      key: `${name} ${directory.file.address} ${entry.offset}`,
      run: (writing) => writing.run((work) => removeEntry(work, directory.file.address, entry.name)),
    })
  }

  /** An entry that is told where to lead. */
  #wrongEntry(directory: Directory, entry: FoundEntry, name: FindingName, message: string, target: EntryTarget): void {
    this.#add(directory, entry, name, message, 'the entry is set to that', {
      phase: 'entries',
      key: `${directory.file.address} ${entry.offset}`,
      run: (writing) => writing.run((work) => retargetEntry(work, directory.file.address, entry.name, target)),
    })
  }

  #add(directory: Directory, entry: FoundEntry, name: FindingName, message: string, repair: string, mend: Mend): void {
    const path = pathOf(directory, entry)
    this.#context.findings.add(
      {
        ...{ name, address: formatAddress(directory.file.address), volumeOffset: directory.file.offset, path },
        ...{ message: `${path} ${message}`, repair },
      },
      mend,
    )
  }
}

const targetOf = ({ address, meta }: FileDescriptor): EntryTarget => ({
  address,
  type: meta.type,
  generation: meta.generation,
})

const pathOf = ({ path }: Directory, { name }: FoundEntry): string => `${path === '/' ? '' : path}/${name}`
