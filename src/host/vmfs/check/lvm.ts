// The LVM layer against the devices (vmfs-format.md, 1): the header, the volume's entry, the table and the bitmap of extents of
// each device. What the volume could not be opened without has been checked before.

import type { Extent, LogicalVolume } from '../logical-volume.ts'
import { LVM_DATA_OFFSET, PE_BYTES, PE_ENTRY } from '../structures/lvm.ts'
import type { CheckContext } from './findings.ts'
import type { FindingName } from './report.ts'

const SECTOR = 4096
const MIB = 1024 * 1024
const NORMAL = 1
const bytes = (count: number) => `${count} bytes`

/** LVM tables are no part of the volume: what is wrong there is said, and not mended. */
export async function checkLvm({ volume, findings }: CheckContext): Promise<void> {
  for (const extent of volume.logical.extents) {
    const { name } = extent.device
    const add = (finding: FindingName, message: string) =>
      findings.add({ name: finding, message: `${name}: ${message}` })
    for (const message of headerProblems(extent)) add('device header', message)
    for (const message of entryProblems(volume.logical, extent)) add('volume entry', message)
    const tables = await readTables(volume.logical, extent)
    for (const message of tableProblems(extent, tables.entries)) add('extent table', message)
    for (const message of bitmapProblems(extent, tables.bitmap)) add('extent bitmap', message)
  }
}

function* headerProblems({ device, partitionOffset, header, entry }: Extent): Generator<string> {
  const partitionBytes = device.size - partitionOffset
  if (header.totalBytes > partitionBytes - MIB)
    yield `the header says ${bytes(header.totalBytes)}, more than the ${bytes(partitionBytes - MIB)} that there are`
  if (header.volumes !== 1) yield `the header says ${header.volumes} volumes, and there is one`
  if (header.pes !== 0 && header.pes < entry.pes)
    yield `the header says ${header.pes} extents, and the volume has ${entry.pes} of them`
}

function* entryProblems({ extents, size }: LogicalVolume, { entry }: Extent): Generator<string> {
  if (entry.state !== NORMAL) yield `the volume's state is ${entry.state} instead of ${NORMAL}`
  if (entry.devices !== extents.length) yield `the volume has ${entry.devices} devices, and it is on ${extents.length}`
  if (entry.volumeBytes !== size) yield `the volume has ${bytes(entry.volumeBytes)}, and its extents ${bytes(size)}`
}

async function readTables({ version }: LogicalVolume, { device, partitionOffset, header }: Extent) {
  const { peBitmap, peBitmapBytes, peEntries } = version.lvmTables
  const read = async (at: number, length: number) => {
    const offset = partitionOffset + at
    const start = offset - (offset % SECTOR)
    const data = await device.read(start, Math.ceil((offset + length - start) / SECTOR) * SECTOR)
    return data.subarray(offset - start, offset - start + length)
  }
  const room = Math.floor((LVM_DATA_OFFSET - peEntries) / PE_ENTRY.size)
  return {
    bitmap: await read(peBitmap, peBitmapBytes),
    entries: await read(peEntries, Math.min(header.peEntries, room) * PE_ENTRY.size),
  }
}

/** The entries in use describe the volume's part on this device, in order and without a gap. */
function* tableProblems({ entry }: Extent, table: Buffer): Generator<string> {
  let covered = 0
  for (let at = 0; at < table.length; at += PE_ENTRY.size) {
    const { used, deviceOffset, volumeOffset, length } = PE_ENTRY.decode(table, at)
    if (used === 0) continue
    const wanted = { device: LVM_DATA_OFFSET + covered, volume: entry.firstPe * PE_BYTES + covered }
    if (deviceOffset !== wanted.device || volumeOffset !== wanted.volume || length % PE_BYTES !== 0 || length === 0)
      yield `entry ${at / PE_ENTRY.size} of the extent table says ${length} bytes at ${deviceOffset} for ${volumeOffset} ` +
        `of the volume, where ${wanted.device} and ${wanted.volume} come next`
    covered += length
  }
  if (covered !== entry.pes * PE_BYTES)
    yield `the extent table covers ${bytes(covered)} of the ${bytes(entry.pes * PE_BYTES)} that the volume has here`
}

function* bitmapProblems({ entry }: Extent, bitmap: Buffer): Generator<string> {
  for (let pe = 0; pe < Math.min(entry.pes, bitmap.length * 8); pe++)
    if ((((bitmap[pe >> 3] ?? 0) >> (pe & 7)) & 1) === 0)
      yield `extent ${pe} belongs to the volume, and the bitmap of extents says that it is free`
}
