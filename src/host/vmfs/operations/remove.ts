// Takes a name away, and with its last name a file: its descriptor is free, and all that it led to.

import { VmfsError } from '../errors.ts'
import { type FileDescriptor, isDirectory } from '../file-descriptors.ts'
import type { Volume } from '../volume.ts'
import type { Work, Writing } from '../writing.ts'
import { freeContent } from './content.ts'
import { removeEntry } from './directory-file.ts'
import { FileEdit } from './file-edit.ts'
import { namedFile, quote } from './names.ts'

/** Removes a file or a link. */
export async function removeFile(writing: Writing, path: string): Promise<void> {
  const { directory, name, file } = await namedFile(writing.volume, path)
  if (isDirectory(file.meta)) throw new VmfsError('is a directory', `${quote(path)} is a directory`)
  await writing.run(async (work) => {
    await work.claim(directory, file)
    await removeEntry(work, directory.address, name)
    await dropLink(work, file)
  })
}

export async function removeDirectory(writing: Writing, path: string): Promise<void> {
  const { directory, name, file } = await namedFile(writing.volume, path)
  if (!isDirectory(file.meta)) throw new VmfsError('not a directory', `${quote(path)} is not a directory`)
  await requireEmpty(writing.volume, file, path)
  await writing.run(async (work) => {
    await work.claim(directory, file)
    await removeEntry(work, directory.address, name, { links: -1 })
    await freeFile(work, file)
  })
}

/** One name less; with the last one the file goes. */
export async function dropLink(work: Work, file: FileDescriptor): Promise<void> {
  if (file.meta.links <= 1) {
    work.requireClosed(file)
    return await freeFile(work, file)
  }
  const edit = await FileEdit.open(work, file.address)
  await edit.save({ links: file.meta.links - 1, changedAt: work.time })
}

/** No links: tools that look at descriptors past their bitmap see that it is none (notes, 8). */
async function freeFile(work: Work, file: FileDescriptor): Promise<void> {
  work.freeDescriptor(file.address)
  await freeContent(work, file)
  const edit = await FileEdit.open(work, file.address)
  await edit.save({ links: 0 })
}

async function requireEmpty(volume: Volume, directory: FileDescriptor, path: string): Promise<void> {
  for await (const { name } of volume.entries(directory))
    if (name !== '.' && name !== '..')
      throw new VmfsError('not empty', `${quote(path)} is not empty: it has ${quote(name)}`)
}
