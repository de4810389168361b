// The LVM tables of a new volume, for each of its devices (vmfs-format.md, 1).

import type { BlockDevice } from '../block-device.ts'
import { VmfsError } from './errors.ts'
import { type Extent, requireSectors } from './logical-volume.ts'
import {
  DEVICE_HEADER,
  DEVICE_NAME,
  DEVICE_NAME_BYTES,
  LVM_DATA_OFFSET,
  LVM_HEADER_OFFSET,
  LVM_MAGIC,
  MAX_DEVICES,
  MAX_PES,
  PE_BYTES,
  PE_ENTRY,
  VOLUME_ENTRY,
} from './structures/lvm.ts'
import { MIB, type VmfsVersion } from './version.ts'

const MINOR_VERSION = 0x15
/** The SCSI disk id as real volumes have it: 10 bytes, of which only the name says anything. */
const DISK_ID_BYTES = 10
const DEVICE_GENERATION = 3n
const VOLUME_GENERATION = 2n
const NORMAL = 1
/** Tables are written from a multiple of this on; it is also the alignment of VMFS6's. */
const SECTOR = 4096

export interface NewVolume {
  readonly version: VmfsVersion
  readonly volumeUuid: string
  readonly nowUs: bigint
  newUuid(): string
}

/** A part of a device as it is to be written. */
export interface DeviceImage {
  readonly device: BlockDevice
  readonly offset: number
  readonly data: Buffer
}

/** @throws VmfsError 'no space', 'too large', 'unsupported' for devices that no volume fits */
export function planExtents(devices: readonly BlockDevice[], volume: NewVolume): Extent[] {
  if (devices.length === 0 || devices.length > MAX_DEVICES)
    throw new VmfsError('unsupported', `a volume has 1 to ${MAX_DEVICES} devices, not ${devices.length}`)
  const counts = devices.map((device) => extentsOf(device, volume.version))
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total > MAX_PES) throw tooLarge(devices.length === 1 ? devices[0]!.name : 'these devices')
  let firstPe = 0
  return devices.map((device, index) => {
    const pes = counts[index]!
    const extent = describeExtent(device, volume, { pes, firstPe, total, devices: devices.length })
    firstPe += pes
    return extent
  })
}

function extentsOf(device: BlockDevice, version: VmfsVersion): number {
  requireSectors(device, version)
  const pes = Math.floor((device.size - LVM_DATA_OFFSET) / PE_BYTES)
  if (pes < 1)
    throw new VmfsError(
      'no space',
      `${device.name} has ${Math.floor(device.size / MIB)} MiB: a volume takes at least ${minimumMib} MiB`,
    )
  if (pes > MAX_PES) throw tooLarge(device.name)
  return pes
}

const minimumMib = (LVM_DATA_OFFSET + PE_BYTES) / MIB

function tooLarge(what: string): VmfsError {
  return new VmfsError('too large', `${what}: a volume has at most 2 TiB; take a smaller device`)
}

interface Place {
  readonly pes: number
  readonly firstPe: number
  readonly total: number
  readonly devices: number
}

function describeExtent(device: BlockDevice, volume: NewVolume, { pes, firstPe, total, devices }: Place): Extent {
  const { version, volumeUuid, nowUs } = volume
  const merged = version.mergesExtents
  const peEntries = merged ? 1 : pes
  const header = DEVICE_HEADER.decode(Buffer.alloc(DEVICE_HEADER.size))
  const entry = VOLUME_ENTRY.decode(Buffer.alloc(VOLUME_ENTRY.size))
  return {
    device,
    partitionOffset: 0,
    header: {
      ...{ ...header, magic: LVM_MAGIC, majorVersion: version.lvmMajor, minorVersion: MINOR_VERSION },
      ...{ diskIdLength: DISK_ID_BYTES, diskName: 'vmhba0:4:0', diskBlockBytes: 512, totalBytes: device.size - MIB },
      ...{ volumes: 1, peEntries, lastPeEntry: peEntries - 1, generation: DEVICE_GENERATION },
      ...{ dataOffset: LVM_DATA_OFFSET, deviceUuid: volume.newUuid(), createdUs: nowUs, modifiedUs: nowUs },
      ...{ peMaps: merged ? 0 : 1, metadataAlignment: merged ? SECTOR : 0, pes: merged ? pes : 0 },
    },
    entry: {
      ...{ ...entry, volumeBytes: total * PE_BYTES, generation: VOLUME_GENERATION, state: NORMAL, name: volumeUuid },
      ...{ volumeUuid, snapshotId: 1, createdUs: nowUs, modifiedUs: nowUs, volumeId: 0 },
      ...{ pes, firstPe, lastPe: firstPe + pes - 1, devices, unknown110: merged ? 1 : 0 },
    },
  }
}

/** The tables behind the header: names, and which extents are used for what. */
export function lvmTables(version: VmfsVersion, extent: Extent, devices: readonly BlockDevice[]): DeviceImage {
  const { deviceNames, peBitmap, peBitmapBytes, peEntries } = version.lvmTables
  const { device, entry } = extent
  const start = deviceNames - (deviceNames % SECTOR)
  const length = peEntries + extent.header.peEntries * PE_ENTRY.size - start
  const data = Buffer.alloc(Math.ceil(length / SECTOR) * SECTOR)
  if (entry.firstPe === 0)
    for (const [index, { name }] of devices.entries())
      DEVICE_NAME.encode({ name: tail(name) }, data, deviceNames - start + index * DEVICE_NAME.size)
  for (let pe = 0; pe < Math.min(entry.pes, peBitmapBytes * 8); pe++) {
    const at = peBitmap - start + (pe >> 3)
    data[at] = (data[at] ?? 0) | (1 << (pe & 7))
  }
  const perEntry = entry.pes / extent.header.peEntries
  for (let index = 0; index < extent.header.peEntries; index++)
    PE_ENTRY.encode(
      {
        ...{ used: 1, index, volumeId: 0, version: 1, length: perEntry * PE_BYTES },
        deviceOffset: LVM_DATA_OFFSET + index * perEntry * PE_BYTES,
        volumeOffset: (entry.firstPe + index * perEntry) * PE_BYTES,
      },
      data,
      peEntries - start + index * PE_ENTRY.size,
    )
  return { device, offset: start, data }
}

/** What makes a device part of a volume, its first sector last: to be written in this order when all the rest is. */
export function lvmHeader({ lvmTables, sectorBytes }: VmfsVersion, { device, header, entry }: Extent): DeviceImage[] {
  const data = Buffer.alloc(2 * SECTOR)
  DEVICE_HEADER.encode(header, data)
  VOLUME_ENTRY.encode(entry, data, lvmTables.volumeEntry - LVM_HEADER_OFFSET)
  return [
    { device, offset: LVM_HEADER_OFFSET + sectorBytes, data: data.subarray(sectorBytes) },
    { device, offset: LVM_HEADER_OFFSET, data: data.subarray(0, sectorBytes) },
  ]
}

/** The end of a name that is too long for the table. */
function tail(name: string): string {
  let short = name
  while (Buffer.byteLength(short) >= DEVICE_NAME_BYTES) short = short.slice(1)
  return short
}
