// A directory of VMFS6 (notes, 11): a header with "." and "..", a hash table that leads from a name to its entry, and blocks of
// entries. The table's slot holds the entry's location, or that of a chain of link groups where names collide.

import { VmfsError } from '../errors.ts'
import type {
  DirectoryBytes,
  DirectoryEditor,
  DirectoryEntry,
  DirectoryFormat,
  EntryTarget,
  FoundEntry,
} from './directory.ts'
import {
  BLOCK_BYTES,
  BLOCK_HEADER,
  blockOffset,
  blocksOf,
  COUNTS,
  DIRECTORY_HEADER_BYTES,
  decodeLocation,
  ENTRY_BLOCK,
  encodeLocation,
  freeSlot,
  LINK_BLOCK,
  type Location,
  newBlocks,
  slotOffset,
  takeSlot,
  usedSlots,
} from './directory-6-blocks.ts'
import { addLink, addLinkGroup, linkGroups, removeLink } from './directory-6-links.ts'
import { hashName } from './name-hash.ts'
import { size64, structure, text, u32 } from './structure.ts'

const VERSION = 0x00f50001
/** Where the header keeps the two first entries, and the hash table. */
export const SELF = 0x3b8
export const PARENT = 0x4d8
export const HASH_TABLE = 0x5f8

export const ENTRY = structure('directory entry', ENTRY_BLOCK.slotBytes, {
  type: u32(0x00),
  address: u32(0x04),
  generation: u32(0x08),
  hash: u32(0x0c),
  /** Its own offset in the directory's file. */
  offset: size64(0x10),
  name: text(256)(0x18),
})

export const DIRECTORY6: DirectoryFormat = { create, entries, find, insert, remove, retarget }

function create(self: EntryTarget, parent: EntryTarget): Buffer {
  const header = Buffer.alloc(DIRECTORY_HEADER_BYTES)
  COUNTS.encode({ version: VERSION, entries: 2, allocated: 2, mapBlocks: 1 }, header)
  encodeEntry({ ...targetOf(self), name: '.' }, SELF, 0).copy(header, SELF)
  encodeEntry({ ...targetOf(parent), name: '..' }, PARENT, 0).copy(header, PARENT)
  return Buffer.concat([header, newBlocks()])
}

async function* entries(directory: DirectoryBytes): AsyncGenerator<FoundEntry> {
  await demandHeader(directory)
  for (const offset of [SELF, PARENT]) {
    const entry = await entryAt(directory, offset)
    if (entry.address !== 0) yield entry
  }
  for await (const block of blocksOf(directory, ENTRY_BLOCK)) {
    const { image, used } = await usedSlots(directory, block, ENTRY_BLOCK)
    for (const slot of used) {
      const at = BLOCK_HEADER.size + slot * ENTRY_BLOCK.slotBytes
      const entry = decodeEntry(image, at, blockOffset(directory, block) + at)
      if (entry.address !== 0) yield entry
    }
  }
}

async function find(directory: DirectoryBytes, name: string): Promise<FoundEntry | undefined> {
  const { version } = await demandHeader(directory)
  if (name === '.' || name === '..') return await entryAt(directory, name === '.' ? SELF : PARENT)
  if (version === 0) return await findByWalk(directory, name)
  for await (const location of candidates(directory, name)) {
    const entry = await entryAt(directory, slotOffset(directory, location, ENTRY_BLOCK))
    if (entry.name === name && entry.address !== 0) return entry
  }
  return undefined
}

/** For a directory that was written without a header, as old tools may have done: it has no hash table. */
async function findByWalk(directory: DirectoryBytes, name: string): Promise<FoundEntry | undefined> {
  for await (const entry of entries(directory)) if (entry.name === name) return entry
  return undefined
}

async function insert(directory: DirectoryEditor, entry: DirectoryEntry): Promise<void> {
  const counts = await demandTable(directory)
  const hash = hashName(entry.name, directory.isRoot)
  const location = await takeSlot(directory, ENTRY_BLOCK)
  const offset = slotOffset(directory, location, ENTRY_BLOCK)
  await directory.write(offset, encodeEntry(entry, offset, hash.entry))
  const link = { location: encodeLocation(location), hash: hash.link }
  const known = await hashSlot(directory, hash.slot)
  if (!known) await setHashSlot(directory, hash.slot, link.location)
  else if (known.type === LINK_BLOCK.type) await addLink(directory, known, hash.slot, link)
  else {
    const other = await entryAt(directory, slotOffset(directory, known, ENTRY_BLOCK))
    const otherLink = { location: encodeLocation(known), hash: hashName(other.name, directory.isRoot).link }
    await setHashSlot(directory, hash.slot, encodeLocation(await addLinkGroup(directory, hash.slot, [otherLink, link])))
  }
  await setCounts(directory, counts.entries + 1)
}

async function remove(directory: DirectoryEditor, entry: FoundEntry): Promise<void> {
  const counts = await demandTable(directory)
  const location = locationOf(entry.offset)
  const { slot } = hashName(entry.name, directory.isRoot)
  const known = await hashSlot(directory, slot)
  if (known?.type === LINK_BLOCK.type)
    await setHashSlot(directory, slot, await removeLink(directory, known, slot, encodeLocation(location)))
  else if (known && encodeLocation(known) === encodeLocation(location)) await setHashSlot(directory, slot, 0)
  await freeSlot(directory, location, ENTRY_BLOCK)
  await setCounts(directory, Math.max(counts.entries - 1, 0))
}

async function retarget(directory: DirectoryEditor, { name, offset }: FoundEntry, target: EntryTarget): Promise<void> {
  const image = await directory.read(offset, ENTRY.size)
  await directory.write(offset, ENTRY.encode({ ...targetOf(target), name }, image))
}

/** Where the hash table says that a name may be. */
async function* candidates(directory: DirectoryBytes, name: string): AsyncGenerator<Location> {
  const hash = hashName(name, directory.isRoot)
  const first = await hashSlot(directory, hash.slot)
  if (first?.type !== LINK_BLOCK.type) {
    if (first) yield first
    return
  }
  for await (const { links } of linkGroups(directory, first, hash.slot))
    for (const link of links) {
      const location = decodeLocation(link.location)
      if (location && link.hash === hash.link) yield location
    }
}

async function hashSlot(directory: DirectoryBytes, slot: number): Promise<Location | undefined> {
  return decodeLocation((await directory.read(HASH_TABLE + slot * 4, 4)).readUInt32LE())
}

async function setHashSlot(directory: DirectoryEditor, slot: number, location: number): Promise<void> {
  const raw = Buffer.alloc(4)
  raw.writeUInt32LE(location)
  await directory.write(HASH_TABLE + slot * 4, raw)
}

async function setCounts(directory: DirectoryEditor, count: number): Promise<void> {
  const image = await directory.read(0, COUNTS.size)
  const { offset, bytes } = COUNTS.fields.allocated
  COUNTS.encode({ entries: count, allocated: count }, image)
  await directory.write(0, image.subarray(0, offset + bytes))
}

async function demandHeader(directory: DirectoryBytes) {
  if (directory.length < DIRECTORY_HEADER_BYTES)
    throw new VmfsError('damaged', `a directory of ${directory.length} bytes, less than its header has`)
  const counts = COUNTS.decode(await directory.read(0, COUNTS.size))
  if (counts.version !== VERSION && counts.version !== 0)
    throw new VmfsError('damaged', `a directory of version 0x${counts.version.toString(16)}`)
  return counts
}

/** @throws VmfsError 'unsupported' for a directory that cannot be changed because it has no hash table */
async function demandTable(directory: DirectoryBytes) {
  const counts = await demandHeader(directory)
  if (counts.version === 0)
    throw new VmfsError('unsupported', 'the directory has no header: copy its files to a new one')
  return counts
}

async function entryAt(directory: DirectoryBytes, offset: number): Promise<FoundEntry> {
  return decodeEntry(await directory.read(offset, ENTRY.size), 0, offset)
}

/** What an entry says of its own offset is not relied on. */
function decodeEntry(image: Buffer, at: number, offset: number): FoundEntry {
  const { name, type, address, generation } = ENTRY.decode(image, at)
  return { name, type, address, generation, offset }
}

function encodeEntry({ name, ...target }: DirectoryEntry, offset: number, hash: number): Buffer {
  return ENTRY.encode({ ...targetOf(target), name, offset, hash })
}

const targetOf = ({ type, address, generation }: EntryTarget): EntryTarget => ({ type, address, generation })

function locationOf(offset: number): Location {
  const inBlocks = offset - DIRECTORY_HEADER_BYTES
  const block = Math.floor(inBlocks / BLOCK_BYTES)
  const slot = (inBlocks - block * BLOCK_BYTES - BLOCK_HEADER.size) / ENTRY_BLOCK.slotBytes
  return { type: ENTRY_BLOCK.type, block, slot }
}
