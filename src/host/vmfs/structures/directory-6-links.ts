// Link groups of a VMFS6 directory (notes, 11): names that share a slot of the hash table stand in groups of twelve links, each a
// location and 16 bits of the hash. The links in use come first in a group; groups of one slot form a chain.

import { VmfsError } from '../errors.ts'
import type { DirectoryBytes, DirectoryEditor } from './directory.ts'
import {
  decodeLocation,
  encodeLocation,
  freeSlot,
  LINK_BLOCK,
  type Location,
  slotOffset,
  takeSlot,
} from './directory-6-blocks.ts'
import { bytes, structure, u8, u16, u32 } from './structure.ts'

const LINKS = 12
const LINK_BYTES = 6
/** Of a chain: 12,288 names with one slot of 16,001 are none that a directory comes to have. */
const MAX_GROUPS = 1024

const GROUP = structure('directory link group', LINK_BLOCK.slotBytes, {
  hashSlot: u16(0),
  links: u8(2),
  freeLinks: u8(3),
  nextFree: u8(4),
  table: bytes(LINKS * LINK_BYTES)(6),
  next: u32(6 + LINKS * LINK_BYTES),
})
const LINK = structure('directory link', LINK_BYTES, { location: u32(0), hash: u16(4) })

export interface Link {
  readonly location: number
  readonly hash: number
}
export interface LinkGroup {
  readonly at: Location
  readonly links: readonly Link[]
  /** The location of the next group of the chain, or 0. */
  readonly next: number
}

/** The chain that a slot of the hash table leads to. @throws VmfsError 'damaged', also for a chain without an end */
export async function* linkGroups(
  directory: DirectoryBytes,
  first: Location,
  hashSlot: number,
): AsyncGenerator<LinkGroup> {
  let at: Location | undefined = first
  for (let count = 0; at; count++) {
    if (count === MAX_GROUPS) throw new VmfsError('damaged', `a chain of link groups in a directory has no end`)
    const group = GROUP.decode(await directory.read(slotOffset(directory, at, LINK_BLOCK), GROUP.size))
    if (group.hashSlot !== hashSlot)
      throw new VmfsError('damaged', `a link group of hash slot ${group.hashSlot} in a chain of slot ${hashSlot}`)
    const links = Array.from({ length: LINKS }, (_, index) => LINK.decode(group.table, index * LINK_BYTES))
    yield { at, links: links.filter(({ location }) => location !== 0), next: group.next }
    at = decodeLocation(group.next)
  }
}

/** Makes a group of these links that nothing leads to yet. */
export async function addLinkGroup(directory: DirectoryEditor, hashSlot: number, links: readonly Link[]) {
  const at = await takeSlot(directory, LINK_BLOCK)
  await writeLinkGroup(directory, hashSlot, { at, links, next: 0 })
  return at
}

/** Adds a link to the first group of a chain that has room, or to a new one at its end. */
export async function addLink(directory: DirectoryEditor, first: Location, hashSlot: number, link: Link) {
  let last: LinkGroup | undefined
  for await (const group of linkGroups(directory, first, hashSlot)) {
    if (group.links.length < LINKS)
      return await writeLinkGroup(directory, hashSlot, { ...group, links: [...group.links, link] })
    last = group
  }
  const next = encodeLocation(await addLinkGroup(directory, hashSlot, [link]))
  if (last) await writeLinkGroup(directory, hashSlot, { ...last, next })
}

/**
 * Takes the link to `location` out of a chain, and its group when that has become empty. The result is what the slot of the hash
 * table must hold from then on.
 */
export async function removeLink(
  directory: DirectoryEditor,
  first: Location,
  hashSlot: number,
  location: number,
): Promise<number> {
  const head = encodeLocation(first)
  let before: LinkGroup | undefined
  for await (const group of linkGroups(directory, first, hashSlot)) {
    const links = group.links.filter((link) => link.location !== location)
    if (links.length === group.links.length) {
      before = group
      continue
    }
    if (links.length > 0) await writeLinkGroup(directory, hashSlot, { ...group, links })
    else {
      await freeSlot(directory, group.at, LINK_BLOCK)
      if (!before) return group.next
      await writeLinkGroup(directory, hashSlot, { ...before, next: group.next })
    }
    return head
  }
  return head
}

async function writeLinkGroup(directory: DirectoryEditor, hashSlot: number, { at, links, next }: LinkGroup) {
  const table = Buffer.alloc(LINKS * LINK_BYTES)
  for (const [index, link] of links.entries()) LINK.encode(link, table, index * LINK_BYTES)
  const freeLinks = LINKS - links.length
  const image = GROUP.encode({ hashSlot, links: LINKS, freeLinks, nextFree: links.length, table, next })
  await directory.write(slotOffset(directory, at, LINK_BLOCK), image)
}
