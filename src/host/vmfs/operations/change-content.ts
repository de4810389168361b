// Changes the content of a file where it stands: writes over it, makes it longer or shorter. Data goes to its place at once, as on a
// disk; what leads there changes with the transaction. What a file has between its old end and a write behind it reads as zeros.

import { VmfsError } from '../errors.ts'
import type { FileDescriptor } from '../file-descriptors.ts'
import type { Address, AddressParts } from '../structures/address.ts'
import { FILE_TYPE, ZLA } from '../structures/file-descriptor.ts'
import { FILE_BLOCK_BYTES } from '../version.ts'
import type { Work } from '../writing.ts'
import { BlockList } from './block-list.ts'
import { freeContent, putContent, residentContent } from './content.ts'
import { FileEdit } from './file-edit.ts'
import { quote } from './names.ts'
import { paddedTo, stageSmall } from './stage-content.ts'

/** Writes at `offset` of the file, which becomes longer when that is behind its end. */
export async function writeContent(work: Work, file: FileDescriptor, offset: number, data: Buffer): Promise<void> {
  requireFile(file)
  const edit = new FileEdit(work, file)
  await change(work, edit, Math.max(file.meta.length, offset + data.length), offset, data)
  await edit.save({ modifiedAt: work.time, changedAt: work.time })
}

/** Makes the file `length` bytes long: shorter, and what it loses is freed; longer, by a hole. */
export async function resizeContent(work: Work, file: FileDescriptor, length: number): Promise<void> {
  requireFile(file)
  const edit = new FileEdit(work, file)
  if (length < file.meta.length) await shorten(work, edit, length)
  else await change(work, edit, length, length, Buffer.alloc(0))
  await edit.save({ modifiedAt: work.time, changedAt: work.time })
}

export function requireFile({ meta, name, path }: FileDescriptor & { readonly path?: string }): void {
  const what = path === undefined ? name : quote(path)
  if (meta.type === FILE_TYPE.directory) throw new VmfsError('is a directory', `${what} is a directory`)
  if (meta.type !== FILE_TYPE.file) throw new VmfsError('read-only', `${what} is no file with data of its own`)
}

async function change(work: Work, file: FileEdit, length: number, offset: number, data: Buffer): Promise<void> {
  const { subBlockBytes } = work.volume.version
  if (!isInFileBlocks(file) && length <= subBlockBytes) return await changeSmall(work, file, length, offset, data)
  if (!isInFileBlocks(file)) await moveToFileBlocks(work, file)
  const list = new BlockList(work, file)
  const blocks = Math.ceil(length / FILE_BLOCK_BYTES)
  await list.makeRoom(blocks)
  await zeroBetween(work, file, file.meta.length, offset)
  const inPlace: BlockWrite[] = []
  for (const write of byBlock(offset, data)) {
    const place = ownBlock(file, await list.address(write.index))
    if (place === undefined) await fillBlock(work, file, list, write)
    else inPlace.push({ ...write, place })
  }
  await list.settle(blocks)
  // Nothing is written over before it is known that all of it has room.
  for (const { place = 0, within, data } of inPlace) await patch(work, place + within, data)
  file.set({ length })
}

/** What is written within one block of the file. */
interface BlockWrite {
  readonly index: number
  /** Where in the block. */
  readonly within: number
  readonly data: Buffer
  /** Of the block in the volume. */
  readonly place?: number
}

function* byBlock(offset: number, data: Buffer): Generator<BlockWrite> {
  for (let done = 0; done < data.length; ) {
    const within = (offset + done) % FILE_BLOCK_BYTES
    const part = data.subarray(done, done + FILE_BLOCK_BYTES - within)
    yield { index: Math.floor((offset + done) / FILE_BLOCK_BYTES), within, data: part }
    done += part.length
  }
}

const isInFileBlocks = ({ meta: { zla } }: FileEdit): boolean => zla !== ZLA.resident && zla !== ZLA.subBlocks

/** All of a file that is in its descriptor or in a sub-block; it is written anew where its place does not change. */
async function changeSmall(work: Work, file: FileEdit, length: number, offset: number, data: Buffer): Promise<void> {
  const { version } = work.volume
  const content = Buffer.alloc(length)
  ;(await readSmall(work, file)).copy(content)
  data.copy(content, offset)
  const { zla } = file.meta
  if (zla === ZLA.resident && length <= residentReach(work, file))
    return putContent(version, file, residentContent(version, content))
  if (zla === ZLA.resident) return putContent(version, file, await stageSmall(work, content))
  const { offset: place } = await file.map.place(0)
  if (place === undefined) return await replaceSmall(work, file, content)
  const from = Math.min(offset, file.meta.length)
  const start = from - (from % version.sectorBytes)
  if (length > start) await work.tx.write(place + start, paddedTo(version.sectorBytes, content.subarray(start)))
  file.set({ length })
}

/** Data stays in a descriptor that holds some already, also where ours would not put it. */
function residentReach(work: Work, { meta }: FileEdit): number {
  const { placement, fileDescriptors } = work.volume.version
  return meta.length > 0 ? fileDescriptors.maxResidentBytes : placement.maxResidentBytes
}

async function replaceSmall(work: Work, file: FileEdit, content: Buffer): Promise<void> {
  await freeContent(work, file.descriptor)
  putContent(work.volume.version, file, await stageSmall(work, content))
}

/** Other programs make files of several sub-blocks, of which there are at most as many as a descriptor lists. */
async function readSmall(work: Work, file: FileEdit): Promise<Buffer> {
  return await work.volume.openFile(file.descriptor).read(0, file.meta.length)
}

/** Data moves to blocks of its own, the rest of which is zero; an empty file gets an empty list. */
async function moveToFileBlocks(work: Work, file: FileEdit): Promise<void> {
  const { length } = file.meta
  const content = await readSmall(work, file)
  await freeContent(work, file.descriptor)
  const addresses: AddressParts[] = []
  for (const { data } of byBlock(0, content)) {
    const { address, offset } = await work.take('file block')
    await work.tx.write(offset, Buffer.concat([data], FILE_BLOCK_BYTES))
    addresses.push(address)
  }
  putContent(work.volume.version, file, {
    ...{ zla: ZLA.fileBlocks, length, blockBytes: FILE_BLOCK_BYTES, pointerBlocks: 0 },
    ...{ blocks: addresses.length, addresses },
  })
}

/** Writes into a block that the file does not have yet, or that reads as zeros whatever it holds. */
async function fillBlock(work: Work, file: FileEdit, list: BlockList, { index, within, data }: BlockWrite) {
  const address = await list.address(index)
  const whole = Buffer.alloc(FILE_BLOCK_BYTES)
  data.copy(whole, within)
  if (address.kind === 'file block') {
    await work.tx.write(address.block * FILE_BLOCK_BYTES, whole)
    file.set({ toBeZeroedBlocks: Math.max(file.meta.toBeZeroedBlocks - 1, 0) })
    return await list.set(index, { kind: 'file block', block: address.block })
  }
  const taken = await work.take('file block')
  await work.tx.write(taken.offset, whole)
  await list.set(index, taken.address)
  file.setBlocks(file.meta.blocks + 1)
}

/**
 * Where a block stands whose bytes are the file's own; nothing for what reads as zeros.
 * @throws VmfsError 'unsupported' for what other files share, and for large file blocks
 */
function ownBlock(file: FileEdit, address: Address): number | undefined {
  if (address.kind === 'hole') return undefined
  if (address.kind !== 'file block' || address.cow)
    throw new VmfsError('unsupported', `the file has blocks that are not changed in place`, file.lock)
  return address.toBeZeroed === 0 ? address.block * FILE_BLOCK_BYTES : undefined
}

/** What stands in the file's blocks from its old end on is not zero yet. */
async function zeroBetween(work: Work, file: FileEdit, from: number, to: number): Promise<void> {
  if (from >= to) return
  for await (const { role, index, address } of file.map.addresses()) {
    const start = Math.max(from, index * FILE_BLOCK_BYTES)
    const end = Math.min(to, (index + 1) * FILE_BLOCK_BYTES)
    const place = role === 'data' && start < end ? ownBlock(file, address) : undefined
    if (place !== undefined) await patch(work, place + (start % FILE_BLOCK_BYTES), Buffer.alloc(end - start))
  }
}

/** Writes any bytes of the volume that hold data, with what their sectors hold before and behind them. */
async function patch(work: Work, offset: number, data: Buffer): Promise<void> {
  const { sectorBytes } = work.volume.version
  const before = offset % sectorBytes
  const length = Math.ceil((before + data.length) / sectorBytes) * sectorBytes
  if (before === 0 && length === data.length) return await work.tx.write(offset, data)
  const sectors = await work.volume.logical.read(offset - before, length)
  data.copy(sectors, before)
  await work.tx.write(offset - before, sectors)
}

async function shorten(work: Work, file: FileEdit, length: number): Promise<void> {
  const { version } = work.volume
  if (length === 0) {
    await freeContent(work, file.descriptor)
    return putContent(version, file, residentContent(version, Buffer.alloc(0)))
  }
  if (file.meta.zla === ZLA.resident)
    return putContent(version, file, residentContent(version, (await readSmall(work, file)).subarray(0, length)))
  if (file.meta.zla === ZLA.subBlocks) await cutSubBlocks(work, file, Math.ceil(length / version.subBlockBytes))
  if (isInFileBlocks(file)) {
    const { blocks, pointerBlocks } = await new BlockList(work, file).cut(Math.ceil(length / FILE_BLOCK_BYTES))
    file.set({ pointerBlocks: Math.max(file.meta.pointerBlocks - pointerBlocks, 0) })
    file.setBlocks(Math.max(file.meta.blocks - blocks, 0))
  }
  file.set({ length })
}

async function cutSubBlocks(work: Work, file: FileEdit, first: number): Promise<void> {
  for await (const { index, address } of file.map.addresses()) {
    if (index < first) continue
    work.free(address)
    file.setAddress(index, { kind: 'hole' })
    file.setBlocks(Math.max(file.meta.blocks - 1, 0))
  }
}
