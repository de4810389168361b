// The logical volume: offsets in the volume become offsets on the devices that lend it their extents (vmfs-format.md,
// 1). What is read from the devices' own tables is checked against the devices before anything is found through it.

import type { BlockDevice } from '../block-device.ts'
import { VmfsError } from './errors.ts'
import {
  DEVICE_HEADER,
  DEVICE_NAME,
  LVM_DATA_OFFSET,
  LVM_HEADER_OFFSET,
  LVM_MAGIC,
  MAX_DEVICES,
  MAX_PES,
  PE_BYTES,
  VOLUME_ENTRY,
  vmfsPartition,
} from './structures/lvm.ts'
import type { ValuesOf } from './structures/structure.ts'
import { VERSIONS, type VmfsVersion } from './version.ts'

const SECTOR = 4096
const LBA_BYTES = 512

/** What one device lends to the volume. */
export interface Extent {
  readonly device: BlockDevice
  /** Where the partition with the volume starts; 0 where the volume has the device for itself. */
  readonly partitionOffset: number
  readonly header: ValuesOf<typeof DEVICE_HEADER.fields>
  readonly entry: ValuesOf<typeof VOLUME_ENTRY.fields>
}

export class LogicalVolume {
  readonly version: VmfsVersion
  /** In the order of the volume. */
  readonly extents: readonly Extent[]
  /** Bytes. */
  readonly size: number

  /** The extents are in order and leave no gap. */
  constructor(version: VmfsVersion, extents: readonly Extent[]) {
    this.version = version
    this.extents = extents
    this.size = extents.reduce((sum, { entry }) => sum + entry.pes * PE_BYTES, 0)
  }

  get uuid(): string {
    return this.extents[0]!.entry.volumeUuid
  }

  /** @throws VmfsError 'damaged' outside the volume; what the device fails with */
  async read(offset: number, length: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for (const piece of this.#pieces(offset, length)) parts.push(await piece.device.read(piece.offset, piece.length))
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  async write(offset: number, data: Buffer): Promise<void> {
    for (const { device, offset: at, from, length } of this.#pieces(offset, data.length))
      await device.write(at, data.subarray(from, from + length))
  }

  async flush(): Promise<void> {
    await Promise.all(this.extents.map(({ device }) => device.flush()))
  }

  async close(): Promise<void> {
    await Promise.all(this.extents.map(({ device }) => device.close()))
  }

  /** The device on which a byte of the volume lies, and where. */
  place(offset: number): { readonly device: BlockDevice; readonly offset: number } {
    return this.#pieces(offset, 1)[0]!
  }

  /** The parts of a range that lie on one device each. */
  #pieces(offset: number, length: number) {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size))
      throw new VmfsError('damaged', `${length} bytes at ${offset} of a volume of ${this.size}`, offset)
    const pieces: { device: BlockDevice; offset: number; from: number; length: number }[] = []
    let start = 0
    for (const { device, partitionOffset, entry } of this.extents) {
      const end = start + entry.pes * PE_BYTES
      const from = Math.max(offset, start)
      const to = Math.min(offset + length, end)
      const at = partitionOffset + LVM_DATA_OFFSET + from - start
      if (from < to) pieces.push({ device, offset: at, from: from - offset, length: to - from })
      start = end
    }
    return pieces
  }
}

/**
 * The volume that these devices hold, given in any order.
 * @throws VmfsError 'not a volume', 'unsupported', 'damaged'; what the devices fail with
 */
export async function openLogicalVolume(devices: readonly BlockDevice[]): Promise<LogicalVolume> {
  if (devices.length > MAX_DEVICES)
    throw new VmfsError('unsupported', `a volume has at most ${MAX_DEVICES} devices, not ${devices.length}`)
  const extents = await Promise.all(devices.map(openExtent))
  extents.sort((a, b) => a.entry.firstPe - b.entry.firstPe)
  const first = extents[0]
  if (!first) throw new VmfsError('not a volume', 'a volume needs at least one device')
  for (const extent of extents) requireSameVolume(first, extent)
  await requireComplete(extents)
  return new LogicalVolume(versionOf(first), extents)
}

async function openExtent(device: BlockDevice): Promise<Extent> {
  const partitionOffset = await findVolume(device)
  const at = partitionOffset + LVM_HEADER_OFFSET
  const header = DEVICE_HEADER.decode(await device.read(at, SECTOR))
  const row = VERSIONS.find(({ lvmMajor }) => lvmMajor === header.majorVersion)
  if (!row) throw new VmfsError('unsupported', `${device.name}: LVM ${header.majorVersion}, and only 5 and 6 are known`)
  requireSectors(device, row)
  const entryOffset = partitionOffset + row.lvmTables.volumeEntry
  const sector = entryOffset - (entryOffset % SECTOR)
  const entry = VOLUME_ENTRY.decode(await device.read(sector, SECTOR), entryOffset - sector)
  const damaged = (what: string) => new VmfsError('damaged', `${device.name}: ${what}`)
  if (header.dataOffset !== LVM_DATA_OFFSET)
    throw new VmfsError('unsupported', `${device.name}: the volume's data starts at byte ${header.dataOffset}`)
  if (entry.pes < 1 || entry.lastPe - entry.firstPe + 1 !== entry.pes || entry.lastPe >= MAX_PES)
    throw damaged(`the volume has ${entry.pes} extents here, from ${entry.firstPe} to ${entry.lastPe}`)
  if (entry.volumeBytes % PE_BYTES !== 0) throw damaged(`a volume of ${entry.volumeBytes} bytes, not of whole extents`)
  const bytes = partitionOffset + LVM_DATA_OFFSET + entry.pes * PE_BYTES
  if (bytes > device.size) throw damaged(`the volume ends at byte ${bytes} of ${device.size}: the device was cut short`)
  return { device, partitionOffset, header, entry }
}

/**
 * Where the partition of the volume starts on the device: 0, or where an MBR says (1.4).
 * @throws VmfsError 'not a volume'
 */
async function findVolume(device: BlockDevice): Promise<number> {
  if (await hasVolumeAt(device, 0)) return 0
  const lba = device.size >= SECTOR ? vmfsPartition(await device.read(0, SECTOR)) : undefined
  const partitionOffset = (lba ?? 0) * LBA_BYTES
  if (partitionOffset > 0 && (await hasVolumeAt(device, partitionOffset))) return partitionOffset
  throw new VmfsError('not a volume', `${device.name} holds no VMFS volume: make one with "lunette vmfs format"`)
}

/** Whether a volume's header stands behind this place. */
export async function hasVolumeAt(device: BlockDevice, partitionOffset: number): Promise<boolean> {
  const at = partitionOffset + LVM_HEADER_OFFSET
  if (at + SECTOR > device.size || at % device.blockBytes !== 0) return false
  const sector = await device.read(at, SECTOR)
  return DEVICE_HEADER.fields.magic.read(sector, 0) === LVM_MAGIC
}

/** @throws VmfsError 'unsupported' for a device that cannot write what a lock takes alone */
export function requireSectors(device: BlockDevice, { version, sectorBytes }: VmfsVersion): void {
  if (device.blockBytes > sectorBytes)
    throw new VmfsError(
      'unsupported',
      `${device.name} has blocks of ${device.blockBytes} bytes, and VMFS${version} locks ${sectorBytes}: use VMFS6 on it`,
    )
}

function versionOf({ header }: Extent): VmfsVersion {
  return VERSIONS.find(({ lvmMajor }) => lvmMajor === header.majorVersion)!
}

function requireSameVolume(first: Extent, other: Extent): void {
  const same =
    other.header.majorVersion === first.header.majorVersion &&
    other.entry.volumeUuid === first.entry.volumeUuid &&
    other.entry.volumeBytes === first.entry.volumeBytes &&
    other.entry.devices === first.entry.devices
  if (!same)
    throw new VmfsError(
      'not a volume',
      `${first.device.name} and ${other.device.name} hold different volumes: ` +
        `${first.entry.volumeUuid} and ${other.entry.volumeUuid}`,
    )
}

async function requireComplete(extents: readonly Extent[]): Promise<void> {
  const { entry } = extents[0]!
  const total = entry.volumeBytes / PE_BYTES
  let next = 0
  for (const extent of extents) {
    const { firstPe, lastPe } = extent.entry
    if (firstPe < next)
      throw new VmfsError('damaged', `${extent.device.name} holds a part of the volume that another device holds too`)
    if (firstPe > next) throw await missing(extents, next, firstPe - 1)
    next = lastPe + 1
  }
  if (next < total) throw await missing(extents, next, total - 1)
  if (next > total)
    throw new VmfsError('damaged', `a volume of ${entry.volumeBytes} bytes on ${next} extents of 256 MiB`)
}

async function missing(extents: readonly Extent[], first: number, last: number): Promise<VmfsError> {
  const { entry } = extents[0]!
  const names = (await deviceNames(extents[0]!)).map((name) => name.replaceAll(/\p{Cc}/gu, '?'))
  const known = names.length > 0 ? ` (${names.join(', ')})` : ''
  return new VmfsError(
    'not a volume',
    `the volume spans ${entry.devices} devices${known}, of which ${extents.length} were given: ` +
      `its extents ${first} to ${last} are on none of them; name all devices`,
  )
}

/** The names of the volume's devices as the one with its first extent keeps them. */
async function deviceNames({ device, partitionOffset, entry, header }: Extent): Promise<string[]> {
  if (entry.firstPe !== 0) return []
  const row = versionOf({ device, partitionOffset, entry, header })
  const start = partitionOffset + row.lvmTables.deviceNames
  const sector = start - (start % SECTOR)
  const table = await device.read(sector, 3 * SECTOR)
  return Array.from(
    { length: Math.min(entry.devices, MAX_DEVICES) },
    (_, index) => DEVICE_NAME.decode(table, start - sector + index * DEVICE_NAME.size).name,
  ).filter((name) => name !== '')
}
