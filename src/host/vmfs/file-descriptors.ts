// A file descriptor as it was read: its image, what the image says, and where it stands (vmfs-format.md, 8).

import { decodeAt } from './damage.ts'
import { VmfsError } from './errors.ts'
import { decodeFileMeta, FILE_TYPE, type FileMeta, MODE_DIRECTORY, MODE_TYPE } from './structures/file-descriptor.ts'
import { decodeLock, LOCK_TYPE, type Lock } from './structures/lock.ts'
import type { VmfsVersion } from './version.ts'

export interface FileDescriptor {
  /** What messages call it. */
  readonly name: string
  readonly address: number
  /** Byte offset in the volume. */
  readonly offset: number
  readonly image: Buffer
  readonly lock: Lock
  readonly meta: FileMeta
}

const TYPES: readonly number[] = Object.values(FILE_TYPE)

/** @throws VmfsError 'damaged' for what is no descriptor of a file */
export function decodeFileDescriptor(
  { fileDescriptors }: VmfsVersion,
  address: number,
  offset: number,
  image: Buffer,
): FileDescriptor {
  const name = `file descriptor ${formatAddress(address)}`
  return decodeAt(name, offset, () => {
    const lock = decodeLock(image)
    if (lock.type !== LOCK_TYPE.fileDescriptor)
      throw new VmfsError('damaged', `its lock has the type 0x${lock.type.toString(16)}`)
    const meta = decodeFileMeta(fileDescriptors, image)
    if (!TYPES.includes(meta.type) || meta.links === 0) throw new VmfsError('damaged', 'it is not in use')
    return { name, address, offset, image, lock, meta }
  })
}

export const formatAddress = (address: number): string => `0x${address.toString(16).padStart(8, '0')}`

/** Also of .sdd.sf, which is a system file by its type and a directory by its mode. */
export const isDirectory = ({ type, mode }: FileMeta): boolean =>
  type === FILE_TYPE.directory || (type === FILE_TYPE.system && (mode & MODE_TYPE) === MODE_DIRECTORY)
