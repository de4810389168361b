// Makes a file of a stream of data, or puts the data in the place of what a file holds: whole, or not at all.

import { VmfsError } from '../errors.ts'
import { type FileDescriptor, isDirectory } from '../file-descriptors.ts'
import type { FileReference } from '../open-file.ts'
import { type FoundPlace, lookup } from '../path-lookup.ts'
import { FILE_TYPE } from '../structures/file-descriptor.ts'
import type { Work, Writing } from '../writing.ts'
import { type Content, freeContent, putContent } from './content.ts'
import { linkNewFile, newFile } from './create-file.ts'
import { FileEdit } from './file-edit.ts'
import { placeToChange, quote, requireChangeable } from './names.ts'
import { type StageOptions, stageContent } from './stage-content.ts'

export type PutOptions = StageOptions

export async function putFile(
  writing: Writing,
  path: string,
  source: AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<FileReference> {
  const place = await placeToChange(writing.volume, path)
  if (path.endsWith('/')) throw new VmfsError('is a directory', `${quote(path)} is the path of a directory`)
  const existing = place.entry && (await fileAt(writing, place))
  return await writing.run(async (work) => {
    await work.claim(existing ?? place.directory)
    const content = await stageContent(work, source, options)
    return existing ? await replaceContent(work, existing, content) : await create(work, place, content)
  })
}

/** What the name leads to, through symbolic links. */
async function fileAt({ volume }: Writing, { path }: FoundPlace): Promise<FileDescriptor> {
  const found = await lookup(volume, path)
  const file = { ...found.file, path: found.path }
  if (isDirectory(file.meta)) throw new VmfsError('is a directory', `${quote(path)} is a directory`)
  requireChangeable(file, path)
  if (file.meta.type !== FILE_TYPE.file)
    throw new VmfsError('unsupported', `${quote(path)} maps a raw device, and has no data of its own`)
  return file
}

async function create(work: Work, { directory, name }: FoundPlace, content: Content): Promise<FileReference> {
  const file = await newFile(work, FILE_TYPE.file)
  await linkNewFile(work, file, content, directory, name)
  const { address, generation } = file
  return { address, generation }
}

async function replaceContent(work: Work, file: FileDescriptor, content: Content): Promise<FileReference> {
  await freeContent(work, file)
  const edit = await FileEdit.open(work, file.address)
  putContent(work.volume.version, edit, content)
  await edit.save({ modifiedAt: work.time, changedAt: work.time })
  return { address: file.address, generation: file.meta.generation }
}
