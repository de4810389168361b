// Where hosts keep their journals: on VMFS6 a journal block of .jbc.sf, on VMFS5 a block of .jnl.sf, or on a volume without that
// file, which another program made, any file block. A block is a host's own as long as its heartbeat slot names it.

import { Allocator } from './allocation.ts'
import { VmfsError } from './errors.ts'
import { FileMap } from './file-map.ts'
import { type JournalPlace, readHeartbeats } from './heartbeats.ts'
import type { ResourceFile } from './resource-files.ts'
import type { AddressParts } from './structures/address.ts'
import { FILE_TYPE } from './structures/file-descriptor.ts'
import { Transaction, type TransactionLocks, type TransactionLog, type VolumeIo } from './transaction.ts'
import { FILE_BLOCK_BYTES } from './version.ts'
import type { Volume } from './volume.ts'

/** For a change of one sector, which is written whole or not at all. */
const UNLOGGED: TransactionLog = { capacity: 1, log: async () => {}, retire: async () => {} }

/**
 * A place for a journal that no slot in use names.
 * @throws VmfsError 'in use' when other hosts have them all, 'no space' where they are file blocks and none is free
 */
export async function takeJournalBlock(volume: Volume, io: VolumeIo, locks?: TransactionLocks): Promise<JournalPlace> {
  const own = await ownBlocks(volume)
  const used = await readHeartbeats(volume.logical, volume.version)
  const named = new Set(used.map(({ journalOffset }) => journalOffset))
  if (!own) return (locks && (await leftBehind(volume, named))) ?? (await takeResource(volume, io, locks))
  const block = own.find((candidate) => !named.has(candidate * FILE_BLOCK_BYTES))
  if (block === undefined) throw allTaken(own.length)
  return fileBlockPlace(volume, block)
}

const allTaken = (journals: number) =>
  new VmfsError(
    'in use',
    `the volume has journals for ${journals} hosts, and as many have it open: close it on one of them, or format a larger volume`,
  )

/** Gives back what `takeJournalBlock` took; a block that is free already stays so, and what is none stays as it is. */
export async function freeJournalBlock(
  volume: Volume,
  io: VolumeIo,
  place: JournalPlace,
  locks?: TransactionLocks,
): Promise<void> {
  const found = await resourceAt(volume, place)
  if (!found) return
  const { file, cluster, resource } = found
  if ((await file.readCluster(cluster)).state.isFree(resource)) return
  const tx = new Transaction(io, UNLOGGED, volume.version.sectorBytes, locks)
  await allocatorOf(volume, file).release(tx, { cluster, resource })
  await tx.commit()
}

/** Frees the journal blocks of hosts that are gone: for one who keeps others from taking journals meanwhile. */
export async function freeLeftBehind(volume: Volume, io: VolumeIo, locks: TransactionLocks): Promise<void> {
  if (!volume.files.jbc) return
  const used = await readHeartbeats(volume.logical, volume.version)
  const named = new Set(used.map(({ journalOffset }) => journalOffset))
  for (let place = await leftBehind(volume, named); place; place = await leftBehind(volume, named))
    await freeJournalBlock(volume, io, place, locks)
}

/** The blocks of .jnl.sf, where the volume has one. */
async function ownBlocks(volume: Volume): Promise<number[] | undefined> {
  if (volume.files.jbc) return undefined
  const { name, address } = volume.version.journals
  const entry = await volume.find(await volume.root(), name)
  if (entry?.type !== FILE_TYPE.system || entry.address !== address) return undefined
  const file = await volume.readFileDescriptor(address)
  const blocks: number[] = []
  for await (const { address: block } of new FileMap(volume.contextOver(volume.cache), file).addresses())
    if (block.kind === 'file block') blocks.push(block.block)
  return blocks
}

/** A journal block of a host that is gone: it is in use, and no slot names it. */
async function leftBehind(volume: Volume, named: ReadonlySet<number>): Promise<JournalPlace | undefined> {
  const { jbc } = volume.files
  for (let cluster = 0; jbc && cluster < jbc.places.clusters; cluster++) {
    const { state } = await jbc.readCluster(cluster)
    for (let resource = 0; resource < state.total; resource++) {
      const offset = await jbc.resourceOffset(cluster, resource)
      if (state.isFree(resource) || named.has(offset)) continue
      return { address: addressOf(volume, journalBlock(cluster, resource)), offset }
    }
  }
  return undefined
}

async function takeResource(volume: Volume, io: VolumeIo, locks?: TransactionLocks): Promise<JournalPlace> {
  const file = volume.files.jbc ?? volume.files.fbb
  const tx = new Transaction(io, UNLOGGED, volume.version.sectorBytes, locks)
  const { cluster, resource } = await allocatorOf(volume, file)
    .take(tx)
    .catch((error) => {
      const ranOut = error instanceof VmfsError && error.problem === 'no space'
      throw ranOut && volume.files.jbc ? allTaken(volume.files.jbc.places.resources) : error
    })
  await tx.commit()
  if (file === volume.files.jbc) {
    const address = addressOf(volume, journalBlock(cluster, resource))
    return { address, offset: await volume.files.jbc.resourceOffset(cluster, resource) }
  }
  return fileBlockPlace(volume, cluster * file.places.resourcesPerCluster + resource)
}

/** What the bitmap of a resource file has at this place; nothing for a block of .jnl.sf, and where address and offset disagree. */
async function resourceAt(volume: Volume, { address, offset }: JournalPlace) {
  const { jbc, fbb } = volume.files
  const block = offset / FILE_BLOCK_BYTES
  if (!jbc) {
    const own = await ownBlocks(volume)
    if (own || addressOf(volume, fileBlock(block)) !== address) return undefined
    return { file: fbb as ResourceFile, ...fbb.places.locate(block) }
  }
  for (let cluster = 0; cluster < jbc.places.clusters; cluster++)
    for (let resource = 0; resource < jbc.places.total(cluster); resource++)
      if (addressOf(volume, journalBlock(cluster, resource)) === address) {
        const isThere = (await jbc.resourceOffset(cluster, resource)) === offset
        return isThere ? { file: jbc as ResourceFile, cluster, resource } : undefined
      }
  return undefined
}

const allocatorOf = ({ version }: Volume, file: ResourceFile) =>
  new Allocator(version, {
    ...{ plural: 'blocks for a journal', places: file.places, bits: file.bits },
    headerOffset: (cluster) => file.headerOffset(cluster),
  })

const fileBlockPlace = (volume: Volume, block: number): JournalPlace => ({
  address: addressOf(volume, fileBlock(block)),
  offset: block * FILE_BLOCK_BYTES,
})
const fileBlock = (block: number): AddressParts => ({ kind: 'file block', block })
const journalBlock = (cluster: number, resource: number): AddressParts => ({ kind: 'journal block', cluster, resource })
const addressOf = ({ version }: Volume, address: AddressParts): number => Number(version.addresses.encode(address))
