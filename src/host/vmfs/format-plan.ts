// What a new volume gets: how many of each resource, and which file blocks its system files take (vmfs-format.md, 3, 6
// and 15). Every system file has its blocks directly in its descriptor, which bounds the counts.

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
  readonly fdc: PlannedResources
  /** Of every resource file but .fbb.sf. */
  readonly resources: readonly PlannedResources[]
  /** In the order of their descriptors: the root first. */
  readonly files: readonly SystemFile[]
  /** Where the hosts' journals start in the volume: as many hosts can write at once. */
  readonly journalOffsets: readonly number[]
}

/** A count that grows with the volume, within bounds. */
const between = (least: number, wanted: number, most: number) => Math.min(Math.max(least, wanted), most)

/** As many hosts can write at once: 64 are the most that ESXi lets have a volume. */
const journalCount = (fileBlocks: number) => between(8, Math.floor(fileBlocks / 32), 64)

/**
 * Resources by the volume's size: enough for 10,000 small files on 2 GiB, about a tenth of a small volume. The most is
 * what the direct addresses of a system file reach, and what the bits of an address allow tools to read (6.4, 6.5, 7).
 */
const COUNTS: Record<5 | 6, (fileBlocks: number) => Record<ResourceFileKind, number>> = {
  5: (fileBlocks) => ({
    fdc: between(Math.min(16 * fileBlocks, 16_384), fileBlocks, 129_024),
    sbc: between(Math.min(16 * fileBlocks, 16_384), fileBlocks, 30_720),
    pbc: Math.max(64, Math.ceil(fileBlocks / 512)),
    pb2: 1,
    jbc: journalCount(fileBlocks),
  }),
  6: (fileBlocks) => ({
    fdc: Math.min(16 * fileBlocks, 16_384 + Math.floor(fileBlocks / 8192) * 256, 32_768),
    sbc: Math.min(2 * fileBlocks, 4864),
    pbc: 0,
    pb2: 1,
    jbc: journalCount(fileBlocks),
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
class Planner {
  #next = 0

  get used(): number {
    return this.#next
  }

  take(bytes: number): number[] {
    const count = Math.ceil(bytes / FILE_BLOCK_BYTES)
    this.#next += count
    return Array.from({ length: count }, (_, index) => this.#next - count + index)
  }

  file(name: string, address: number, length: number, blocks = this.take(length)): SystemFile {
    return { name, address, length, blocks, type: FILE_TYPE.system, mode: PRIVATE_FILE, links: 1 }
  }

  resources(format: ResourceFileFormat, count: number): PlannedResources {
    const geometry = new ResourceGeometry({ ...format.layout, resources: count })
    return { format, geometry, file: this.file(format.name, format.address, geometry.fileLength), taken: 0 }
  }
}

/** `directoryBytes` are the lengths of the two directories as they will be written. */
export function planFormat(
  version: VmfsVersion,
  fileBlocks: number,
  directoryBytes: { root: number; sdd: number },
): FormatPlan {
  const counts = COUNTS[version.version](fileBlocks)
  const { fbb: fbbFormat, resourceFiles, heartbeats } = version
  const planner = new Planner()
  const vh = planner.file('.vh.sf', SYSTEM_FD.vh, HEARTBEAT_OFFSET + heartbeats.slots * heartbeats.slotBytes)

  // The descriptors' file starts where nothing has to lead to it; the rest of it comes behind the root and the bitmap.
  const fdc = new ResourceGeometry({ ...resourceFiles.fdc.layout, resources: counts.fdc })
  const fdcLength = Math.ceil(fdc.fileLength / FILE_BLOCK_BYTES) * FILE_BLOCK_BYTES
  const fdcStart = planner.take(FILE_BLOCK_BYTES)
  const root: SystemFile = {
    ...planner.file('', SYSTEM_FD.root, directoryBytes.root),
    ...{ type: FILE_TYPE.directory, mode: ROOT_MODE, links: 3 },
  }
  const places = version.layoutFileBlocks(fileBlocks)
  const fbb = planner.file(fbbFormat.name, fbbFormat.address, places.fileLength)
  const fdcBlocks = [...fdcStart, ...planner.take(fdcLength - FILE_BLOCK_BYTES)]
  const { name, address } = resourceFiles.fdc
  const fdcFile = planner.file(name, address, fdcLength, fdcBlocks)

  const others = (['pbc', 'sbc', 'pb2'] as const).map((kind) => planner.resources(resourceFiles[kind], counts[kind]))
  const sdd: SystemFile = {
    ...planner.file('.sdd.sf', SYSTEM_FD.sdd, directoryBytes.sdd),
    ...{ mode: SDD_MODE, links: 2 },
  }
  const { file: journalFile, offsets: journalOffsets, resources: journals } = planJournals(planner, version, counts.jbc)
  const files = [root, fbb, fdcFile, ...others.map(({ file }) => file), vh, sdd, journalFile]
  if (planner.used >= fileBlocks)
    throw new VmfsError('no space', `system files take ${planner.used} MiB of a volume of ${fileBlocks} MiB`)
  const fdcResources = { format: resourceFiles.fdc, geometry: fdc, file: fdcFile, taken: files.length }
  return {
    ...{ version, fileBlocks, usedBlocks: planner.used, places, fbb, root, sdd, journalOffsets },
    ...{ fdc: fdcResources, resources: [...others, ...journals, fdcResources] },
    files: files.sort((a, b) => a.address - b.address),
  }
}

interface PlannedJournals {
  readonly file: SystemFile
  readonly offsets: number[]
  readonly resources: PlannedResources[]
}

/** Journals are resources of a file of their own, or stand one behind the other in one that only we know. */
function planJournals(planner: Planner, { resourceFiles, journals }: VmfsVersion, count: number): PlannedJournals {
  const numbers = Array.from({ length: count }, (_, index) => index)
  if (!resourceFiles.jbc) {
    const file = planner.file(journals.name, journals.address, count * journals.bytes)
    return { file, resources: [], offsets: numbers.map((index) => volumeOffset(file, index * journals.bytes)) }
  }
  const planned = planner.resources(resourceFiles.jbc, count)
  const { file, geometry } = planned
  const offsets = numbers.map((index) => {
    const { cluster, resource } = geometry.locate(index)
    return volumeOffset(file, geometry.resourceOffset(cluster, resource))
  })
  return { file, resources: [planned], offsets }
}
