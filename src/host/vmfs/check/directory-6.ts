// A directory of VMFS6 (vmfs-format.md, 11): counts, map, block headers, entries, hash table and link groups, each against the
// others. What a block is for is told by its own header, so that a damaged map hides no entry.

import { VmfsError } from '../errors.ts'
import type { DirectoryBytes, FoundEntry } from '../structures/directory.ts'
import { ENTRY, HASH_TABLE, PARENT, SELF } from '../structures/directory-6.ts'
import {
  BLOCK_BYTES,
  BLOCK_HEADER,
  type BlockKind,
  blockOffset,
  COUNTS,
  DIRECTORY_HEADER_BYTES,
  decodeLocation,
  ENTRY_BLOCK,
  LINK_BLOCK,
  mappedBlocks,
  NIBBLE,
} from '../structures/directory-6-blocks.ts'
import { linkGroups } from '../structures/directory-6-links.ts'
import { HASH_SLOTS, hashName } from '../structures/name-hash.ts'
import type { Volume } from '../volume.ts'
import type { Audit } from './directories.ts'
import type { FindingName } from './report.ts'

type Problem = readonly [name: FindingName, message: string]
type Say = (name: FindingName, message: string) => void

interface Block {
  readonly block: number
  readonly kind: BlockKind
  readonly image: Buffer
  readonly usedSlots: readonly number[]
  /** Whether the bits and the count of free slots agree. */
  readonly sound: boolean
}

/** @throws VmfsError 'damaged' for a directory without a header */
export async function auditDirectory6(volume: Volume, directory: DirectoryBytes): Promise<Audit> {
  const problems: Problem[] = []
  const say: Say = (name, message) => problems.push([name, message])
  const header = await directory.read(0, DIRECTORY_HEADER_BYTES)
  const nibbles = await readMap(directory, say)
  const first = [SELF, PARENT].map((offset) => entryIn(header, offset, offset))
  const entries: FoundEntry[] = []
  let groups = 0
  for (let block = 0; block < blockCount(directory); block++) {
    const found = await readBlock(directory, block, nibbles?.get(block), say)
    if (found?.kind === LINK_BLOCK) groups += found.usedSlots.length
    else if (found) for (const entry of await entriesOf(volume, directory, found, say)) entries.push(entry)
  }
  const { version, entries: counted, allocated } = COUNTS.decode(header)
  // A directory that old tools have written without a header has neither counts nor a table.
  if (version !== 0) {
    const total = entries.length + first.length
    if (counted !== total || allocated !== total)
      say('entry count', `has ${total} entries, and counts of ${counted} and ${allocated}`)
    await auditNames(directory, header, entries, groups, say)
  }
  for (const [index, name] of ['.', '..'].entries())
    if (first[index]!.name !== name)
      say(
        name === '.' ? 'dot entry' : 'dot-dot entry',
        `has ${JSON.stringify(first[index]!.name)} in place of "${name}"`,
      )
  return { entries: [...first.filter(({ address }) => address !== 0), ...entries], problems }
}

const blockCount = ({ length }: DirectoryBytes) => Math.floor((length - DIRECTORY_HEADER_BYTES) / BLOCK_BYTES)

/** What the map says of each block; undefined where it cannot be read. */
async function readMap(directory: DirectoryBytes, say: Say): Promise<Map<number, number> | undefined> {
  try {
    const nibbles = new Map<number, number>()
    for (const { block, nibble } of await mappedBlocks(directory)) {
      if (block < blockCount(directory)) nibbles.set(block, nibble)
      else if ((nibble & NIBBLE.type) !== 0) say('directory map', `has a map that names block ${block}, beyond its end`)
    }
    return nibbles
  } catch (error) {
    if (!(error instanceof VmfsError)) throw error
    say('directory map', `has a map that cannot be read: ${error.message}`)
    return undefined
  }
}

/** @returns nothing for a block that holds neither entries nor links */
async function readBlock(
  directory: DirectoryBytes,
  block: number,
  nibble: number | undefined,
  say: Say,
): Promise<Block | undefined> {
  const image = await directory.read(blockOffset(directory, block), BLOCK_BYTES)
  const { type, slots, freeSlots, bitmap } = BLOCK_HEADER.decode(image)
  const kind = [ENTRY_BLOCK, LINK_BLOCK].find((each) => each.type === type)
  const free = Array.from(
    { length: kind?.slots ?? 0 },
    (_, slot) => (((bitmap[slot >> 3] ?? 0) >> (slot & 7)) & 1) === 1,
  )
  const count = free.filter(Boolean).length
  const sound = kind !== undefined && slots === kind.slots && freeSlots === count
  const mapped = nibble === undefined ? undefined : nibble & NIBBLE.type
  // What was never written may hold anything: it takes a whole header to be believed against the map.
  if (mapped === 0 && !sound) return undefined
  if (!kind) {
    if (mapped === ENTRY_BLOCK.type || mapped === LINK_BLOCK.type)
      say('directory block', `has block ${block} of type ${type}, and ${mapped} in its map`)
    return undefined
  }
  if (!sound)
    say(
      'directory block',
      `has block ${block} with ${freeSlots} of ${slots} slots free by its count, and ${count} by its bits`,
    )
  const wanted = kind.type | (count > 0 ? NIBBLE.hasFree : 0)
  if (nibble !== undefined && nibble !== wanted)
    say(
      'directory map',
      `has block ${block} as ${nibble.toString(16)} in its map, where ${wanted.toString(16)} is right`,
    )
  return { block, kind, image, sound, usedSlots: free.flatMap((isFree, slot) => (isFree ? [] : [slot])) }
}

async function entriesOf(volume: Volume, directory: DirectoryBytes, found: Block, say: Say): Promise<FoundEntry[]> {
  const { block, image, usedSlots, sound } = found
  const start = blockOffset(directory, block)
  const entries: FoundEntry[] = []
  for (let slot = 0; slot < ENTRY_BLOCK.slots; slot++) {
    const at = BLOCK_HEADER.size + slot * ENTRY_BLOCK.slotBytes
    const entry = entryIn(image, at, start + at)
    const used = usedSlots.includes(slot)
    if (used && entry.address === 0)
      say('directory block', `has slot ${slot} of block ${block} in use without an entry`)
    // Where bits are known to be wrong, an entry counts that leads to a file of its generation.
    const live = used || (!sound && entry.name !== '' && (await leadsToFile(volume, entry)))
    if (!live || entry.address === 0) continue
    const raw = ENTRY.decode(image, at)
    if (raw.offset !== entry.offset)
      say(
        'entry offset',
        `has the entry ${JSON.stringify(entry.name)} at byte ${entry.offset}, which says ${raw.offset}`,
      )
    const hash = hashOf(entry.name, directory.isRoot)
    if (hash && raw.hash !== hash.entry)
      say(
        'entry hash',
        `has the entry ${JSON.stringify(entry.name)} with the hash 0x${raw.hash.toString(16)} in place of 0x${hash.entry.toString(16)}`,
      )
    entries.push(entry)
  }
  return entries
}

function entryIn(image: Buffer, at: number, offset: number): FoundEntry {
  const { name, type, address, generation } = ENTRY.decode(image, at)
  return { name, type, address, generation, offset }
}

async function leadsToFile(volume: Volume, { address, generation }: FoundEntry): Promise<boolean> {
  try {
    return (await volume.readFileDescriptor(address)).meta.generation === generation
  } catch (error) {
    if (error instanceof VmfsError) return false
    throw error
  }
}

/** A name that is too long for any hash is told as a name. */
function hashOf(name: string, isRoot: boolean) {
  try {
    return hashName(name, isRoot)
  } catch {
    return undefined
  }
}

/** Every name leads to its entry, and nothing but names of entries leads anywhere. */
async function auditNames(
  directory: DirectoryBytes,
  header: Buffer,
  entries: readonly FoundEntry[],
  groupsInUse: number,
  say: Say,
): Promise<void> {
  const table = await readTable(directory, header, say)
  for (const { name, offset } of entries) {
    const hash = hashOf(name, directory.isRoot)
    const leads = hash ? table.bySlot.get(hash.slot) : undefined
    if (!leads?.some((link) => link.offset === offset && (link.hash === undefined || link.hash === hash?.link)))
      say('hash table', `has the entry ${JSON.stringify(name)}, to which its hash table does not lead`)
  }
  const links = [...table.bySlot.values()].reduce((sum, each) => sum + each.length, 0)
  if (links > entries.length)
    say('hash table', `has ${entries.length} entries, and ${links} ways to them in its hash table`)
  if (groupsInUse !== table.groups)
    say('link group', `has ${groupsInUse} link groups in use, and ${table.groups} that its hash table leads to`)
}

interface Link {
  /** Of the entry in the directory's file, undefined for what is no place of one. */
  readonly offset: number | undefined
  /** Undefined where the table itself leads to the entry. */
  readonly hash: number | undefined
}

async function readTable(directory: DirectoryBytes, header: Buffer, say: Say) {
  const bySlot = new Map<number, Link[]>()
  let groups = 0
  for (let slot = 0; slot < HASH_SLOTS; slot++) {
    const location = decodeLocation(header.readUInt32LE(HASH_TABLE + slot * 4))
    if (!location) continue
    const links: Link[] = []
    bySlot.set(slot, links)
    if (location.type !== LINK_BLOCK.type) {
      links.push({ offset: offsetOf(location), hash: undefined })
      continue
    }
    try {
      for await (const group of linkGroups(directory, location, slot)) {
        groups++
        for (const link of group.links) links.push({ offset: offsetOf(decodeLocation(link.location)), hash: link.hash })
      }
    } catch (error) {
      if (!(error instanceof VmfsError)) throw error
      say('link group', `has a chain of links from slot ${slot} of its hash table that breaks: ${error.message}`)
    }
  }
  return { bySlot, groups }
}

function offsetOf(location: ReturnType<typeof decodeLocation>): number | undefined {
  if (location?.type !== ENTRY_BLOCK.type) return undefined
  return (
    DIRECTORY_HEADER_BYTES + location.block * BLOCK_BYTES + BLOCK_HEADER.size + location.slot * ENTRY_BLOCK.slotBytes
  )
}
