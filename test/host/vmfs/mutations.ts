// Seeded damage to the image of a volume: each seed gives a fork of the base with something wrong in its metadata. What is done
// to it follows from the seed alone, so a failure is seen again by its seed.

import { type FileDescriptor, isDirectory } from '../../../src/host/vmfs/file-descriptors.ts'
import { lookup, walkTree } from '../../../src/host/vmfs/path-lookup.ts'
import { ZLA } from '../../../src/host/vmfs/structures/file-descriptor.ts'
import { FS_DESCRIPTOR_OFFSET } from '../../../src/host/vmfs/structures/fs-descriptor.ts'
import { LVM_DATA_OFFSET, LVM_HEADER_OFFSET } from '../../../src/host/vmfs/structures/lvm.ts'
import type { Volume } from '../../../src/host/vmfs/volume.ts'
import type { MemoryDevice } from './memory-device.ts'

const PAGE = 4096

export interface Range {
  readonly offset: number
  readonly length: number
}

/** A generator of numbers below a bound; the same for the same seed, everywhere. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Where on the device the metadata is that leads to the volume's files. */
export async function metadataOf(volume: Volume): Promise<Range[]> {
  const { version, files } = volume
  const tables = version.lvmTables
  const onDevice: Range[] = [
    { offset: LVM_HEADER_OFFSET, length: 256 },
    { offset: tables.volumeEntry, length: 256 },
  ]
  const onVolume: Range[] = [{ offset: FS_DESCRIPTOR_OFFSET, length: 0x160 }]
  for (const file of [files.fdc, files.sbc, files.pbc, files.pb2, files.fbb]) {
    onVolume.push({ offset: await file.offsetOf(0, 8192), length: 96 })
    for (let cluster = 0; cluster < Math.min(file.places.clusters, 2); cluster++) {
      const offset = (await file.headerOffset(cluster)) + version.clusters.sectorBytes
      onVolume.push({ offset: offset - version.clusters.sectorBytes, length: 128 }, { offset, length: 256 })
    }
  }
  const root = await lookup(volume, '/')
  const everything = [root.file]
  for await (const { file } of walkTree(volume, root)) everything.push(file)
  for (const file of everything) onVolume.push(...(await metadataOfFile(volume, file)))
  const moved = onVolume.map(({ offset, length }) => ({ offset: offset + LVM_DATA_OFFSET, length }))
  return [...onDevice, ...moved]
}

/** Its descriptor, its pointer blocks, and what it holds where that leads to other files. */
async function metadataOfFile(volume: Volume, file: FileDescriptor): Promise<Range[]> {
  const { metaOffset, dataOffset, addressesOffset } = volume.version.fileDescriptors
  const { offset, meta } = file
  const ranges: Range[] = [
    { offset, length: 128 },
    { offset: offset + metaOffset, length: 144 },
    { offset: offset + dataOffset, length: 64 },
    { offset: offset + addressesOffset, length: 64 },
  ]
  if (meta.zla === ZLA.doubleIndirect) return ranges
  const { map, length } = volume.openFile(file)
  for await (const { role, address } of map.addresses())
    if (role === 'pointers' && 'cluster' in address)
      ranges.push({ offset: await volume.contextOver(volume.cache).locate(address), length: 64 })
  if (isDirectory(meta))
    for (let at = 0; at < length; at += PAGE) {
      const place = await map.place(at)
      if (place.offset !== undefined) ranges.push({ offset: place.offset, length: Math.min(PAGE, length - at) })
    }
  return ranges
}

/** Values that are wrong in most places, and at the edges of what fits. */
const VALUES = [0n, 1n, 2n, 7n, 0xffn, 0x7fffn, 0xffffn, 0x10000n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 1n << 40n]
const WIDE_VALUES = [...VALUES, (1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]

/** A fork of the device with something wrong in one to three places. */
export function mutate(base: MemoryDevice, metadata: readonly Range[], seed: number): MemoryDevice {
  const below = seeded(seed)
  const truncated = below(50) === 0
  const device = base.fork(truncated ? below(base.size / 512) * 512 : base.size)
  for (let left = 1 + below(3); left > 0; left--) spoil(device, metadata[below(metadata.length)]!, metadata, below)
  return device
}

function spoil(
  device: MemoryDevice,
  { offset, length }: Range,
  metadata: readonly Range[],
  below: (bound: number) => number,
): void {
  const at = offset + below(length)
  const aligned = at - (at % 4)
  const field = Buffer.alloc(8)
  switch (below(7)) {
    case 0:
      return device.poke(at, Buffer.from([below(256)]))
    case 1: {
      const byte = device.peek(at, 1)
      byte[0] = (byte[0] ?? 0) ^ (1 << below(8))
      return device.poke(at, byte)
    }
    case 2:
      field.writeBigUInt64LE(VALUES[below(VALUES.length)]!)
      return device.poke(aligned, field.subarray(0, 4))
    case 3:
      field.writeBigUInt64LE(WIDE_VALUES[below(WIDE_VALUES.length)]!)
      return device.poke(aligned, field)
    case 4:
      // One that is nearly right.
      field.writeUInt32LE((device.peek(aligned, 4).readUInt32LE() + below(5) - 2 + 2 ** 32) % 2 ** 32)
      return device.poke(aligned, field.subarray(0, 4))
    case 5: {
      const other = metadata[below(metadata.length)]!
      return device.poke(offset, device.peek(other.offset, Math.min(length, other.length)))
    }
    default:
      return device.poke(at, Buffer.alloc(1 + below(length), below(2) === 0 ? 0 : 0xff))
  }
}
