// The descriptor of the file system (notes, 2), at 2 MiB of the volume: 512 bytes on VMFS5, 4096 on VMFS6, of which
// these are the known ones.

import { size64, structure, text, u8, u16, u32, u64 } from './structure.ts'
import { uuid } from './uuid.ts'

export const FS_DESCRIPTOR_OFFSET = 0x200000
export const FS_MAGIC = 0x2fabf15e
/** VMFS-L, of ESXi's own boot disk. */
export const FS_MAGIC_LOCAL = 0x2fabf15f
export const LABEL_BYTES = 128

/** Bits of `config` that are our own. */
export const LOCK_MODE_BITS = {
  /** Locks and heartbeats by ATS alone; without it, by reservation where ATS fails. */
  atsOnly: 0x1_0000,
  /** The mode is about to change. */
  pending: 0x2_0000,
} as const

export const FS_DESCRIPTOR = structure('file system descriptor', 512, {
  magic: u32(0x00),
  majorVersion: u32(0x04),
  minorVersion: u8(0x08),
  uuid: uuid(0x09),
  /** Bit 2: 32 sub-blocks per cluster; LOCK_MODE_BITS. */
  config: u32(0x19),
  label: text(LABEL_BYTES)(0x1d),
  diskBlockBytes: u32(0x9d),
  fileBlockBytes: size64(0xa1),
  createdAt: u32(0xa9),
  snapshotId: u32(0xad),
  volumeUuid: uuid(0xb1),
  volumeSnapshotId: u32(0xc1),
  fdcGroupOffset: u32(0xd1),
  fdcClustersPerGroup: u32(0xd5),
  subBlockBytes: u32(0xd9),
  journalSlotsPerTransaction: u32(0xdd),
  pb2Offset: size64(0xe1),
  pb2Address: u32(0xe9),
  formattedBy: uuid(0xed),
  generation: u64(0xfd),
  sddOffset: size64(0x105),
  sddAddress: u32(0x10d),
  unmapPriority: u16(0x112),
  physicalBlockBytes: u32(0x130),
  metadataAlignment: u32(0x134),
  largeFileBlockShift: u16(0x138),
  pointerBlockShift: u16(0x13e),
  smallFileBlockAddressBits: u16(0x140),
  toBeZeroedGranularity: u32(0x144),
  journalBlockBytes: u32(0x148),
  leaseMs: u32(0x14c),
  reclaimMs: u32(0x150),
})
