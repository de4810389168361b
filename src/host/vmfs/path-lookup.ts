// From a path to what it names: one directory after the other, through symbolic links as far as there is an end to them. ".." leads
// back the way the path came, whatever the directory's own entry says.

import { VmfsError } from './errors.ts'
import { type FileDescriptor, isDirectory } from './file-descriptors.ts'
import type { DirectoryEntry, FoundEntry } from './structures/directory.ts'
import { FILE_TYPE } from './structures/file-descriptor.ts'
import type { Volume } from './volume.ts'

const MAX_PATH_BYTES = 4096
const MAX_LINKS = 40

export interface Found {
  /** Without links, "." and "..". */
  readonly path: string
  readonly file: FileDescriptor
}
/** Where a name stands, or could stand. */
export interface FoundPlace {
  /** Of the name, with the directory's. */
  readonly path: string
  readonly directory: FileDescriptor
  readonly name: string
  /** Undefined where the directory has no such name. */
  readonly entry: FoundEntry | undefined
}

interface Step {
  readonly name: string
  readonly file: FileDescriptor
}

/**
 * What a path names, from the root; with `follow` false a link at its end is itself meant.
 * @throws VmfsError 'no such file', 'not a directory', 'bad name', 'damaged'
 */
export async function lookup(volume: Volume, path: string, { follow = true } = {}): Promise<Found> {
  const way = await new Walker(volume, path).walk(namesOf(path), follow)
  const { file } = way.at(-1)!
  if (path.endsWith('/') && !isDirectory(file.meta)) throw notDirectory(pathOf(way))
  return { path: pathOf(way), file }
}

/**
 * The place of a path's last name: what makes, replaces and removes names asks for it. A link there is itself meant.
 * @throws VmfsError 'no such file' for the directory, 'bad name' for a path without a name
 */
export async function lookupPlace(volume: Volume, path: string): Promise<FoundPlace> {
  const names = namesOf(path)
  const name = names.pop()
  if (name === undefined || name === '.' || name === '..')
    throw new VmfsError('bad name', `${quote(path)} does not end with a name in a directory`)
  const way = await new Walker(volume, path).walk(names, true)
  const directory = way.at(-1)!.file
  if (!isDirectory(directory.meta)) throw notDirectory(pathOf(way))
  const entry = await volume.find(directory, name)
  return { path: pathOf([...way, { name, file: directory }]), directory, name, entry }
}

/** @throws VmfsError 'bad name' for what is no link, 'damaged' */
export async function readLink(volume: Volume, link: FileDescriptor): Promise<string> {
  if (link.meta.type !== FILE_TYPE.symlink) throw new VmfsError('bad name', `${link.name} is no symbolic link`)
  if (link.meta.length > MAX_PATH_BYTES)
    throw new VmfsError('damaged', `${link.name} is a symbolic link of ${link.meta.length} bytes`, link.offset)
  return (await volume.openFile(link).read(0, MAX_PATH_BYTES)).toString()
}

/** Everything below a directory, each directory before what is in it. @throws VmfsError 'damaged', also for a cycle */
export async function* walkTree(volume: Volume, from: Found): AsyncGenerator<Found & { entry: DirectoryEntry }> {
  const entered = new Set<number>([from.file.address])
  const waiting: Found[] = [from]
  for (let directory = waiting.pop(); directory; directory = waiting.pop())
    for await (const entry of volume.entries(directory.file)) {
      if (entry.name === '.' || entry.name === '..') continue
      const file = await volume.readFileDescriptor(entry.address)
      const found = { path: `${directory.path === '/' ? '' : directory.path}/${entry.name}`, file }
      yield { ...found, entry }
      if (!isDirectory(file.meta)) continue
      if (entered.has(file.address))
        throw new VmfsError('damaged', `${quote(found.path)} is a directory that stands elsewhere too`, file.offset)
      entered.add(file.address)
      waiting.push(found)
    }
}

class Walker {
  readonly #volume: Volume
  readonly #path: string
  #links = 0

  constructor(volume: Volume, path: string) {
    this.#volume = volume
    this.#path = path
  }

  /** The root, and each directory or file on the way. */
  async walk(names: readonly string[], followLast: boolean): Promise<Step[]> {
    const root: Step = { name: '', file: await this.#volume.root() }
    const way = [root]
    const left = [...names].reverse()
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const directory = way.at(-1)!.file
      if (!isDirectory(directory.meta)) throw notDirectory(pathOf(way))
      if (name === '.') continue
      if (name === '..') {
        if (way.length > 1) way.pop()
        continue
      }
      const file = await this.#enter(directory, name, [...way])
      if (file.meta.type !== FILE_TYPE.symlink || (left.length === 0 && !followLast)) {
        way.push({ name, file })
        continue
      }
      const target = await this.#target(file)
      if (target.startsWith('/')) way.length = 1
      left.push(...namesOf(target).reverse())
    }
    return way
  }

  async #enter(directory: FileDescriptor, name: string, way: readonly Step[]): Promise<FileDescriptor> {
    const entry = await this.#volume.find(directory, name)
    if (!entry) throw new VmfsError('no such file', `there is no ${quote(pathOf([...way, { name, file: directory }]))}`)
    const file = await this.#volume.readFileDescriptor(entry.address)
    // Other hosts may have removed it since, and made another one of its descriptor: it is looked at again.
    if (file.meta.generation !== entry.generation && this.#volume.cache.keepsNothing)
      throw new VmfsError(
        'damaged',
        `${quote(pathOf([...way, { name, file }]))} leads to generation ${entry.generation} of ${file.name}, which has ` +
          `${file.meta.generation}`,
        file.offset,
      )
    return file
  }

  async #target(link: FileDescriptor): Promise<string> {
    if (++this.#links > MAX_LINKS)
      throw new VmfsError('bad name', `${quote(this.#path)} leads through more than ${MAX_LINKS} symbolic links`)
    return await readLink(this.#volume, link)
  }
}

function namesOf(path: string): string[] {
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_PATH_BYTES)
    throw new VmfsError('bad name', `a path of ${bytes} bytes is longer than ${MAX_PATH_BYTES}`)
  return path.split('/').filter((name) => name !== '')
}

const pathOf = (way: readonly Step[]): string =>
  `/${way
    .slice(1)
    .map(({ name }) => name)
    .join('/')}`

const quote = (path: string): string => JSON.stringify(path)

const notDirectory = (path: string) => new VmfsError('not a directory', `${quote(path)} is not a directory`)
