// What a new volume gets: how many of each resource, and which file blocks its system files take (vmfs-format.md, 3, 6 and 15).
// Every system file has its blocks directly in its descriptor, which bounds the counts.

import { VmfsError } from './errors.ts'
import { SYSTEM_FD } from './structures/address.ts'
import { FILE_TYPE, MODE_DIRECTORY } from './structures/file-descriptor.ts'
import { HEARTBEAT_OFFSET } from './structures/heartbeat.ts'
import { ResourceGeometry } from './structures/resource-file.ts'
import {
  FILE_BLOCK_BYTES,
  type FileBlockPlaces,
  type ResourceFileFormat,
  type ResourceFileKind,
  type VmfsVersion,
} from './version.ts'

/** A file that every volume has, the root directory among them. */
export interface SystemFile {
  readonly name: string
  readonly address: number
  readonly type: number
  readonly mode: number
  readonly links: number
  readonly length: number
  /** The file blocks that it takes, in order. */
  readonly blocks: readonly number[]
}

/** A resource file and what of it is in use from the start: its first resources. */
export interface PlannedResources {
  readonly format: ResourceFileFormat
  readonly geometry: ResourceGeometry
  readonly file: SystemFile
  readonly taken: number
}

export interface FormatPlan {
  readonly version: VmfsVersion
  readonly fileBlocks: number
  /** File blocks below this one are in use. */
  readonly usedBlocks: number
  readonly places: FileBlockPlaces
  readonly fbb: SystemFile
  readonly root: SystemFile
  readonly sdd: SystemFile
  readonly resources: readonly PlannedResources[]
  /** In the order of their descriptors: the root first. */
  readonly files: readonly SystemFile[]
  /** Where the hosts' journals start in the volume: as many hosts can write at once. */
  readonly journalOffsets: readonly number[]
}

/** A count that grows with the volume, within bounds. */
const between = (least: number, wanted: number, most: number) => Math.min(Math.max(least, wanted), most)

/**
 * Resources by the volume's size: enough for 10,000 small files on 2 GiB, about a tenth of a small volume. The most is what the
 * direct addresses of a system file reach, and what the bits of an address allow tools to read (6.4, 6.5 and 7).
 */
const COUNTS: Record<5 | 6, (fileBlocks: number) => Record<ResourceFileKind, number>> = {
  5: (fileBlocks) => ({
    fdc: between(Math.min(16 * fileBlocks, 16_384), fileBlocks, 129_024),
    sbc: between(Math.min(16 * fileBlocks, 16_384), fileBlocks, 30_720),
    pbc: Math.max(64, Math.ceil(fileBlocks / 512)),
    pb2: 1,
    jbc: between(8, Math.floor(fileBlocks / 64), 64),
  }),
  6: (fileBlocks) => ({
    fdc: Math.min(16 * fileBlocks, 16_384 + Math.floor(fileBlocks / 8192) * 256, 32_768),
    sbc: Math.min(2 * fileBlocks, 4864),
    pbc: 0,
    pb2: 1,
    jbc: between(8, Math.floor(fileBlocks / 64), 64),
  }),
}

/** Where a byte of a system file stands in the volume. */
export function volumeOffset({ blocks }: SystemFile, offset: number): number {
  return blocks[Math.floor(offset / FILE_BLOCK_BYTES)]! * FILE_BLOCK_BYTES + (offset % FILE_BLOCK_BYTES)
}

const PRIVATE_FILE = 0o400
const ROOT_MODE = 0o1755
const SDD_MODE = MODE_DIRECTORY | 0o700

/** Hands out file blocks from the start of the volume. */
class Blocks {
  #next = 0
  get used(): number {
    return this.#next
  }
  take(bytes: number): number[] {
    const count = Math.ceil(bytes / FILE_BLOCK_BYTES)
    this.#next += count
    return Array.from({ length: count }, (_, index) => this.#next - count + index)
  }
}

/** `directoryBytes` are the lengths of the two directories as they will be written. */
export function planFormat(
  version: VmfsVersion,
  fileBlocks: number,
  directoryBytes: { root: number; sdd: number },
): FormatPlan {
  const counts = COUNTS[version.version](fileBlocks)
  const places = version.layoutFileBlocks(fileBlocks)
  const blocks = new Blocks()
  const geometry = (format: ResourceFileFormat, resources: number) =>
    new ResourceGeometry({ ...format.layout, resources })
  const system = (name: string, address: number, length: number, taken: number[]): SystemFile => ({
    ...{ name, address, length, blocks: taken },
    ...{ type: FILE_TYPE.system, mode: PRIVATE_FILE, links: 1 },
  })
  const heartbeatsEnd = HEARTBEAT_OFFSET + version.heartbeats.slots * version.heartbeats.slotBytes
  const vh = system('.vh.sf', SYSTEM_FD.vh, heartbeatsEnd, blocks.take(heartbeatsEnd))

  // The descriptors' file starts where nothing has to lead to it; the rest of it comes behind the root and the bitmap.
  const fdcFormat = requireFormat(version, 'fdc')
  const fdc = geometry(fdcFormat, counts.fdc)
  const fdcLength = Math.ceil(fdc.fileLength / FILE_BLOCK_BYTES) * FILE_BLOCK_BYTES
  const fdcStart = blocks.take(FILE_BLOCK_BYTES)
  const root: SystemFile = {
    ...{ name: '', address: SYSTEM_FD.root, length: directoryBytes.root, blocks: blocks.take(directoryBytes.root) },
    ...{ type: FILE_TYPE.directory, mode: ROOT_MODE, links: 3 },
  }
  const fbb = system(version.fbb.name, version.fbb.address, places.fileLength, blocks.take(places.fileLength))
  const fdcRest = blocks.take(fdcLength - FILE_BLOCK_BYTES)
  const fdcFile = system(fdcFormat.name, fdcFormat.address, fdcLength, [...fdcStart, ...fdcRest])

  const resources: PlannedResources[] = []
  for (const kind of ['pbc', 'sbc', 'pb2'] as const) {
    const format = requireFormat(version, kind)
    const places = geometry(format, counts[kind])
    const file = system(format.name, format.address, places.fileLength, blocks.take(places.fileLength))
    resources.push({ format, geometry: places, file, taken: 0 })
  }
  const sdd: SystemFile = {
    ...system('.sdd.sf', SYSTEM_FD.sdd, directoryBytes.sdd, blocks.take(directoryBytes.sdd)),
    ...{ mode: SDD_MODE, links: 2 },
  }
  const jbcFormat = version.resourceFiles.jbc
  const jbc = jbcFormat && geometry(jbcFormat, counts.jbc)
  const journalLength = jbc?.fileLength ?? counts.jbc * version.journals.bytes
  const { name, address } = version.journals
  const journal = system(name, address, journalLength, blocks.take(journalLength))
  if (jbcFormat && jbc) resources.push({ format: jbcFormat, geometry: jbc, file: journal, taken: 0 })

  const files = [root, fbb, fdcFile, ...resources.map(({ file }) => file), vh, sdd, journal]
  const ordered = [...new Set(files)].sort((a, b) => a.address - b.address)
  resources.push({ format: fdcFormat, geometry: fdc, file: fdcFile, taken: ordered.length })
  if (blocks.used >= fileBlocks)
    throw new VmfsError('no space', `system files take ${blocks.used} MiB of a volume of ${fileBlocks} MiB`)
  return {
    ...{ version, fileBlocks, usedBlocks: blocks.used, places, fbb, root, sdd },
    ...{ resources, files: ordered },
    journalOffsets: Array.from({ length: counts.jbc }, (_, index) => {
      const place = jbc?.locate(index)
      const offset = jbc && place ? jbc.resourceOffset(place.cluster, place.resource) : index * version.journals.bytes
      return volumeOffset(journal, offset)
    }),
  }
}

function requireFormat({ resourceFiles, version }: VmfsVersion, kind: ResourceFileKind): ResourceFileFormat {
  const format = resourceFiles[kind]
  if (!format) throw new RangeError(`VMFS${version} has no ${kind}`)
  return format
}
