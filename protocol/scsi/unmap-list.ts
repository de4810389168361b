// UNMAP parameter list (SBC-3 5.28.2).

import { reserved, u16, u32, u64 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'

const HEADER = layout('UNMAP parameter list', 'SBC-3 5.28.2', 8, [
  u16('unmapDataLength'), // 0-1, of what follows
  u16('blockDescriptorDataLength'), // 2-3
  reserved(32),
])

const DESCRIPTOR = layout('UNMAP block descriptor', 'SBC-3 5.28.2', 16, [u64('lba'), u32('blocks'), reserved(32)])

export interface UnmapDescriptor {
  readonly lba: bigint
  readonly blocks: number
}

export function encodeUnmapList(descriptors: readonly UnmapDescriptor[]): Buffer {
  const list = Buffer.alloc(HEADER.size + DESCRIPTOR.size * descriptors.length)
  const blockDescriptorDataLength = list.length - HEADER.size
  HEADER.encode({ unmapDataLength: list.length - 2, blockDescriptorDataLength }, list)
  descriptors.forEach((descriptor, index) => {
    DESCRIPTOR.encode(descriptor, list, unmapDescriptorOffset(index))
  })
  return list
}

/** Where a descriptor stands in the list, for field pointers. */
export const unmapDescriptorOffset = (index: number): number => HEADER.size + DESCRIPTOR.size * index

/**
 * Throws a WireError when the header is cut. A descriptor that is not whole, by its length or because the list ends, is
 * ignored (SBC-3 5.28.2).
 */
export function decodeUnmapList(source: Buffer): UnmapDescriptor[] {
  const end = Math.min(source.length, HEADER.size + HEADER.decode(source).blockDescriptorDataLength)
  const descriptors: UnmapDescriptor[] = []
  for (let at = HEADER.size; at + DESCRIPTOR.size <= end; at += DESCRIPTOR.size)
    descriptors.push(DESCRIPTOR.decode(source, at))
  return descriptors
}
