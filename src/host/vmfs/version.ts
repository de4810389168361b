// What differs between VMFS5 (14.81) and VMFS6 (24.82), one row a version (vmfs-format.md, sections 1 to 9). The rest of the code
// asks the row of the volume at hand.

import { type AddressFormat, SYSTEM_FD } from './structures/address.ts'
import { CLUSTERS5, CLUSTERS6, type ClusterFormat } from './structures/cluster.ts'
import type { DirectoryFormat } from './structures/directory.ts'
import { DIRECTORY5 } from './structures/directory-5.ts'
import { DIRECTORY6 } from './structures/directory-6.ts'
import { decodeFileBlockGeometry, FileBlockGeometry } from './structures/file-block-resources.ts'
import { FILE_DESCRIPTOR5, FILE_DESCRIPTOR6, type FileDescriptorFormat } from './structures/file-descriptor.ts'
import { LOCK_TYPE } from './structures/lock.ts'
import { LVM5_TABLES, LVM6_TABLES, type LvmTables, MAX_PES, PE_BYTES } from './structures/lvm.ts'
import {
  type ClusterPlaces,
  decodeGeometry,
  ResourceGeometry,
  type ResourceLayout,
  type ResourceLimits,
} from './structures/resource-file.ts'

export const MIB = 1024 * 1024
/** Of every version: what a volume is divided into. */
export const FILE_BLOCK_BYTES = MIB
export const MAX_FILE_BLOCKS = (MAX_PES * PE_BYTES) / FILE_BLOCK_BYTES

/** A resource file by what it holds. */
export type ResourceFileKind = 'fdc' | 'pbc' | 'sbc' | 'pb2' | 'jbc'

export interface ResourceFileFormat {
  readonly name: string
  /** Of its file descriptor. */
  readonly address: number
  /** Of its clusters' locks. */
  readonly lockType: number
  /** As this program formats it; an existing volume says so itself. */
  readonly layout: Omit<ResourceLayout, 'resources'>
  readonly limits: ResourceLimits
  /** VMFS6 alone. */
  readonly flags: number
}

/** The places of the file blocks' clusters, and how long the file with their headers is. */
export type FileBlockPlaces = ClusterPlaces & { readonly fileLength: number }

export interface VmfsVersion {
  readonly version: 5 | 6
  readonly major: number
  readonly minor: number
  readonly lvmMajor: number
  readonly lvmTables: LvmTables
  /** Of metadata: a lock, and each part of it that is written alone. */
  readonly sectorBytes: 512 | 4096
  readonly subBlockBytes: number
  readonly heartbeats: { readonly slots: number; readonly slotBytes: number }
  /** The file block with the start of .fdc.sf, which nothing on the volume leads to. */
  readonly fdcBlock: number
  readonly addresses: AddressFormat
  readonly clusters: ClusterFormat
  readonly fileDescriptors: FileDescriptorFormat
  readonly directories: DirectoryFormat
  /** Blocks that list the blocks of a large file: where they come from, and how long one is. */
  readonly pointerBlocks: { readonly file: 'pbc' | 'sbc'; readonly bytes: number }
  /** Of one host: file blocks of .jnl.sf on VMFS5, journal blocks of .jbc.sf on VMFS6. */
  readonly journalBytes: number
  readonly fbb: { readonly name: string; readonly address: number; readonly lockType: number }
  readonly resourceFiles: Readonly<Partial<Record<ResourceFileKind, ResourceFileFormat>>>
  layoutFileBlocks(fileBlocks: number): FileBlockPlaces
  /** @throws VmfsError 'damaged' */
  decodeFileBlocks(header: Buffer): FileBlockPlaces
}

type Row = readonly [name: string, address: number, lockType: number, rpc: number, cpg: number, bytes: number]
type Limits = readonly [resourcesPerCluster: number, clusters: number]

const file = (
  { headerBytes }: ClusterFormat,
  [name, address, lockType, resourcesPerCluster, clustersPerGroup, resourceBytes]: Row,
  [maxPerCluster, maxClusters]: Limits,
  flags = 0,
): ResourceFileFormat => ({
  name,
  address,
  lockType,
  layout: { resourcesPerCluster, clustersPerGroup, resourceBytes, clusterHeaderBytes: headerBytes },
  limits: { resourcesPerCluster: maxPerCluster, clusters: maxClusters },
  flags,
})

const FBB = { name: '.fbb.sf', address: SYSTEM_FD.fbb, lockType: LOCK_TYPE.fileBlocks }
const FBB5_LAYOUT = { resourcesPerCluster: 200, clustersPerGroup: 64, resourceBytes: 0, clusterHeaderBytes: 1024 }

export const VMFS5: VmfsVersion = {
  version: 5,
  major: 14,
  minor: 81,
  lvmMajor: 5,
  lvmTables: LVM5_TABLES,
  sectorBytes: 512,
  subBlockBytes: 8192,
  heartbeats: { slots: 2048, slotBytes: 512 },
  fdcBlock: 4,
  addresses: FILE_DESCRIPTOR5.addresses,
  clusters: CLUSTERS5,
  fileDescriptors: FILE_DESCRIPTOR5,
  directories: DIRECTORY5,
  pointerBlocks: { file: 'pbc', bytes: 4096 },
  journalBytes: MIB,
  fbb: FBB,
  // Limits: the bits of an address and of a bitmap, and what tools accept (6.4).
  resourceFiles: {
    fdc: file(CLUSTERS5, ['.fdc.sf', SYSTEM_FD.fdc, LOCK_TYPE.fileDescriptors, 32, 64, 2048], [512, 2 ** 16]),
    pbc: file(CLUSTERS5, ['.pbc.sf', SYSTEM_FD.pbc, LOCK_TYPE.pointerBlocks, 16, 64, 4096], [16, 2 ** 22]),
    sbc: file(CLUSTERS5, ['.sbc.sf', SYSTEM_FD.sbc, LOCK_TYPE.subBlocks, 32, 64, 8192], [64, 2 ** 22]),
    pb2: file(CLUSTERS5, ['.pb2.sf', SYSTEM_FD.pb2, LOCK_TYPE.pb2Blocks, 16, 64, 4096], [16, 2 ** 22]),
  },
  layoutFileBlocks: (resources) => new ResourceGeometry({ ...FBB5_LAYOUT, resources }),
  decodeFileBlocks: (header) =>
    decodeGeometry('.fbb.sf', header, 0, CLUSTERS5.headerBytes, 0, {
      resourcesPerCluster: CLUSTERS5.bitmapBytes * 8,
      clusters: 2 ** 22,
    }),
}

export const VMFS6: VmfsVersion = {
  version: 6,
  major: 24,
  minor: 82,
  lvmMajor: 6,
  lvmTables: LVM6_TABLES,
  sectorBytes: 4096,
  subBlockBytes: 65536,
  heartbeats: { slots: 1024, slotBytes: 4096 },
  fdcBlock: 7,
  addresses: FILE_DESCRIPTOR6.addresses,
  clusters: CLUSTERS6,
  fileDescriptors: FILE_DESCRIPTOR6,
  directories: DIRECTORY6,
  pointerBlocks: { file: 'sbc', bytes: 65536 },
  journalBytes: 2 * MIB,
  fbb: FBB,
  resourceFiles: {
    fdc: file(CLUSTERS6, ['.fdc.sf', SYSTEM_FD.fdc, LOCK_TYPE.fileDescriptors, 256, 8, 8192], [1024, 2 ** 16], 4),
    pbc: file(CLUSTERS6, ['.pbc.sf', SYSTEM_FD.pbc, LOCK_TYPE.pointerBlocks, 0, 8, 65536], [256, 2 ** 22], 4),
    sbc: file(CLUSTERS6, ['.sbc.sf', SYSTEM_FD.sbc, LOCK_TYPE.subBlocks, 256, 8, 65536], [256, 2 ** 22], 4),
    pb2: file(CLUSTERS6, ['.pb2.sf', SYSTEM_FD.pb2, LOCK_TYPE.pb2Blocks, 32, 8, 65536], [256, 2 ** 22], 4),
    jbc: file(CLUSTERS6, ['.jbc.sf', SYSTEM_FD.jbc, LOCK_TYPE.journalBlocks, 8, 4, 2 * MIB], [64, 2 ** 13], 0),
  },
  layoutFileBlocks: (fileBlocks) => new FileBlockGeometry(fileBlocks),
  decodeFileBlocks: (header) => decodeFileBlockGeometry(header, MAX_FILE_BLOCKS),
}

export const VERSIONS: readonly VmfsVersion[] = [VMFS5, VMFS6]
