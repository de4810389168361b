// A volume whose files are put together from structures, address by address: for what no writer makes (to-be-zeroed blocks, PB2,
// holes in any place), and for readers that are to be tested without the writer. Bitmaps are left as formatted.

import { formatVolume } from '../../../src/host/vmfs/format.ts'
import type { AddressParts } from '../../../src/host/vmfs/structures/address.ts'
import { encodeFdAddress, SYSTEM_FD } from '../../../src/host/vmfs/structures/address.ts'
import type { DirectoryEditor } from '../../../src/host/vmfs/structures/directory.ts'
import {
  encodeFileMeta,
  FILE_TYPE,
  type FileMeta,
  setFileAddress,
  setResidentData,
  ZLA,
} from '../../../src/host/vmfs/structures/file-descriptor.ts'
import { encodeLock, LOCK_TYPE } from '../../../src/host/vmfs/structures/lock.ts'
import { LVM_DATA_OFFSET } from '../../../src/host/vmfs/structures/lvm.ts'
import { FILE_BLOCK_BYTES } from '../../../src/host/vmfs/version.ts'
import { openVolume, type Volume } from '../../../src/host/vmfs/volume.ts'
import { MemoryDevice } from './memory-device.ts'

const MIB = 1024 * 1024
/** What a new volume may have in use: descriptors and resources that are numbered from here on are not. */
const FIRST_FREE = 16
const DIRECTORY_SUB_BLOCKS = 4

export interface FileSpec {
  readonly type?: number
  readonly zla: number
  readonly length: number
  readonly mode?: number
  readonly resident?: Buffer
  /** By number: what a block holds, from its start, or the address that stands for it. */
  readonly blocks?: Readonly<Record<number, Buffer | AddressParts>>
  readonly meta?: Partial<FileMeta>
}

export class HandMadeVolume {
  readonly device: MemoryDevice
  readonly volume: Volume
  #nextFd = FIRST_FREE
  #nextSubBlock = FIRST_FREE
  #nextPointerBlock = 0
  #nextPb2Block = 0
  #nextBlock: number

  private constructor(device: MemoryDevice, volume: Volume) {
    this.device = device
    this.volume = volume
    this.#nextBlock = volume.logical.size / FILE_BLOCK_BYTES - 1
  }

  static async format(version: 5 | 6, size = version === 5 ? 273 * MIB : 785 * MIB): Promise<HandMadeVolume> {
    const device = new MemoryDevice(size)
    await formatVolume([device], {
      version,
      label: 'hand-made',
      now: 1_800_000_000_000,
      random: (n) => Buffer.alloc(n, 5),
    })
    return new HandMadeVolume(device, await openVolume([device]))
  }

  /** Writes bytes of the volume. */
  poke(offset: number, data: Buffer): void {
    this.device.poke(LVM_DATA_OFFSET + offset, data)
    this.volume.cache.clear()
  }

  /** The image of a file descriptor, changed. */
  async editFd(address: number, change: (image: Buffer) => void): Promise<void> {
    const offset = await this.volume.locateFileDescriptor(address)
    const image = this.device.peek(LVM_DATA_OFFSET + offset, this.volume.version.fileDescriptors.bytes)
    change(image)
    this.poke(offset, image)
  }

  /** A file with no name yet. */
  async makeFile(spec: FileSpec): Promise<number> {
    const { fileDescriptors: format, subBlockBytes, resourceFiles } = this.volume.version
    const { resourcesPerCluster } = resourceFiles.fdc!.layout
    const number = this.#nextFd++
    const address = encodeFdAddress(Math.floor(number / resourcesPerCluster), number % resourcesPerCluster)
    const offset = await this.volume.locateFileDescriptor(address)
    const image = Buffer.alloc(format.bytes)
    encodeLock({ type: LOCK_TYPE.fileDescriptor, offset }, image)
    const { type = FILE_TYPE.file, zla, length, mode = 0o644 } = spec
    const blockBytes = zla === ZLA.subBlocks || zla === ZLA.resident ? subBlockBytes : FILE_BLOCK_BYTES
    const meta = { address, generation: 1, links: 1, type, length, blockBytes, mode, zla, signature: format.signature }
    encodeFileMeta(format, { ...meta, ...spec.meta }, image)
    if (spec.resident) setResidentData(format, image, spec.resident)
    await this.#setBlocks(spec, image)
    this.poke(offset, image)
    return address
  }

  /** Gives a file a name. */
  async link(directory: number, name: string, address: number): Promise<void> {
    const { volume } = this
    const { type, generation } = (await volume.readFileDescriptor(address)).meta
    await volume.version.directories.insert(await this.#editor(directory), { name, type, address, generation })
    volume.cache.clear()
  }

  async unlink(directory: number, name: string): Promise<void> {
    const { volume } = this
    const entry = await volume.find(await volume.readFileDescriptor(directory), name)
    await volume.version.directories.remove(await this.#editor(directory), entry!)
    volume.cache.clear()
  }

  async add(directory: number, name: string, spec: FileSpec): Promise<number> {
    const address = await this.makeFile(spec)
    await this.link(directory, name, address)
    return address
  }

  async addDirectory(parent: number, name: string): Promise<number> {
    const { version } = this.volume
    const address = encodeFdAddress(
      Math.floor(this.#nextFd / version.resourceFiles.fdc!.layout.resourcesPerCluster),
      this.#nextFd % version.resourceFiles.fdc!.layout.resourcesPerCluster,
    )
    const target = { type: FILE_TYPE.directory, generation: 1 }
    const image = version.directories.create({ ...target, address }, { ...target, address: parent })
    const blocks: Record<number, Buffer> = {}
    for (let block = 0; block < DIRECTORY_SUB_BLOCKS; block++)
      blocks[block] = image.subarray(block * version.subBlockBytes, (block + 1) * version.subBlockBytes)
    const length = image.length
    const spec = { type: FILE_TYPE.directory, zla: ZLA.subBlocks, length, mode: 0o755, blocks, meta: { links: 2 } }
    return await this.add(parent, name, spec)
  }

  addLink(directory: number, name: string, target: string): Promise<number> {
    const resident = Buffer.from(target)
    const spec = { type: FILE_TYPE.symlink, zla: ZLA.resident, length: resident.length, mode: 0o777, resident }
    return this.add(directory, name, spec)
  }

  async #setBlocks({ zla, blocks = {} }: FileSpec, image: Buffer): Promise<void> {
    const { fileDescriptors: format, pointerBlocks, addresses } = this.volume.version
    const fanOut = pointerBlocks.bytes / addresses.bytes
    const pointers = new Map<number, Buffer>()
    for (const [key, content] of Object.entries(blocks)) {
      const block = Number(key)
      const address = Buffer.isBuffer(content) ? await this.#store(zla, content) : content
      if (zla === ZLA.fileBlocks || zla === ZLA.subBlocks) {
        setFileAddress(format, image, block, address)
        continue
      }
      const index = Math.floor(block / fanOut)
      const list = pointers.get(index) ?? Buffer.alloc(pointerBlocks.bytes)
      addresses.write(list, (block % fanOut) * addresses.bytes, address)
      pointers.set(index, list)
    }
    for (const [index, list] of pointers) setFileAddress(format, image, index, await this.#storePointers(zla, list))
  }

  async #store(zla: number, content: Buffer): Promise<AddressParts> {
    if (zla === ZLA.subBlocks) return await this.#storeSubBlock(content)
    const block = this.#nextBlock--
    this.poke(block * FILE_BLOCK_BYTES, content)
    return { kind: 'file block', block }
  }

  async #storeSubBlock(content: Buffer): Promise<AddressParts> {
    const { sbc } = this.volume.files
    const place = sbc.places.locate(this.#nextSubBlock++)
    this.poke(await sbc.resourceOffset(place.cluster, place.resource), content)
    return { kind: 'sub-block', ...place }
  }

  async #storePointers(zla: number, list: Buffer): Promise<AddressParts> {
    const { files, version } = this.volume
    if (zla === ZLA.pointerBlocks && version.pointerBlocks.file === 'sbc') return await this.#storeSubBlock(list)
    const isPb2 = zla === ZLA.pb2Blocks
    const [kind, file] = isPb2 ? (['pb2 block', files.pb2] as const) : (['pointer block', files.pbc] as const)
    const place = file.places.locate(isPb2 ? this.#nextPb2Block++ : this.#nextPointerBlock++)
    this.poke(await file.resourceOffset(place.cluster, place.resource), list)
    return { kind, ...place }
  }

  async #editor(address: number): Promise<DirectoryEditor> {
    const { volume } = this
    let file = await volume.readFileDescriptor(address)
    return {
      isRoot: address === SYSTEM_FD.root,
      get length() {
        return file.meta.length
      },
      read: (offset, length) => volume.openDirectory(file).read(offset, length),
      write: async (offset, data) => {
        const { map } = volume.openFile(file)
        for (let done = 0; done < data.length; ) {
          const place = await map.place(offset + done)
          const part = data.subarray(done, done + place.length)
          this.poke(place.offset!, part)
          done += part.length
        }
      },
      resize: async (length) => {
        await this.editFd(address, (image) => encodeFileMeta(volume.version.fileDescriptors, { length }, image))
        file = await volume.readFileDescriptor(address)
      },
    }
  }
}
