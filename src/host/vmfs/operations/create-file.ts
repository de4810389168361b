// A new file descriptor (notes, 8), and the entry that names it.

import type { FileDescriptor } from '../file-descriptors.ts'
import { encodeFdAddress } from '../structures/address.ts'
import { encodeFileMeta, FILE_TYPE } from '../structures/file-descriptor.ts'
import { decodeLock, encodeLock, LOCK_TYPE } from '../structures/lock.ts'
import type { VmfsVersion } from '../version.ts'
import type { Work } from '../writing.ts'
import { type Content, putContent } from './content.ts'
import { addEntry } from './directory-file.ts'
import { FileEdit } from './file-edit.ts'

/** Permissions as ESXi gives them to what it makes. */
const MODES = { [FILE_TYPE.file]: 0o644, [FILE_TYPE.directory]: 0o755, [FILE_TYPE.symlink]: 0o777 } as const

/** A file that nothing leads to yet. */
export interface NewFile {
  readonly type: keyof typeof MODES
  readonly address: number
  readonly generation: number
  /** Of the descriptor in the volume. */
  readonly offset: number
}

/** Takes a descriptor. @throws VmfsError 'no space' */
export async function newFile(work: Work, type: NewFile['type']): Promise<NewFile> {
  const taken = await work.takeAhead('file descriptor')
  const address = encodeFdAddress(taken.resource.cluster, taken.resource.resource)
  return { type, address, generation: await work.nextGeneration(taken), offset: taken.offset }
}

/** Writes the descriptor, and its name in a directory. */
export async function linkNewFile(
  work: Work,
  file: NewFile,
  content: Content,
  directory: FileDescriptor,
  name: string,
): Promise<void> {
  const { type, address, generation } = file
  const edit = await emptyDescriptor(work, file, directory.address)
  putContent(work.volume.version, edit, content)
  await edit.save({ affinity: affinityOf(work.volume.version, file, content, directory) })
  const isDirectory = type === FILE_TYPE.directory
  await addEntry(work, directory.address, { name, type, address, generation }, { links: isDirectory ? 1 : 0 })
}

async function emptyDescriptor(work: Work, file: NewFile, parent: number): Promise<FileEdit> {
  const { version } = work.volume
  const { fileDescriptors } = version
  const { type, address, generation, offset } = file
  await work.tx.lock(offset)
  const before = await work.tx.read(offset, fileDescriptors.bytes)
  const image = Buffer.alloc(fileDescriptors.bytes)
  encodeLock({ type: LOCK_TYPE.fileDescriptor, offset, token: nextToken(before) }, image)
  encodeFileMeta(
    fileDescriptors,
    {
      ...{ address, generation, type, mode: MODES[type], links: type === FILE_TYPE.directory ? 2 : 1 },
      ...{ modifiedAt: work.time, changedAt: work.time, accessedAt: work.time },
      ...{ signature: fileDescriptors.signature, parent: version.version === 6 ? parent : 0 },
    },
    image,
  )
  await work.tx.replace({ offset, length: image.length, lock: offset }, image)
  return await FileEdit.open(work, address)
}

/** A lock's token goes on over the lives of a descriptor: no host takes an old image of it for the present one. */
function nextToken(before: Buffer): bigint {
  const used = before.readUInt32LE(0) === LOCK_TYPE.fileDescriptor
  return used ? BigInt.asUintN(64, decodeLock(before).token + 1n) : 1n
}

/** Small files of VMFS6 keep close to their directory. */
function affinityOf({ version }: VmfsVersion, file: NewFile, content: Content, directory: FileDescriptor): number {
  const isSmall = version === 6 && file.type === FILE_TYPE.file && content.addresses.length <= 1
  return isSmall ? directory.address : file.address
}
