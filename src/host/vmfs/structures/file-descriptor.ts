// A file descriptor (notes, 8): the lock, what is known of the file, then either its data or the addresses of its blocks. VMFS5
// keeps both at one place of 2048 bytes, VMFS6 at two of 8192. What the addresses lead to is the addressing mode's to say (9).

import { VmfsError } from '../errors.ts'
import { ADDRESSES5, ADDRESSES6, type Address, type AddressFormat, type AddressParts } from './address.ts'
import { type Field, size64, structure, u8, u32, type ValuesOf } from './structure.ts'

export const FILE_TYPE = { directory: 2, file: 3, symlink: 4, system: 5, rawDeviceMapping: 6 } as const

/** How a file's bytes are found: what the zero level of addresses, in the descriptor, holds. */
export const ZLA = {
  fileBlocks: 1,
  subBlocks: 2,
  pointerBlocks: 3,
  pb2Blocks: 5,
  doubleIndirect: 4304,
  /** The data stands in the descriptor itself. */
  resident: 4305,
} as const

/** Bits of `mode` that say directory; the other types need none. */
export const MODE_DIRECTORY = 0o040000
export const MODE_TYPE = 0o170000

/** "fdmd", in descriptors of VMFS6 alone. */
export const FD_SIGNATURE = 0x66646d64

/** A count whose halves stand apart. */
const halves = (low: number, high: number): Field<number> => ({
  offset: low,
  bytes: high + 4 - low,
  read(source, at) {
    const value = source.readUInt32LE(at) + source.readUInt32LE(at + high - low) * 2 ** 32
    if (!Number.isSafeInteger(value)) throw new VmfsError('damaged', `a count of ${value} blocks at byte ${at}`)
    return value
  },
  write(target, at, value) {
    target.writeUInt32LE(value % 2 ** 32, at)
    target.writeUInt32LE(Math.floor(value / 2 ** 32), at + high - low)
  },
})

const META = structure('file descriptor', 512, {
  /** Its own. */
  address: u32(0x00),
  /** That of the directory entries which name it. */
  generation: u32(0x04),
  links: u32(0x08),
  type: u32(0x0c),
  flags: u32(0x10),
  length: size64(0x14),
  blockBytes: size64(0x1c),
  /** Allocated blocks, of `blockBytes` each. */
  blocks: size64(0x24),
  /** Seconds since 1970, as the other times. */
  modifiedAt: u32(0x2c),
  changedAt: u32(0x30),
  accessedAt: u32(0x34),
  uid: u32(0x38),
  gid: u32(0x3c),
  mode: u32(0x40),
  zla: u32(0x44),
  toBeZeroedBlocks: halves(0x48, 0x54),
  copyOnWriteBlocks: halves(0x4c, 0x58),
  newBlocks: halves(0x50, 0x60),
  pointerBlocks: u32(0x5c),
  signature: u32(0x64),
  affinity: u32(0x68),
  toBeZeroedShift: u32(0x6c),
  parent: u32(0x70),
  blockShift: u8(0x89),
})
export type FileMeta = ValuesOf<typeof META.fields>

/** Where one version keeps what in a descriptor. */
export interface FileDescriptorFormat {
  readonly bytes: number
  /** Of the lock, and of each sector that is written alone. */
  readonly sectorBytes: number
  readonly metaOffset: number
  readonly dataOffset: number
  readonly maxResidentBytes: number
  readonly addressesOffset: number
  readonly maxAddresses: number
  readonly addresses: AddressFormat
  readonly signature: number
}
export const FILE_DESCRIPTOR5: FileDescriptorFormat = {
  ...{ bytes: 2048, sectorBytes: 512, metaOffset: 512, dataOffset: 1024, maxResidentBytes: 1024 },
  ...{ addressesOffset: 1024, maxAddresses: 256, addresses: ADDRESSES5, signature: 0 },
}
export const FILE_DESCRIPTOR6: FileDescriptorFormat = {
  ...{ bytes: 8192, sectorBytes: 4096, metaOffset: 4096, dataOffset: 4608, maxResidentBytes: 3584 },
  ...{ addressesOffset: 5632, maxAddresses: 320, addresses: ADDRESSES6, signature: FD_SIGNATURE },
}

export function decodeFileMeta(format: FileDescriptorFormat, image: Buffer): FileMeta {
  return META.decode(image, format.metaOffset)
}

/** Writes the fields that are given over what stands in `image`. */
export function encodeFileMeta(format: FileDescriptorFormat, meta: Partial<FileMeta>, image: Buffer): void {
  META.encode(meta, image, format.metaOffset)
}

/** @throws VmfsError 'damaged' for more than a descriptor has room for */
export function residentData(format: FileDescriptorFormat, image: Buffer, length: number): Buffer {
  if (length > format.maxResidentBytes)
    throw new VmfsError('damaged', `${length} bytes of resident data, and room for ${format.maxResidentBytes}`)
  return image.subarray(format.dataOffset, format.dataOffset + length)
}

/** Puts data into a descriptor in place of what it holds, data or addresses. */
export function setResidentData(format: FileDescriptorFormat, image: Buffer, data: Buffer): void {
  if (data.length > format.maxResidentBytes) throw new RangeError(`${data.length} bytes of resident data`)
  clearContent(format, image)
  data.copy(image, format.dataOffset)
}

/** The address in slot `index`. @throws VmfsError 'damaged' for what is none in this version */
export function fileAddress(format: FileDescriptorFormat, image: Buffer, index: number): Address {
  return format.addresses.read(image, addressAt(format, index))
}

export function setFileAddress(
  format: FileDescriptorFormat,
  image: Buffer,
  index: number,
  address: AddressParts,
): void {
  format.addresses.write(image, addressAt(format, index), address)
}

/** Zeroes data and addresses. */
export function clearContent({ bytes, dataOffset }: FileDescriptorFormat, image: Buffer): void {
  image.fill(0, dataOffset, bytes)
}

function addressAt({ addressesOffset, maxAddresses, addresses }: FileDescriptorFormat, index: number): number {
  if (!Number.isInteger(index) || index < 0 || index >= maxAddresses)
    throw new RangeError(`address ${index} of ${maxAddresses}`)
  return addressesOffset + index * addresses.bytes
}
