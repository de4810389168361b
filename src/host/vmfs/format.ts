// Makes a VMFS volume on one or several devices (vmfs-format.md, 15). What names the volume is written last: a format
// that is cut leaves no volume, and neither the one that stood there before.

import { randomBytes } from 'node:crypto'
import type { BlockDevice } from '../block-device.ts'
import { VmfsError } from './errors.ts'
import { type DeviceImage, lvmHeader, lvmTables, type NewVolume, planExtents } from './format-lvm.ts'
import { type FormatPlan, planFormat, volumeOffset as systemFileOffset } from './format-plan.ts'
import { formatRegions } from './format-regions.ts'
import { whatIsOn } from './format-signatures.ts'
import { type FormatProgress, FormatWriter } from './format-writer.ts'
import { type LockMode, withLockMode } from './lock-mode.ts'
import { whyNoAts } from './locking/why-no-ats.ts'
import { LogicalVolume } from './logical-volume.ts'
import { decodeFdAddress, SYSTEM_FD } from './structures/address.ts'
import { DirectoryImage } from './structures/directory.ts'
import { FILE_TYPE } from './structures/file-descriptor.ts'
import { FS_DESCRIPTOR, FS_DESCRIPTOR_OFFSET, FS_MAGIC, LABEL_BYTES } from './structures/fs-descriptor.ts'
import { FIRST_GROUP_OFFSET } from './structures/resource-file.ts'
import { makeUuid } from './structures/uuid.ts'
import { FILE_BLOCK_BYTES, VERSIONS, type VmfsVersion } from './version.ts'

export interface FormatOptions {
  readonly version: 5 | 6
  readonly label: string
  /** Formats a device that holds something; all of that is lost. */
  readonly force?: boolean
  /** Of the host that formats; a new one by default. */
  readonly hostUuid?: string
  /** Milliseconds since 1970. */
  readonly now?: number
  /** As many random bytes, for the UUIDs. */
  readonly random?: (bytes: number) => Buffer
  /** Called after each piece with the bytes that are done and all of them. */
  readonly onProgress?: (progress: FormatProgress) => void
}

export interface FormattedVolume {
  readonly label: string
  readonly version: 5 | 6
  readonly uuid: string
  /** Of the volume, as `LogicalVolume.uuid`. */
  readonly volumeUuid: string
  /** Bytes of all its extents. */
  readonly size: number
  readonly fileBlocks: number
  readonly freeFileBlocks: number
  /** ATS-only where an array that knows ATS is behind every device. */
  readonly lockMode: LockMode
}

/** Bits of the descriptor's `config` as real volumes have them; bit 2 says 32 sub-blocks per cluster. */
const DENSE_SUB_BLOCKS = 6

/**
 * Makes a volume of the devices, in this order.
 * @throws VmfsError 'exists' for a device that holds something, without `force`; 'no space' and 'too large' for its
 *   size; 'bad name' for the label; 'unsupported' for its blocks; what the devices fail with
 */
export async function formatVolume(devices: readonly BlockDevice[], options: FormatOptions): Promise<FormattedVolume> {
  const { label } = options
  requireLabel(label)
  const version = VERSIONS.find((row) => row.version === options.version)
  if (!version) throw new VmfsError('unsupported', `VMFS${options.version}: only VMFS5 and VMFS6 can be made`)
  const random = options.random ?? randomBytes
  const now = options.now ?? Date.now()
  const seconds = Math.floor(now / 1000)
  const newUuid = () => makeUuid(seconds, random(12))
  const volumeUuid = newUuid()
  const extents = planExtents(devices, { version, volumeUuid, nowUs: BigInt(now) * 1000n, newUuid } satisfies NewVolume)
  if (!options.force) await requireEmpty(devices)

  const volume = new LogicalVolume(version, extents)
  const directories = await systemDirectories(version)
  const plan = planFormat(version, volume.size / FILE_BLOCK_BYTES, {
    root: directories.root.length,
    sdd: directories.sdd.length,
  })
  const regions = formatRegions(plan, directories, seconds)
  const uuid = newUuid()
  const lockMode = (await whyNoAts(devices)) === undefined ? 'ATS-only' : 'ATS+SCSI'
  const descriptor = fsDescriptor(plan, {
    ...{ label, uuid, volumeUuid, seconds, lockMode },
    formattedBy: options.hostUuid ?? newUuid(),
  })
  const writer = new FormatWriter(devices, volume, regions, options.onProgress)

  await writer.clearDevices()
  await writeAll(extents.map((extent) => lvmTables(version, extent, devices)))
  await writer.writeRegions()
  await volume.write(FS_DESCRIPTOR_OFFSET, descriptor)
  await volume.flush()
  await writeAll(extents.flatMap((extent) => lvmHeader(version, extent)))
  await volume.flush()
  const { fileBlocks, usedBlocks } = plan
  const freeFileBlocks = fileBlocks - usedBlocks
  return { label, version: version.version, uuid, volumeUuid, size: volume.size, fileBlocks, freeFileBlocks, lockMode }
}

function requireLabel(label: string): void {
  const bad = (why: string) => new VmfsError('bad name', `${JSON.stringify(label)} is no label of a volume: ${why}`)
  if (label === '') throw bad('it is empty')
  if (Buffer.byteLength(label) >= LABEL_BYTES) throw bad(`it is longer than ${LABEL_BYTES - 1} bytes`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[/\u0000-\u001f\u007f]/.test(label)) throw bad('it has a "/" or a control character')
}

async function requireEmpty(devices: readonly BlockDevice[]): Promise<void> {
  for (const device of devices) {
    const found = await whatIsOn(device)
    if (found)
      throw new VmfsError(
        'exists',
        `${device.name} holds ${found}: formatting would destroy it; --force does it anyway`,
      )
  }
}

/** The root, with an entry for each system file, and .sdd.sf, which is empty. */
async function systemDirectories(version: VmfsVersion): Promise<{ root: Buffer; sdd: Buffer }> {
  const generation = 1
  const root = { type: FILE_TYPE.directory, address: SYSTEM_FD.root, generation }
  const sdd = { type: FILE_TYPE.system, address: SYSTEM_FD.sdd, generation }
  const image = new DirectoryImage(version.directories.create(root, root), true)
  for (const [name, address] of systemFiles(version))
    await version.directories.insert(image, { name, type: FILE_TYPE.system, address, generation })
  return { root: image.image, sdd: version.directories.create(sdd, root) }
}

function systemFiles({ fbb, resourceFiles, journals }: VmfsVersion): [name: string, address: number][] {
  const resources = Object.values(resourceFiles).map(({ name, address }): [string, number] => [name, address])
  const others: [string, number][] = [
    [fbb.name, fbb.address],
    ['.vh.sf', SYSTEM_FD.vh],
    ['.sdd.sf', SYSTEM_FD.sdd],
    [journals.name, journals.address],
  ]
  return [...new Map([...resources, ...others])].sort(([, a], [, b]) => a - b)
}

interface Identity {
  readonly label: string
  readonly uuid: string
  readonly volumeUuid: string
  readonly formattedBy: string
  readonly seconds: number
  readonly lockMode: LockMode
}

function fsDescriptor({ version, fdc }: FormatPlan, { seconds, lockMode, ...identity }: Identity): Buffer {
  const place = (address: number) => {
    const { cluster, resource } = decodeFdAddress(address)
    return systemFileOffset(fdc.file, fdc.geometry.resourceOffset(cluster, resource))
  }
  const sector = Buffer.alloc(Math.max(FS_DESCRIPTOR.size, version.sectorBytes))
  return FS_DESCRIPTOR.encode(
    {
      ...{ magic: FS_MAGIC, majorVersion: version.major, minorVersion: version.minor, ...identity },
      config: withLockMode(DENSE_SUB_BLOCKS, { mode: lockMode, isPending: false }),
      ...{ diskBlockBytes: 512, fileBlockBytes: FILE_BLOCK_BYTES, createdAt: seconds },
      ...{ snapshotId: 1, volumeSnapshotId: 1, generation: 1n, subBlockBytes: version.subBlockBytes },
      ...{ fdcGroupOffset: FIRST_GROUP_OFFSET, fdcClustersPerGroup: fdc.geometry.clustersPerGroup },
      ...{ pb2Offset: place(SYSTEM_FD.pb2), pb2Address: SYSTEM_FD.pb2 },
      ...{ sddOffset: place(SYSTEM_FD.sdd), sddAddress: SYSTEM_FD.sdd },
      ...version.descriptor,
    },
    sector,
  )
}

async function writeAll(images: readonly DeviceImage[]): Promise<void> {
  for (const { device, offset, data } of images) await device.write(offset, data)
}
