// Gives a file another name or another place. A file that stood there goes in the same transaction. A directory that moves has
// another one above it, which both of them and both link counts must say.

import { VmfsError } from '../errors.ts'
import { type FileDescriptor, isDirectory } from '../file-descriptors.ts'
import type { FoundPlace } from '../path-lookup.ts'
import { SYSTEM_FD } from '../structures/address.ts'
import type { EntryTarget } from '../structures/directory.ts'
import { FILE_TYPE } from '../structures/file-descriptor.ts'
import type { Volume } from '../volume.ts'
import type { Work, Writing } from '../writing.ts'
import { addEntry, removeEntry, retargetEntry } from './directory-file.ts'
import { FileEdit } from './file-edit.ts'
import { type NamedFile, namedFile, placeToChange, quote, requireChangeable } from './names.ts'
import { dropLink } from './remove.ts'

/** Deeper is no directory that anybody made; what is deeper has a cycle above it. */
const MAX_DEPTH = 4096

export async function rename(writing: Writing, from: string, to: string): Promise<void> {
  const { volume } = writing
  const source = await namedFile(volume, from)
  const place = await placeToChange(volume, to)
  if (to.endsWith('/') && !isDirectory(source.file.meta))
    throw new VmfsError('not a directory', `${quote(to)} is the path of a directory, and ${quote(from)} is none`)
  if (place.entry && place.entry.address === source.file.address) return
  const replaced = place.entry && (await toReplace(volume, source, place.entry.address, to))
  // Moves of directories exclude each other by the root's lock, from before it is looked whether they would make a cycle.
  const root = isDirectory(source.file.meta) ? await volume.root() : undefined
  if (root) await requireOutside(volume, source, place)
  await writing.run(async (work) => {
    await work.claim(...filesOf(source, place, replaced, root))
    await move(work, source, place, replaced)
    if (replaced) await dropLink(work, replaced)
  })
}

/** All that changes, and what excludes others besides. */
function filesOf(source: NamedFile, place: FoundPlace, ...others: readonly (FileDescriptor | undefined)[]) {
  const files = [source.directory, place.directory, source.file, ...others.filter((file) => file !== undefined)]
  return [...new Map(files.map((file) => [file.offset, file])).values()]
}

/** A file takes the place of a file; a directory takes no place. */
async function toReplace(volume: Volume, { file }: NamedFile, address: number, to: string): Promise<FileDescriptor> {
  const replaced = { ...(await volume.readFileDescriptor(address)), path: to }
  requireChangeable(replaced, to)
  if (isDirectory(replaced.meta))
    throw new VmfsError('is a directory', `${quote(to)} is a directory: name a place in it`)
  if (isDirectory(file.meta))
    throw new VmfsError('not a directory', `${quote(to)} is a file, which a directory does not replace`)
  return replaced
}

/** @throws VmfsError 'bad name' for a place below the directory that moves */
async function requireOutside(volume: Volume, { file, path }: NamedFile, place: FoundPlace): Promise<void> {
  let above = place.directory
  for (let depth = 0; above.address !== SYSTEM_FD.root; depth++) {
    if (above.address === file.address)
      throw new VmfsError('bad name', `${quote(path)} cannot move to ${quote(place.path)}, which is below it`)
    const parent = await volume.find(above, '..')
    if (!parent || depth === MAX_DEPTH)
      throw new VmfsError('damaged', `${above.name} has no way up to the root`, above.offset)
    above = await volume.readFileDescriptor(parent.address)
  }
}

async function move(work: Work, source: NamedFile, place: FoundPlace, replaced: FileDescriptor | undefined) {
  const { file, entry, directory } = source
  const target: EntryTarget = { type: entry.type, address: entry.address, generation: entry.generation }
  const links = isDirectory(file.meta) && directory.address !== place.directory.address ? 1 : 0
  if (replaced) await retargetEntry(work, place.directory.address, place.name, target)
  else await addEntry(work, place.directory.address, { ...target, name: place.name }, { links })
  await removeEntry(work, directory.address, source.name, { links: -links })
  await changeParent(work, file, place.directory)
}

async function changeParent(work: Work, file: FileDescriptor, parent: FileDescriptor): Promise<void> {
  if (isDirectory(file.meta)) {
    const { address, meta } = parent
    await retargetEntry(work, file.address, '..', { type: FILE_TYPE.directory, address, generation: meta.generation })
  }
  const edit = await FileEdit.open(work, file.address)
  const moves = work.volume.version.version === 6 ? { parent: parent.address } : {}
  await edit.save({ ...moves, changedAt: work.time })
}
