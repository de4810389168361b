// The content of a file as its descriptor says it (notes, 9): data in the descriptor, in a sub-block, in file blocks, or in file
// blocks that pointer blocks list.

import type { FileDescriptor } from '../file-descriptors.ts'
import { FileMap } from '../file-map.ts'
import type { AddressParts } from '../structures/address.ts'
import { clearContent, setResidentData, ZLA } from '../structures/file-descriptor.ts'
import { FILE_BLOCK_BYTES, type VmfsVersion } from '../version.ts'
import type { Work } from '../writing.ts'
import type { FileEdit } from './file-edit.ts'

export interface Content {
  readonly zla: number
  /** Of the file, in bytes. */
  readonly length: number
  readonly blockBytes: number
  /** Allocated ones, without pointer blocks. */
  readonly blocks: number
  readonly pointerBlocks: number
  /** In the descriptor. */
  readonly addresses: readonly AddressParts[]
  /** In their place. */
  readonly data?: Buffer
}

export const residentContent = ({ subBlockBytes }: VmfsVersion, data: Buffer): Content => ({
  ...{ zla: ZLA.resident, length: data.length, blockBytes: subBlockBytes, blocks: 0, pointerBlocks: 0 },
  ...{ addresses: [], data },
})

export const subBlockContent = (
  { subBlockBytes }: VmfsVersion,
  length: number,
  addresses: readonly AddressParts[],
): Content => ({
  ...{ zla: ZLA.subBlocks, length, blockBytes: subBlockBytes, blocks: addresses.length, pointerBlocks: 0, addresses },
})

/** Makes a descriptor say this content; what it said before is no longer led to. */
export function putContent(version: VmfsVersion, file: FileEdit, content: Content): void {
  const { zla, length, blockBytes, blocks, pointerBlocks, addresses, data } = content
  if (data) setResidentData(version.fileDescriptors, file.image, data)
  else clearContent(version.fileDescriptors, file.image)
  for (const [index, address] of addresses.entries()) if (address.kind !== 'hole') file.setAddress(index, address)
  file.set({
    ...{ zla, length, blockBytes, pointerBlocks, blockShift: Math.log2(blockBytes) },
    ...{ toBeZeroedBlocks: 0, copyOnWriteBlocks: 0, toBeZeroedShift: toBeZeroedShift(version, content) },
  })
  file.setBlocks(blocks)
}

/** Real volumes have the size of a file block, and on VMFS5 that of the sub-block in files which have one. */
function toBeZeroedShift({ version }: VmfsVersion, { zla, blockBytes }: Content): number {
  return Math.log2(version === 5 && zla === ZLA.subBlocks ? blockBytes : FILE_BLOCK_BYTES)
}

/** Frees all that a file leads to, once the operation is done. @throws VmfsError 'unsupported' for what is shared */
export async function freeContent(work: Work, file: FileDescriptor): Promise<void> {
  for await (const { address } of new FileMap(work.context, file).addresses()) work.free(address)
}
