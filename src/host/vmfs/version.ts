// What differs between VMFS5 (14.81) and VMFS6 (24.82), one row a version (vmfs-format.md, sections 1 to 9). The rest
// of the code asks the row of the volume at hand.

import { type AddressFormat, SYSTEM_FD } from './structures/address.ts'
import { CLUSTERS5, CLUSTERS6, type ClusterFormat } from './structures/cluster.ts'
import type { DirectoryFormat } from './structures/directory.ts'
import { DIRECTORY5 } from './structures/directory-5.ts'
import { DIRECTORY6 } from './structures/directory-6.ts'
import { decodeFileBlockGeometry, FileBlockGeometry } from './structures/file-block-resources.ts'
import { FILE_DESCRIPTOR5, FILE_DESCRIPTOR6, type FileDescriptorFormat } from './structures/file-descriptor.ts'
import type { FS_DESCRIPTOR } from './structures/fs-descriptor.ts'
import { LOCK_TYPE } from './structures/lock.ts'
import { LVM5_TABLES, LVM6_TABLES, type LvmTables, MAX_PES, PE_BYTES } from './structures/lvm.ts'
import {
  decodeGeometry,
  ResourceGeometry,
  type ResourceLayout,
  type ResourceLimits,
} from './structures/resource-file.ts'
import type { ValuesOf } from './structures/structure.ts'

export const MIB = 1024 * 1024
/** Of every version: what a volume is divided into. */
export const FILE_BLOCK_BYTES = MIB
const MAX_FILE_BLOCKS = (MAX_PES * PE_BYTES) / FILE_BLOCK_BYTES

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

/** The places of the file blocks' clusters: one level on VMFS5, two on VMFS6. */
export type FileBlockPlaces = ResourceGeometry | FileBlockGeometry

export interface VmfsVersion {
  readonly version: 5 | 6
  readonly major: number
  readonly minor: number
  readonly lvmMajor: number
  readonly lvmTables: LvmTables
  /** Whether neighbouring extents share an entry of the PE table. */
  readonly mergesExtents: boolean
  /** Of metadata: a lock, and each part of it that is written alone. */
  readonly sectorBytes: 512 | 4096
  readonly subBlockBytes: number
  /** What the file system's descriptor says of a new volume, besides what is said of every one. */
  readonly descriptor: Partial<ValuesOf<typeof FS_DESCRIPTOR.fields>>
  readonly heartbeats: { readonly slots: number; readonly slotBytes: number }
  /** The file block with the start of .fdc.sf, which nothing on the volume leads to. */
  readonly fdcBlock: number
  readonly addresses: AddressFormat
  readonly clusters: ClusterFormat
  readonly fileDescriptors: FileDescriptorFormat
  readonly directories: DirectoryFormat
  /** Blocks that list the blocks of a large file: where they come from, and how long one is. */
  readonly pointerBlocks: { readonly file: 'pbc' | 'sbc'; readonly bytes: number }
  /**
   * Of new files (section 13, 1 and 6): how much data stands in the descriptor, and whether a list of addresses there may have
   * holes, which tools for VMFS6 take for the end of the file.
   */
  readonly placement: { readonly maxResidentBytes: number; readonly directHoles: boolean }
  /**
   * The system file of the hosts' journals, one of `bytes` after the other: .jbc.sf is a resource file of VMFS6; .jnl.sf
   * is our own, so that tools find its blocks in use (section 13, 2).
   */
  readonly journals: { readonly name: string; readonly address: number; readonly bytes: number }
  readonly fbb: { readonly name: string; readonly address: number; readonly lockType: number }
  readonly resourceFiles: Readonly<Record<Exclude<ResourceFileKind, 'jbc'>, ResourceFileFormat>> & {
    /** VMFS6 alone. */
    readonly jbc?: ResourceFileFormat
  }
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

const VMFS5: VmfsVersion = {
  version: 5,
  major: 14,
  minor: 81,
  lvmMajor: 5,
  lvmTables: LVM5_TABLES,
  mergesExtents: false,
  sectorBytes: 512,
  subBlockBytes: 8192,
  descriptor: { journalSlotsPerTransaction: 8 },
  heartbeats: { slots: 2048, slotBytes: 512 },
  fdcBlock: 4,
  addresses: FILE_DESCRIPTOR5.addresses,
  clusters: CLUSTERS5,
  fileDescriptors: FILE_DESCRIPTOR5,
  directories: DIRECTORY5,
  pointerBlocks: { file: 'pbc', bytes: 4096 },
  placement: { maxResidentBytes: 0, directHoles: true },
  journals: { name: '.jnl.sf', address: SYSTEM_FD.jbc, bytes: MIB },
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

const VMFS6: VmfsVersion = {
  version: 6,
  major: 24,
  minor: 82,
  lvmMajor: 6,
  lvmTables: LVM6_TABLES,
  mergesExtents: true,
  sectorBytes: 4096,
  subBlockBytes: 65536,
  descriptor: {
    ...{ journalSlotsPerTransaction: 64, unmapPriority: 1, physicalBlockBytes: 512, metadataAlignment: 4096 },
    ...{ largeFileBlockShift: 9, pointerBlockShift: 16, smallFileBlockAddressBits: 44 },
    ...{ toBeZeroedGranularity: MIB, journalBlockBytes: 2 * MIB, leaseMs: 16_000, reclaimMs: 4000 },
  },
  heartbeats: { slots: 1024, slotBytes: 4096 },
  fdcBlock: 7,
  addresses: FILE_DESCRIPTOR6.addresses,
  clusters: CLUSTERS6,
  fileDescriptors: FILE_DESCRIPTOR6,
  directories: DIRECTORY6,
  pointerBlocks: { file: 'sbc', bytes: 65536 },
  placement: { maxResidentBytes: FILE_DESCRIPTOR6.maxResidentBytes, directHoles: false },
  journals: { name: '.jbc.sf', address: SYSTEM_FD.jbc, bytes: 2 * MIB },
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
