// Opens what leads to everything else on a volume (vmfs-format.md, 3): the first block of .fdc.sf stands at a fixed place and
// holds the descriptors of the system files. Each of those may need the ones opened before it and no other, so that no volume
// can send its reader in circles.

import { decodeAt } from './damage.ts'
import { VmfsError } from './errors.ts'
import { decodeFileDescriptor, type FileDescriptor } from './file-descriptors.ts'
import { FileMap, type MapContext } from './file-map.ts'
import type { VolumeReader } from './metadata-cache.ts'
import { openFileBlocks, openResourceFile, type ResourceFile } from './resource-files.ts'
import { decodeFdAddress, type ResourceAddress, type ResourceKind, SYSTEM_FD } from './structures/address.ts'
import { decodeGeometry, type ResourceGeometry } from './structures/resource-file.ts'
import { FILE_BLOCK_BYTES, type FileBlockPlaces, type ResourceFileKind, type VmfsVersion } from './version.ts'

type Resources = ResourceFile<ResourceGeometry>

export interface VolumeFiles {
  readonly fdc: Resources
  readonly sbc: Resources
  readonly pbc: Resources
  readonly pb2: Resources
  /** VMFS6 alone. */
  readonly jbc: Resources | undefined
  readonly fbb: ResourceFile<FileBlockPlaces>
}

/** Which file holds the resources that an address of this kind names. */
const FILE_OF: Readonly<Record<ResourceKind, ResourceFileKind>> = {
  'sub-block': 'sbc',
  'pointer block': 'pbc',
  'file descriptor': 'fdc',
  'pb2 block': 'pb2',
  'journal block': 'jbc',
}

/**
 * The context through which other metadata is read: that of the opened volume, or of a transaction over it.
 */
export function mapContext(
  version: VmfsVersion,
  volumeBytes: number,
  metadata: VolumeReader,
  files: Partial<Pick<VolumeFiles, ResourceFileKind>>,
): MapContext {
  return {
    ...{ version, volumeBytes, metadata },
    async locate({ kind, cluster, resource }: Omit<ResourceAddress, 'cow'>) {
      const file = files[FILE_OF[kind]]
      if (!file) throw new VmfsError('damaged', `there is no file of ${kind}s for cluster ${cluster}`)
      return await file.resourceOffset(cluster, resource)
    },
  }
}

/** @throws VmfsError 'damaged', 'unsupported' */
export async function openVolumeFiles(
  version: VmfsVersion,
  volumeBytes: number,
  metadata: VolumeReader,
): Promise<VolumeFiles> {
  const bootstrap = await firstFileDescriptors(version, metadata)
  const opened: Partial<Record<ResourceFileKind, Resources>> = {}
  const contextSoFar = () => mapContext(version, volumeBytes, metadata, { ...opened })
  const open = async (kind: ResourceFileKind) => {
    const format = version.resourceFiles[kind]
    if (!format) return undefined
    opened[kind] = await openResourceFile(contextSoFar(), await bootstrap(format.address), format)
    return opened[kind]
  }
  const [pb2, pbc, sbc] = [(await open('pb2'))!, (await open('pbc'))!, (await open('sbc'))!]
  await requireFixedStart(version, contextSoFar(), await bootstrap(SYSTEM_FD.fdc))
  const fdc = (await open('fdc'))!
  const fbb = await openFileBlocks(contextSoFar(), await bootstrap(SYSTEM_FD.fbb))
  return { fdc, sbc, pbc, pb2, jbc: await open('jbc'), fbb }
}

/** Reads descriptors of cluster 0, from the first block of .fdc.sf alone. */
async function firstFileDescriptors(version: VmfsVersion, metadata: VolumeReader) {
  const format = version.resourceFiles.fdc!
  const start = version.fdcBlock * FILE_BLOCK_BYTES
  const header = await metadata.read(start, version.sectorBytes)
  const { bytes } = version.fileDescriptors
  const geometry = decodeAt(format.name, start, () =>
    decodeGeometry(format.name, header, 0, version.clusters.headerBytes, bytes, format.limits),
  )
  return async (address: number): Promise<FileDescriptor> => {
    const { resource } = decodeFdAddress(address)
    const at = decodeAt(format.name, start, () => geometry.resourceOffset(0, resource))
    if (at + bytes > FILE_BLOCK_BYTES)
      throw new VmfsError('damaged', `${format.name}: descriptor ${resource} is not in its first block`, start)
    return decodeFileDescriptor(version, address, start + at, await metadata.read(start + at, bytes))
  }
}

async function requireFixedStart({ fdcBlock }: VmfsVersion, context: MapContext, fdc: FileDescriptor): Promise<void> {
  const { offset } = await new FileMap(context, fdc).place(0)
  if (offset !== fdcBlock * FILE_BLOCK_BYTES)
    throw new VmfsError('damaged', `${fdc.name} says that .fdc.sf does not start at file block ${fdcBlock}`, fdc.offset)
}
