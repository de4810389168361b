// A VMFS volume, opened: its parts, and the way from an address to what it names. What is done with it lives in files of its own:
// reading of files, directories, paths, space and locks.

import type { BlockDevice } from '../block-device.ts'
import { decodeAt, decodeFrom } from './damage.ts'
import { VmfsError, type VmfsProblem } from './errors.ts'
import { decodeFileDescriptor, type FileDescriptor, isDirectory } from './file-descriptors.ts'
import type { MapContext } from './file-map.ts'
import { FileReader } from './file-reader.ts'
import { KnownDirectories } from './known-directories.ts'
import { type LogicalVolume, openLogicalVolume } from './logical-volume.ts'
import { MetadataCache, type VolumeReader } from './metadata-cache.ts'
import { decodeFdAddress, SYSTEM_FD } from './structures/address.ts'
import type { DirectoryBytes, FoundEntry } from './structures/directory.ts'
import { FS_DESCRIPTOR, FS_DESCRIPTOR_OFFSET, FS_MAGIC, FS_MAGIC_LOCAL } from './structures/fs-descriptor.ts'
import type { ValuesOf } from './structures/structure.ts'
import { FILE_BLOCK_BYTES, type VmfsVersion } from './version.ts'
import { mapContext, openVolumeFiles, type VolumeFiles } from './volume-files.ts'

export type FsDescriptor = ValuesOf<typeof FS_DESCRIPTOR.fields>

/** More is no directory that anybody made. */
const MAX_DIRECTORY_BYTES = 64 * 1024 * 1024

export class Volume {
  readonly logical: LogicalVolume
  readonly descriptor: FsDescriptor
  readonly files: VolumeFiles
  /** What has been read of metadata: a writer invalidates what it changes. */
  readonly cache: MetadataCache
  readonly #context: MapContext
  readonly #directories = new KnownDirectories()

  constructor(logical: LogicalVolume, descriptor: FsDescriptor, cache: MetadataCache, files: VolumeFiles) {
    this.logical = logical
    this.descriptor = descriptor
    this.cache = cache
    this.files = files
    this.#context = this.contextOver(cache)
  }

  get version(): VmfsVersion {
    return this.logical.version
  }

  /** What leads from addresses to places, with pointer blocks as `metadata` has them: a transaction sees its own changes. */
  contextOver(metadata: VolumeReader): MapContext {
    return mapContext(this.version, this.logical.size, metadata, {
      ...{ fdc: this.files.fdc, sbc: this.files.sbc, pbc: this.files.pbc, pb2: this.files.pb2 },
      ...(this.files.jbc && { jbc: this.files.jbc }),
    })
  }

  /** Where a file descriptor stands in the volume. @throws VmfsError 'damaged' for an address of none */
  async locateFileDescriptor(address: number): Promise<number> {
    const { cluster, resource } = decodeFdAddress(address)
    return await this.files.fdc.resourceOffset(cluster, resource)
  }

  /** @throws VmfsError 'damaged' for an address of none, and for one that is not in use */
  async readFileDescriptor(address: number, metadata: VolumeReader = this.cache): Promise<FileDescriptor> {
    const offset = await this.locateFileDescriptor(address)
    const image = await metadata.read(offset, this.version.fileDescriptors.bytes)
    return decodeFileDescriptor(this.version, address, offset, image)
  }

  /** For data: nothing of it is kept. @throws VmfsError 'damaged', 'unsupported' */
  openFile(file: FileDescriptor): FileReader {
    return new FileReader(this.#context, file, this.logical)
  }

  /** @throws VmfsError 'not a directory', 'damaged', 'unsupported' */
  openDirectory(file: FileDescriptor): DirectoryBytes {
    if (!isDirectory(file.meta)) throw new VmfsError('not a directory', `${file.name} is not a directory`)
    const reader = new FileReader(this.#context, file, this.cache, 'damaged')
    if (reader.length > MAX_DIRECTORY_BYTES)
      throw new VmfsError('damaged', `${file.name} is a directory of ${reader.length} bytes`, file.offset)
    const isRoot = file.address === SYSTEM_FD.root
    return { isRoot, length: reader.length, read: (offset, length) => readWhole(reader, file, offset, length) }
  }

  /** All entries, "." and ".." first. @throws VmfsError 'not a directory', 'damaged' */
  async *entries(directory: FileDescriptor): AsyncGenerator<FoundEntry> {
    const entries = this.version.directories.entries(this.openDirectory(directory))
    for (;;) {
      const { value, done } = await decodeFrom(directory.name, directory.offset, () => entries.next())
      if (done) return
      yield value
    }
  }

  /** @throws VmfsError 'not a directory', 'damaged' */
  async find(directory: FileDescriptor, name: string): Promise<FoundEntry | undefined> {
    const opened = this.openDirectory(directory)
    // Without other hosts, the cache has all of it.
    const bytes = this.cache.keepsNothing ? this.#directories.over(directory, opened) : opened
    return await decodeFrom(directory.name, directory.offset, () => this.version.directories.find(bytes, name))
  }

  root(): Promise<FileDescriptor> {
    return this.readFileDescriptor(SYSTEM_FD.root)
  }

  /** Closes the devices as well. */
  close(): Promise<void> {
    return this.logical.close()
  }
}

/**
 * Opens the volume that these devices hold, given in any order. Nothing is written.
 * @throws VmfsError 'not a volume', 'unsupported', 'damaged'; the devices stay open then
 */
export async function openVolume(devices: readonly BlockDevice[]): Promise<Volume> {
  const logical = await openLogicalVolume(devices)
  const descriptor = await readFsDescriptor(logical)
  const cache = new MetadataCache(logical, logical.size)
  return new Volume(logical, descriptor, cache, await openVolumeFiles(logical.version, logical.size, cache))
}

async function readFsDescriptor(logical: LogicalVolume): Promise<FsDescriptor> {
  const { version, uuid } = logical
  const image = await logical.read(FS_DESCRIPTOR_OFFSET, version.sectorBytes)
  const descriptor = decodeAt('the descriptor', FS_DESCRIPTOR_OFFSET, () => FS_DESCRIPTOR.decode(image))
  const fail = (problem: VmfsProblem, what: string) =>
    new VmfsError(problem, `the file system's descriptor ${what}`, FS_DESCRIPTOR_OFFSET)
  if (descriptor.magic === FS_MAGIC_LOCAL) throw fail('unsupported', 'is of VMFS-L, the disk that ESXi starts from')
  if (descriptor.magic !== FS_MAGIC) throw fail('damaged', `has the magic number 0x${descriptor.magic.toString(16)}`)
  if (descriptor.majorVersion !== version.major)
    throw fail(
      'unsupported',
      `says version ${descriptor.majorVersion}, and LVM ${version.lvmMajor} has ${version.major}`,
    )
  if (descriptor.volumeUuid !== uuid)
    throw fail('damaged', `is of the volume ${descriptor.volumeUuid}, on the volume ${uuid}`)
  if (descriptor.fileBlockBytes !== FILE_BLOCK_BYTES)
    throw fail('unsupported', `has file blocks of ${descriptor.fileBlockBytes} bytes, and only 1 MiB is known`)
  if (descriptor.subBlockBytes !== version.subBlockBytes)
    throw fail('unsupported', `has sub-blocks of ${descriptor.subBlockBytes} bytes, not ${version.subBlockBytes}`)
  if (version.version === 6 && descriptor.metadataAlignment !== version.sectorBytes)
    throw fail('unsupported', `aligns metadata to ${descriptor.metadataAlignment} bytes, not ${version.sectorBytes}`)
  return descriptor
}

async function readWhole(reader: FileReader, { name, offset: at }: FileDescriptor, offset: number, length: number) {
  const data = await reader.read(offset, length)
  if (data.length === length) return data
  throw new VmfsError('damaged', `${name} ends at byte ${reader.length}, before ${offset + length}`, at)
}
