// A healthy volume with something of everything on it, and the means to damage exactly one thing of it.

import type { FileDescriptor } from '../../../../src/host/vmfs/file-descriptors.ts'
import { FileMap } from '../../../../src/host/vmfs/file-map.ts'
import { lookup } from '../../../../src/host/vmfs/path-lookup.ts'
import type { ResourceFile } from '../../../../src/host/vmfs/resource-files.ts'
import type { FoundEntry } from '../../../../src/host/vmfs/structures/directory.ts'
import { encodeFileMeta, type FileMeta } from '../../../../src/host/vmfs/structures/file-descriptor.ts'
import { encodeLock, type Lock } from '../../../../src/host/vmfs/structures/lock.ts'
import { LVM_DATA_OFFSET } from '../../../../src/host/vmfs/structures/lvm.ts'
import { openVolume, type Volume } from '../../../../src/host/vmfs/volume.ts'
import type { WritableVolume } from '../../../../src/host/vmfs/writable-volume.ts'
import type { MemoryDevice } from '../memory-device.ts'
import { change, from, MIB, newVolume, pattern } from '../writing-volumes.ts'

/** Enough that some of them share a slot of a VMFS6 hash table. */
const MANY = 400

export async function healthyVolume(version: 5 | 6): Promise<MemoryDevice> {
  const device = await newVolume(version, 529 * MIB)
  await change(device, (volume) => fill(volume, version))
  return device
}

async function fill(volume: WritableVolume, version: 5 | 6): Promise<void> {
  const put = (path: string, length: number) => volume.putFile(path, from(pattern(length, path.length)))
  for (const path of ['/dir', '/dir/sub', '/many']) await volume.makeDirectory(path)
  await put('/empty', 0)
  await put('/sub-block', version === 5 ? 5000 : 40_000)
  await put('/blocks', 3 * MIB)
  await put('/dir/a', 10)
  await put('/dir/sub/b', 2 * MIB)
  await volume.makeLink('dir/a', '/link')
  await put('/pointers', 2 * MIB)
  await volume.truncate('/pointers', 400 * MIB)
  await volume.writeAt(await volume.reference('/pointers'), 350 * MIB, pattern(100, 1))
  for (let i = 0; i < MANY; i++) await volume.putFile(`/many/${i}`, from())
}

export class Planted {
  readonly device: MemoryDevice
  readonly volume: Volume

  /** Works on a fork: the healthy volume stays as it is. */
  static async of(healthy: MemoryDevice): Promise<Planted> {
    const device = healthy.fork()
    return new Planted(device, await openVolume([device]))
  }

  private constructor(device: MemoryDevice, volume: Volume) {
    this.device = device
    this.volume = volume
  }

  /** Changes bytes at an offset of the volume. */
  edit(volumeOffset: number, length: number, change: (image: Buffer) => void): void {
    this.editDevice(LVM_DATA_OFFSET + volumeOffset, length, change)
  }

  editDevice(offset: number, length: number, change: (image: Buffer) => void): void {
    const image = this.device.peek(offset, length)
    change(image)
    this.device.poke(offset, image)
    this.volume.cache.clear()
  }

  async file(path: string): Promise<FileDescriptor> {
    return (await lookup(this.volume, path, { follow: false })).file
  }

  setMeta(file: FileDescriptor, values: Partial<FileMeta>): void {
    const { fileDescriptors } = this.volume.version
    this.edit(file.offset, fileDescriptors.bytes, (image) => encodeFileMeta(fileDescriptors, values, image))
  }

  setLock(volumeOffset: number, values: Partial<Lock>): void {
    this.edit(volumeOffset, 512, (image) => void encodeLock(values, image))
  }

  /** Where the address of a file's block stands, and the address. */
  addressPlace(file: FileDescriptor, index: number): { volumeOffset: number; raw: bigint } {
    const { addressesOffset, addresses } = this.volume.version.fileDescriptors
    const at = addressesOffset + index * addresses.bytes
    const raw = addresses.bytes === 4 ? BigInt(file.image.readUInt32LE(at)) : file.image.readBigUInt64LE(at)
    return { volumeOffset: file.offset + at, raw }
  }

  setAddress(volumeOffset: number, raw: bigint): void {
    const { bytes } = this.volume.version.addresses
    this.edit(volumeOffset, bytes, (image) => {
      if (bytes === 4) image.writeUInt32LE(Number(raw))
      else image.writeBigUInt64LE(raw)
    })
  }

  /** Changes the state of a cluster; its lock stands at the offset that is given back. */
  async editState(file: ResourceFile, cluster: number, change: (image: Buffer) => void): Promise<number> {
    const { sectorBytes } = this.volume.version.clusters
    const offset = await file.headerOffset(cluster)
    this.edit(offset + sectorBytes, sectorBytes, change)
    return offset
  }

  /** An entry, and where its first byte stands in the volume. */
  async entry(directory: FileDescriptor, name: string): Promise<FoundEntry & { volumeOffset: number }> {
    for await (const entry of this.volume.entries(directory))
      if (entry.name === name) return { ...entry, volumeOffset: await this.placeIn(directory, entry.offset) }
    throw new Error(`there is no ${name}`)
  }

  /** Of a byte of a file. */
  async placeIn(file: FileDescriptor, at: number): Promise<number> {
    const { offset } = await new FileMap(this.volume.contextOver(this.volume.cache), file).place(at)
    if (offset === undefined) throw new Error(`${file.name} has a hole at ${at}`)
    return offset
  }
}
