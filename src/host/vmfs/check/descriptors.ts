// Every slot of .fdc.sf against the tree (vmfs-format.md, 8): descriptors that are allocated and that no directory leads to,
// free ones that look as if they were in use, and link counts.

import { VmfsError } from '../errors.ts'
import { decodeFileDescriptor, type FileDescriptor, formatAddress } from '../file-descriptors.ts'
import { decodeFdAddress, encodeFdAddress } from '../structures/address.ts'
import { Cluster } from '../structures/cluster.ts'
import type { EntryTarget } from '../structures/directory.ts'
import { decodeFileMeta, encodeFileMeta } from '../structures/file-descriptor.ts'
import { decodeLock, LOCK_TYPE } from '../structures/lock.ts'
import type { Volume } from '../volume.ts'
import { claimBlocks } from './addresses.ts'
import { setMeta } from './files.ts'
import { type CheckContext, KEPT, type Mend } from './findings.ts'

interface Slot {
  readonly address: number
  readonly cluster: number
  readonly resource: number
  readonly volumeOffset: number
  readonly image: Buffer
}

export async function checkDescriptors(context: CheckContext, links: ReadonlyMap<number, number>): Promise<void> {
  const { volume, claims } = context
  const { fdc } = volume.files
  const { headerBytes, sectorBytes } = volume.version.clusters
  for (let cluster = 0; cluster < fdc.places.clusters; cluster++) {
    const header = await volume.cache.read(await fdc.headerOffset(cluster), headerBytes)
    const isFree = freeBits(context, header.subarray(sectorBytes))
    const images = await readImages(context, cluster)
    for (let resource = 0; resource < fdc.places.total(cluster); resource++) {
      const image = images(resource)
      const isUsed = claims['file descriptor']!.isUsed(cluster, resource)
      // Most slots have never held anything.
      if (!isUsed && isFree(resource) && !hasDescriptor(image)) continue
      const volumeOffset = await fdc.resourceOffset(cluster, resource)
      const slot = { address: encodeFdAddress(cluster, resource), cluster, resource, volumeOffset, image }
      if (isUsed) checkLinks(context, slot, links)
      else await checkUnreached(context, slot, isFree(resource))
    }
  }
}

const hasDescriptor = (image: Buffer): boolean => image.readUInt32LE(0) === LOCK_TYPE.fileDescriptor

/** All descriptors of a cluster, with one read of the file. */
async function readImages({ volume }: CheckContext, cluster: number): Promise<(resource: number) => Buffer> {
  const { places, file } = volume.files.fdc
  const { resourceBytes } = places
  const images = await volume
    .openFile(file)
    .read(places.resourceOffset(cluster, 0), places.total(cluster) * resourceBytes)
  return (resource) => images.subarray(resource * resourceBytes, (resource + 1) * resourceBytes)
}

/** Of a header that cannot be read everything is taken for free: it is told elsewhere. */
function freeBits({ volume }: CheckContext, sector: Buffer): (resource: number) => boolean {
  try {
    const state = new Cluster(volume.version.clusters, sector)
    return (resource) => resource >= state.total || state.isFree(resource)
  } catch (error) {
    if (error instanceof VmfsError) return () => true
    throw error
  }
}

/**
 * The descriptor that an entry leads to: one whose lock or link count is damaged as well, if everything else of it is the
 * entry's and it is allocated; why there is none, otherwise.
 */
export async function readDescriptor(volume: Volume, entry: EntryTarget): Promise<FileDescriptor | string> {
  try {
    return await volume.readFileDescriptor(entry.address)
  } catch (error) {
    if (!(error instanceof VmfsError)) throw error
    return (await salvage(volume, entry).catch(() => undefined)) ?? error.message
  }
}

async function salvage(
  volume: Volume,
  { address, generation, type }: EntryTarget,
): Promise<FileDescriptor | undefined> {
  const { version, files } = volume
  const offset = await volume.locateFileDescriptor(address)
  const image = await volume.cache.read(offset, version.fileDescriptors.bytes)
  const meta = decodeFileMeta(version.fileDescriptors, image)
  if (meta.address !== address || meta.generation !== generation || meta.type !== type) return undefined
  const { cluster, resource } = decodeFdAddress(address)
  if ((await files.fdc.readCluster(cluster)).state.isFree(resource)) return undefined
  return { name: `file descriptor ${formatAddress(address)}`, address, offset, image, lock: decodeLock(image), meta }
}

function checkLinks(context: CheckContext, slot: Slot, links: ReadonlyMap<number, number>): void {
  const { volume } = context
  const { address, volumeOffset: offset, image } = slot
  const meta = decodeFileMeta(volume.version.fileDescriptors, image)
  const file = { name: `file descriptor ${formatAddress(address)}`, offset, meta }
  const wanted = links.get(address) ?? 0
  if (file.meta.links === wanted) return
  context.findings.add(
    {
      ...{ name: 'link count', address: formatAddress(address), volumeOffset: file.offset },
      message: `${file.name} has ${file.meta.links} links by its count, and ${wanted} lead to it`,
      repair: 'it is set to that',
    },
    setMeta(context, 'link count', file, { links: wanted }),
  )
}

async function checkUnreached(context: CheckContext, slot: Slot, free: boolean): Promise<void> {
  const { volume, findings } = context
  const { address, volumeOffset } = slot
  const file = fileIn(context, slot)
  const common = { address: formatAddress(address), volumeOffset }
  if (!free) {
    if (file) await claimBlocks(context, { file, quiet: true })
    const what = file
      ? `has ${file.meta.length} bytes, and no directory leads to it`
      : 'is allocated, and holds no file'
    const finding = { ...common, name: 'orphan', message: `file descriptor ${formatAddress(address)} ${what}` } as const
    if (findings.incomplete) findings.add({ ...finding, message: `${finding.message} ${KEPT}` })
    else
      findings.add(
        { ...finding, repair: 'it is freed, and with it its blocks; what it holds is lost' },
        freeDescriptor(context, slot),
      )
  } else if (file) {
    const { fileDescriptors } = volume.version
    findings.add(
      {
        ...{ ...common, name: 'freed descriptor' },
        message: `file descriptor ${formatAddress(address)} is free, and has ${file.meta.links} links`,
        repair: 'its link count is set to 0',
      },
      {
        phase: 'descriptors',
        key: `freed ${volumeOffset}`,
        run: (writing) =>
          writing.run(({ tx }) =>
            tx.edit({ offset: volumeOffset, length: fileDescriptors.bytes, lock: volumeOffset }, (image) =>
              encodeFileMeta(fileDescriptors, { links: 0 }, image),
            ),
          ),
      },
    )
  }
}

/** What looks like a descriptor in use. */
function fileIn({ volume }: CheckContext, { address, volumeOffset, image }: Slot): FileDescriptor | undefined {
  if (!hasDescriptor(image)) return undefined
  try {
    return decodeFileDescriptor(volume.version, address, volumeOffset, image)
  } catch (error) {
    if (error instanceof VmfsError) return undefined
    throw error
  }
}

/** Its blocks are leaks from then on, which the next round finds. */
function freeDescriptor({ volume }: CheckContext, { cluster, resource, volumeOffset, address }: Slot): Mend {
  const { version, files } = volume
  const { fileDescriptors, clusters } = version
  return {
    phase: 'descriptors',
    key: `orphan ${address}`,
    run: (writing) =>
      writing.run(async ({ tx }) => {
        const lock = await files.fdc.headerOffset(cluster)
        const state = { offset: lock + clusters.sectorBytes, length: clusters.sectorBytes, lock }
        await tx.edit(state, (image) => new Cluster(clusters, image).release(resource))
        const descriptor = { offset: volumeOffset, length: fileDescriptors.bytes, lock: volumeOffset }
        await tx.edit(descriptor, (image) => {
          if (decodeFileMeta(fileDescriptors, image).links > 0) encodeFileMeta(fileDescriptors, { links: 0 }, image)
        })
      }),
  }
}
