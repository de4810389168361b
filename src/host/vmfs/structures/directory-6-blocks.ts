// The blocks of a VMFS6 directory (notes, 11): 4096 bytes each behind a header of 64 KiB. A map block says what each block is
// for; the header of a block, which of its slots are free. Everything in a directory is found by a location: block and slot.

import { VmfsError } from '../errors.ts'
import type { DirectoryBytes, DirectoryEditor } from './directory.ts'
import { bytes, structure, u16, u32 } from './structure.ts'

/** Of the directory's header, with the hash table in it. */
export const DIRECTORY_HEADER_BYTES = 0x10000
export const BLOCK_BYTES = 4096
const MAX_MAP_BLOCKS = 128

/** The start of the header: counts, and where the maps are. */
export const COUNTS = structure('directory header', 0x210, {
  version: u32(0x000),
  /** "." and ".." are among them. */
  entries: u32(0x004),
  allocated: u32(0x008),
  mapBlocks: u32(0x00c),
  mapBlockNumbers: bytes(MAX_MAP_BLOCKS * 4)(0x010),
})

export const BLOCK_HEADER = structure('directory block', 64, {
  version: u16(0),
  type: u16(2),
  slots: u16(4),
  freeSlots: u16(6),
  /** Bit 0 of byte 0 first; 1 is free. */
  bitmap: bytes(56)(8),
})

/** What a block is for: its type in a location, in the map and in its header, and what fits into it. */
export interface BlockKind {
  readonly type: number
  readonly slots: number
  readonly slotBytes: number
}
export const ENTRY_BLOCK: BlockKind = { type: 1, slots: 14, slotBytes: 288 }
export const LINK_BLOCK: BlockKind = { type: 2, slots: 48, slotBytes: 84 }
const MAP_TYPE = 3

export interface Location {
  readonly type: number
  readonly block: number
  readonly slot: number
}

/** As the hash table and the links keep it; 0 is none. */
export function decodeLocation(raw: number): Location | undefined {
  return raw === 0 ? undefined : { type: raw & 3, block: (raw >>> 2) & 0x3fffff, slot: raw >>> 24 }
}
export function encodeLocation({ type, block, slot }: Location): number {
  return (type | (block << 2) | (slot << 24)) >>> 0
}

/** Where a block stands in the directory's file. @throws VmfsError 'damaged' past its end */
export function blockOffset({ length }: DirectoryBytes, block: number): number {
  const offset = DIRECTORY_HEADER_BYTES + block * BLOCK_BYTES
  if (offset + BLOCK_BYTES > length) throw new VmfsError('damaged', `block ${block} of a directory of ${length} bytes`)
  return offset
}

/** Where a slot stands in the directory's file. @throws VmfsError 'damaged' for a place that is none of this kind */
export function slotOffset(directory: DirectoryBytes, { type, block, slot }: Location, kind: BlockKind): number {
  if (type !== kind.type || slot >= kind.slots)
    throw new VmfsError('damaged', `slot ${slot} of type ${type} in block ${block} of a directory`)
  return blockOffset(directory, block) + BLOCK_HEADER.size + slot * kind.slotBytes
}

// The map: half a byte for each block, the high half first.
const NIBBLES = 2 * (BLOCK_BYTES - BLOCK_HEADER.size)
export const NIBBLE = { type: 3, hasFree: 4, notWritten: 8 } as const
/** Of a new directory: this very map, one block for entries, and nothing else yet. */
const NEW_MAP = { first: ((MAP_TYPE << 4) | ENTRY_BLOCK.type | NIBBLE.hasFree) & 0xff, others: 0x88 } as const

interface MappedBlock {
  readonly block: number
  readonly nibble: number
  /** Of the map's byte, in the directory's file. */
  readonly byteOffset: number
}

/** All blocks that the maps have room for. @throws VmfsError 'damaged' */
export async function mappedBlocks(directory: DirectoryBytes): Promise<Iterable<MappedBlock>> {
  const { mapBlocks, mapBlockNumbers } = COUNTS.decode(await directory.read(0, COUNTS.size))
  if (mapBlocks > MAX_MAP_BLOCKS) throw new VmfsError('damaged', `a directory with ${mapBlocks} map blocks`)
  const maps: { start: number; image: Buffer }[] = []
  // A directory without a header has its map at block 0 all the same.
  for (let map = 0; map < Math.max(mapBlocks, 1); map++) {
    const start = blockOffset(directory, mapBlockNumbers.readUInt32LE(map * 4))
    const image = await directory.read(start, BLOCK_BYTES)
    if (BLOCK_HEADER.decode(image).type !== MAP_TYPE) throw new VmfsError('damaged', 'a directory whose map is none')
    maps.push({ start, image })
  }
  return nibblesOf(maps)
}

function* nibblesOf(maps: readonly { start: number; image: Buffer }[]): Generator<MappedBlock> {
  for (const [map, { start, image }] of maps.entries())
    for (let index = 0; index < NIBBLES; index++) {
      const at = BLOCK_HEADER.size + (index >> 1)
      const nibble = index % 2 === 0 ? image.readUInt8(at) >> 4 : image.readUInt8(at) & 0xf
      yield { block: map * NIBBLES + index, nibble, byteOffset: start + at }
    }
}

/** The numbers of the blocks of one kind that the file has, ascending. @throws VmfsError 'damaged' */
export async function* blocksOf(directory: DirectoryBytes, kind: BlockKind): AsyncGenerator<number> {
  const blocks = Math.floor((directory.length - DIRECTORY_HEADER_BYTES) / BLOCK_BYTES)
  for (const { block, nibble } of await mappedBlocks(directory)) {
    if (block >= blocks) return
    if ((nibble & NIBBLE.type) === kind.type && !(nibble & NIBBLE.notWritten)) yield block
  }
}

/** A block and the slots of it that are in use. @throws VmfsError 'damaged' */
export async function usedSlots(directory: DirectoryBytes, block: number, kind: BlockKind) {
  const image = await directory.read(blockOffset(directory, block), BLOCK_BYTES)
  const { type, slots, bitmap } = BLOCK_HEADER.decode(image)
  if (type !== kind.type || slots > kind.slots)
    throw new VmfsError('damaged', `block ${block} of a directory is of type ${type} with ${slots} slots`)
  const used = Array.from({ length: slots }, (_, slot) => slot).filter((slot) => !isFree(bitmap, slot))
  return { image, used }
}

/** Takes the first free slot of a kind, in a new block if need be. @throws VmfsError 'no space' */
export async function takeSlot(directory: DirectoryEditor, kind: BlockKind): Promise<Location> {
  let unused: MappedBlock | undefined
  for (const mapped of await mappedBlocks(directory)) {
    const type = mapped.nibble & NIBBLE.type
    if (type === 0) unused ??= mapped
    else if (type === kind.type && mapped.nibble & NIBBLE.hasFree && !(mapped.nibble & NIBBLE.notWritten))
      return await takeSlotOf(directory, kind, mapped)
    // Blocks are taken in order: what follows one that was never written was not written either.
    if (unused && mapped.nibble & NIBBLE.notWritten) break
  }
  if (!unused) throw new VmfsError('no space', 'the directory is full')
  return await takeSlotOf(directory, kind, await addBlock(directory, kind, unused))
}

/** Gives a slot back and clears it. */
export async function freeSlot(directory: DirectoryEditor, location: Location, kind: BlockKind): Promise<void> {
  const at = slotOffset(directory, location, kind)
  const start = blockOffset(directory, location.block)
  const header = BLOCK_HEADER.decode(await directory.read(start, BLOCK_HEADER.size))
  setFree(header.bitmap, location.slot, true)
  header.freeSlots = countFree(header.bitmap, kind)
  await directory.write(start, BLOCK_HEADER.encode(header))
  await directory.write(at, Buffer.alloc(kind.slotBytes))
  for (const mapped of await mappedBlocks(directory))
    if (mapped.block === location.block) return await setNibble(directory, mapped, kind.type | NIBBLE.hasFree)
}

/** The map block and the first entry block of a new directory. */
export function newBlocks(): Buffer {
  const map = Buffer.alloc(BLOCK_BYTES, NEW_MAP.others)
  map.fill(0, 0, BLOCK_HEADER.size)
  BLOCK_HEADER.encode({ type: MAP_TYPE }, map)
  map.writeUInt8(NEW_MAP.first, BLOCK_HEADER.size)
  return Buffer.concat([map, newBlock(ENTRY_BLOCK)])
}

function newBlock({ type, slots }: BlockKind): Buffer {
  const bitmap = Buffer.alloc(56)
  for (let slot = 0; slot < slots; slot++) setFree(bitmap, slot, true)
  return BLOCK_HEADER.encode({ version: 1, type, slots, freeSlots: slots, bitmap }, Buffer.alloc(BLOCK_BYTES))
}

async function addBlock(directory: DirectoryEditor, kind: BlockKind, mapped: MappedBlock): Promise<MappedBlock> {
  const end = DIRECTORY_HEADER_BYTES + (mapped.block + 1) * BLOCK_BYTES
  if (end > directory.length) await directory.resize(end)
  await directory.write(end - BLOCK_BYTES, newBlock(kind))
  const nibble = kind.type | NIBBLE.hasFree
  await setNibble(directory, mapped, nibble)
  return { ...mapped, nibble }
}

async function takeSlotOf(directory: DirectoryEditor, kind: BlockKind, mapped: MappedBlock): Promise<Location> {
  const start = blockOffset(directory, mapped.block)
  const header = BLOCK_HEADER.decode(await directory.read(start, BLOCK_HEADER.size))
  const slots = Math.min(header.slots, kind.slots)
  let slot = 0
  while (slot < slots && !isFree(header.bitmap, slot)) slot++
  if (header.type !== kind.type || slot === slots)
    throw new VmfsError('damaged', `block ${mapped.block} of a directory has no free slot, against its map`)
  setFree(header.bitmap, slot, false)
  header.freeSlots = countFree(header.bitmap, kind)
  await directory.write(start, BLOCK_HEADER.encode(header))
  if (header.freeSlots === 0) await setNibble(directory, mapped, kind.type)
  return { type: kind.type, block: mapped.block, slot }
}

async function setNibble(directory: DirectoryEditor, { block, byteOffset }: MappedBlock, nibble: number) {
  const byte = await directory.read(byteOffset, 1)
  const value = byte.readUInt8(0)
  // The number of nibbles of a map is even, so a block's parity is that of its place.
  byte.writeUInt8(block % 2 === 0 ? (nibble << 4) | (value & 0xf) : (value & 0xf0) | nibble)
  await directory.write(byteOffset, byte)
}

function countFree(bitmap: Buffer, { slots }: BlockKind): number {
  return Array.from({ length: slots }, (_, slot) => isFree(bitmap, slot)).filter(Boolean).length
}

const isFree = (bitmap: Buffer, slot: number): boolean => ((bitmap[slot >> 3] ?? 0) & (1 << (slot & 7))) !== 0

function setFree(bitmap: Buffer, slot: number, free: boolean): void {
  const bit = 1 << (slot & 7)
  const value = bitmap[slot >> 3] ?? 0
  bitmap[slot >> 3] = free ? value | bit : value & ~bit
}
