// What may be done to the names of a volume, asked before anything is changed.

import { VmfsError } from '../errors.ts'
import { type FileDescriptor, isDirectory } from '../file-descriptors.ts'
import type { FoundFile } from '../locking/operation-locks.ts'
import { type FoundPlace, lookupPlace } from '../path-lookup.ts'
import type { FoundEntry } from '../structures/directory.ts'
import { FILE_TYPE } from '../structures/file-descriptor.ts'
import { demandFileName } from '../structures/file-name.ts'
import type { Volume } from '../volume.ts'

/** A name that is there. */
export interface NamedFile extends FoundPlace {
  readonly entry: FoundEntry
  readonly file: FileDescriptor & FoundFile
}

/**
 * The place for a name that may be new.
 * @throws VmfsError 'no such file', 'not a directory', 'bad name', 'read-only'
 */
export async function placeToChange(volume: Volume, path: string): Promise<FoundPlace> {
  const place = await lookupPlace(volume, path)
  requireChangeable(place.directory, path)
  if (!place.entry) demandFileName(place.name)
  return place
}

/** The place for a name that must be new. @throws VmfsError 'exists' and as `placeToChange` */
export async function placeForNew(volume: Volume, path: string): Promise<FoundPlace> {
  const place = await placeToChange(volume, path)
  if (place.entry) throw new VmfsError('exists', `${quote(place.path)} is there already`)
  return place
}

/** A name that is to be moved or removed; a link is itself meant. @throws VmfsError 'no such file' and as `placeToChange` */
export async function namedFile(volume: Volume, path: string): Promise<NamedFile> {
  const place = await placeToChange(volume, path)
  if (!place.entry) throw new VmfsError('no such file', `there is no ${quote(place.path)}`)
  const file = await volume.readFileDescriptor(place.entry.address)
  requireChangeable(file, path)
  if (path.endsWith('/') && !isDirectory(file.meta))
    throw new VmfsError('not a directory', `${quote(place.path)} is not a directory`)
  return { ...place, entry: place.entry, file: { ...file, path: place.path } }
}

/** @throws VmfsError 'read-only' for a file of the volume itself */
export function requireChangeable({ meta }: FileDescriptor, path: string): void {
  if (meta.type === FILE_TYPE.system)
    throw new VmfsError('read-only', `${quote(path)} is, or is in, a system file, which is not changed`)
}

export const quote = (path: string): string => JSON.stringify(path)
