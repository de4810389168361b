// The LVM layer of one device (notes, 1): its header, the volume on it, the physical extents (PEs) of 256 MiB that it
// lends to the volume, and the names of all devices. LVM5 (under VMFS5) and LVM6 share the structures and differ in
// where the tables stand.

import { bytes, size64, structure, text, u8, u16, u32, u64 } from './structure.ts'
import { uuid } from './uuid.ts'

export const LVM_MAGIC = 0xc001d00d
/** Of the device header, from the start of the device or of the partition that holds the volume. */
export const LVM_HEADER_OFFSET = 0x100000
export const PE_BYTES = 256 * 1024 * 1024
/** Where a device's first PE starts; what stands before it is LVM's own. */
export const LVM_DATA_OFFSET = 0x1100000
/** Entries of the one PE table that is described: 2 TiB. */
export const MAX_PES = 8192
export const MAX_DEVICES = 32
export const DEVICE_NAME_BYTES = 256

export const DEVICE_HEADER = structure('LVM device header', 512, {
  magic: u32(0x00),
  majorVersion: u32(0x04),
  minorVersion: u32(0x08),
  diskIdType: u8(0x0c),
  diskIdLength: u8(0x0d),
  lun: u16(0x0e),
  deviceType: u8(0x10),
  scsiLevel: u8(0x11),
  vendor: text(8)(0x12),
  model: text(16)(0x1a),
  revision: text(4)(0x2a),
  diskName: text(44)(0x2e),
  diskBlockBytes: u32(0x5a),
  totalBytes: size64(0x5e),
  volumes: u32(0x66),
  peEntries: u32(0x6a),
  lastPeEntry: u32(0x6e),
  generation: u64(0x72),
  dataOffset: size64(0x7a),
  deviceUuid: uuid(0x82),
  createdUs: u64(0x92),
  modifiedUs: u64(0x9a),
  lockedBy: uuid(0xa2),
  lockedAtUs: u64(0xb2),
  peMaps: u32(0xbe),
  extendedMetadataOffset: size64(0xc2),
  metadataAlignment: u32(0xca),
  /** LVM6 alone: PEs of the device. */
  pes: u32(0xce),
  flags: u32(0xd2),
})

export const VOLUME_ENTRY = structure('LVM volume table entry', 512, {
  volumeBytes: size64(0x00),
  generation: u64(0x08),
  state: u32(0x10),
  name: text(64)(0x14),
  /** Equals that of the file system's descriptor. */
  volumeUuid: uuid(0x54),
  snapshotId: u32(0x64),
  createdUs: u64(0x68),
  volumeId: u32(0x70),
  /** PEs that this device lends to the volume. */
  pes: u32(0x74),
  firstPe: size64(0x78),
  lastPe: size64(0x80),
  modifiedUs: u64(0x88),
  devices: u32(0x90),
  /** 1 on LVM6, 0 on LVM5; what it says is not known. */
  unknown110: u32(0x110),
})

export const PE_ENTRY = structure('LVM PE table entry', 128, {
  used: u8(0),
  index: u32(1),
  volumeId: u32(5),
  deviceOffset: size64(9),
  volumeOffset: size64(17),
  length: size64(25),
  version: u32(33),
})

/** One of the 32 names on the device that holds the volume's first PE. */
export const DEVICE_NAME = structure('LVM device name', DEVICE_NAME_BYTES, { name: text(DEVICE_NAME_BYTES)(0) })

/** Where the tables stand on the device. */
export interface LvmTables {
  readonly volumeEntry: number
  readonly deviceNames: number
  readonly peBitmap: number
  readonly peBitmapBytes: number
  readonly peEntries: number
}
export const LVM5_TABLES: LvmTables = {
  volumeEntry: 0x100200,
  deviceNames: 0x17e200,
  peBitmap: 0x180200,
  peBitmapBytes: 1024,
  peEntries: 0x180600,
}
export const LVM6_TABLES: LvmTables = {
  volumeEntry: 0x101000,
  deviceNames: 0x17f000,
  peBitmap: 0x181000,
  peBitmapBytes: 4096,
  peEntries: 0x182000,
}

const ENTRY_BYTES = 16
const FIRST_MBR_ENTRY = 446
const VMFS_PARTITION = 0xfb

const MBR = structure('MBR', 512, {
  type: u8(FIRST_MBR_ENTRY + 4),
  firstLba: u32(FIRST_MBR_ENTRY + 8),
  signature: u16(510),
})
const MBR_ENTRIES = structure('MBR', 512, { entries: bytes(4 * ENTRY_BYTES)(FIRST_MBR_ENTRY), signature: u16(510) })
const SIGNATURE = 0xaa55

/** The first LBA (of 512 bytes) of a VMFS partition, if the sector is an MBR whose first entry is one (notes, 1.4). */
export function vmfsPartition(sector: Buffer): number | undefined {
  const { type, firstLba, signature } = MBR.decode(sector)
  return signature === SIGNATURE && type === VMFS_PARTITION ? firstLba : undefined
}

/** The types of the partitions of an MBR: none where the sector is no MBR. */
export function partitionTypes(sector: Buffer): number[] {
  const { entries, signature } = MBR_ENTRIES.decode(sector)
  if (signature !== SIGNATURE) return []
  return [0, 1, 2, 3].map((entry) => entries.readUInt8(entry * ENTRY_BYTES + 4)).filter((type) => type !== 0)
}
