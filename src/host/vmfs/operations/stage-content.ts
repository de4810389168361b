// Writes the data of a file to places that nothing leads to yet, and says what the descriptor must hold to lead there. Small files
// go to the descriptor or to a sub-block, others to file blocks (notes, 9; section 13, 1 and 6).

import { VmfsError } from '../errors.ts'
import type { AddressParts } from '../structures/address.ts'
import { ZLA } from '../structures/file-descriptor.ts'
import { FILE_BLOCK_BYTES, type VmfsVersion } from '../version.ts'
import type { Taken, Work } from '../writing.ts'
import { type Content, residentContent, subBlockContent } from './content.ts'
import { WritesUnderWay } from './writes-under-way.ts'

export interface StageOptions {
  /** Bytes that are expected, which helps to find a place in one piece; the source has the last word. */
  readonly size?: number
  /** Blocks of zeros become holes. */
  readonly sparse?: boolean
}

const HOLE: AddressParts = { kind: 'hole' }

/**
 * @param source the data in pieces of any size
 * @throws VmfsError 'no space', 'too large'; what the source fails with
 */
export async function stageContent(
  work: Work,
  source: AsyncIterable<Uint8Array>,
  options: StageOptions = {},
): Promise<Content> {
  const { version } = work.volume
  const blocks = inBlocks(source, FILE_BLOCK_BYTES)
  try {
    const first = await blocks.next()
    const data = first.done ? Buffer.alloc(0) : first.value
    // Shorter than a block, it is all there is.
    if (data.length > version.subBlockBytes) return await stageFileBlocks(work, data, blocks, options)
    return await stageSmall(work, data)
  } finally {
    await blocks.return(undefined)
  }
}

/** Content that fits a sub-block. */
export async function stageSmall(work: Work, data: Buffer): Promise<Content> {
  const { version } = work.volume
  if (data.length <= version.placement.maxResidentBytes || data.length === 0) return residentContent(version, data)
  const place = await takeSubBlock(work)
  if (!place) return await stageFileBlocks(work, data, inBlocks(emptySource(), FILE_BLOCK_BYTES), {})
  await work.tx.write(place.offset, paddedTo(version.sectorBytes, data))
  return subBlockContent(version, data.length, [place.address])
}

/** A volume may run out of sub-blocks before it runs out of space. */
async function takeSubBlock(work: Work): Promise<Taken | undefined> {
  try {
    return await work.takeAhead('sub-block')
  } catch (error) {
    if (error instanceof VmfsError && error.problem === 'no space') return undefined
    throw error
  }
}

async function stageFileBlocks(
  work: Work,
  first: Buffer,
  rest: AsyncIterable<Buffer>,
  { size = 0, sparse = false }: StageOptions,
): Promise<Content> {
  const { version } = work.volume
  const writes = new WritesUnderWay()
  const addresses: AddressParts[] = []
  let length = 0
  let blocks = 0
  await work.seekRun('file block', Math.max(1, Math.ceil(size / FILE_BLOCK_BYTES)))
  const place = async (data: Buffer) => {
    if (addresses.length >= reachOf(version)) throw tooLarge(version)
    length += data.length
    if (sparse && isZero(data)) return void addresses.push(HOLE)
    const { address, offset } = await work.takeAhead('file block')
    addresses.push(address)
    blocks++
    await writes.add(work.tx.write(offset, paddedTo(version.sectorBytes, data)))
  }
  try {
    await place(first)
    for await (const data of rest) await place(data)
  } finally {
    await writes.settle()
  }
  return { length, blockBytes: FILE_BLOCK_BYTES, blocks, ...(await listBlocks(work, addresses)) }
}

/** Where the list of a file's blocks stands: in the descriptor, or in pointer blocks that are written here. */
async function listBlocks(
  work: Work,
  blocks: readonly AddressParts[],
): Promise<Pick<Content, 'zla' | 'pointerBlocks' | 'addresses'>> {
  const { version } = work.volume
  const { placement, fileDescriptors } = version
  const hasHoles = blocks.some(({ kind }) => kind === 'hole')
  if (blocks.length <= fileDescriptors.maxAddresses && (placement.directHoles || !hasHoles))
    return { zla: ZLA.fileBlocks, pointerBlocks: 0, addresses: blocks }
  const addresses: AddressParts[] = []
  let pointerBlocks = 0
  for (let at = 0; at < blocks.length; at += fanOut(version)) {
    const listed = blocks.slice(at, at + fanOut(version))
    if (listed.every(({ kind }) => kind === 'hole')) addresses.push(HOLE)
    else {
      const { address, offset } = await work.takeAhead('pointer block')
      await work.tx.write(offset, pointerBlock(version, listed))
      addresses.push(address)
      pointerBlocks++
    }
  }
  return { zla: ZLA.pointerBlocks, pointerBlocks, addresses }
}

export function pointerBlock(version: VmfsVersion, blocks: readonly AddressParts[]): Buffer {
  const image = Buffer.alloc(version.pointerBlocks.bytes)
  for (const [index, address] of blocks.entries())
    version.addresses.write(image, index * version.addresses.bytes, address)
  return image
}

/** Addresses in one pointer block. */
export const fanOut = ({ pointerBlocks, addresses }: VmfsVersion): number => pointerBlocks.bytes / addresses.bytes

/** Blocks of the longest file. */
export const reachOf = (version: VmfsVersion): number => version.fileDescriptors.maxAddresses * fanOut(version)

export function tooLarge(version: VmfsVersion): VmfsError {
  const gib = (reachOf(version) * FILE_BLOCK_BYTES) / 2 ** 30
  return new VmfsError('too large', `a file of VMFS${version.version} has at most ${gib} GiB`)
}

/** Blocks of the same length, the last one shorter. The first one grows as data comes: most files are small. */
async function* inBlocks(source: AsyncIterable<Uint8Array>, blockBytes: number): AsyncGenerator<Buffer, undefined> {
  let block: Buffer = Buffer.alloc(0)
  let filled = 0
  for await (const piece of source)
    for (let at = 0; at < piece.length; ) {
      const bytes = Math.min(piece.length - at, blockBytes - filled)
      if (filled + bytes > block.length) block = grown(block.subarray(0, filled), filled + bytes, blockBytes)
      block.set(piece.subarray(at, at + bytes), filled)
      at += bytes
      filled += bytes
      if (filled < blockBytes) continue
      yield block
      block = Buffer.allocUnsafe(blockBytes)
      filled = 0
    }
  if (filled > 0) yield block.subarray(0, filled)
}

function grown(data: Buffer, least: number, most: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.min(Math.max(least, 2 * data.length), most))
  data.copy(larger)
  return larger
}

async function* emptySource(): AsyncGenerator<Uint8Array> {}

/** With zeros up to the end of its last sector. */
export function paddedTo(sectorBytes: number, data: Buffer): Buffer {
  const rest = data.length % sectorBytes
  return rest === 0 ? data : Buffer.concat([data, Buffer.alloc(sectorBytes - rest)])
}

const ZEROS = Buffer.alloc(FILE_BLOCK_BYTES)
const isZero = (data: Buffer): boolean => data.equals(ZEROS.subarray(0, data.length))
