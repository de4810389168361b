import { expect, test } from 'vitest'
import {
  DEVICE_HEADER,
  LVM_DATA_OFFSET,
  LVM5_TABLES,
  LVM6_TABLES,
  partitionTypes,
  VOLUME_ENTRY,
  vmfsPartition,
} from '../../../../src/host/vmfs/structures/lvm.ts'

/** A sector with partition entries of these types, each at LBA 128 * (entry + 1). */
function mbr(...types: number[]): Buffer {
  const sector = Buffer.alloc(512)
  for (const [entry, type] of types.entries()) {
    sector.writeUInt8(type, 446 + 16 * entry + 4)
    sector.writeUInt32LE(128 * (entry + 1), 446 + 16 * entry + 8)
  }
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}

test('an MBR leads to a volume by its first entry alone (vmfs-format.md, 1.4)', () => {
  expect(vmfsPartition(mbr(0xfb))).toBe(128)
  expect(vmfsPartition(mbr(0x83, 0xfb))).toBeUndefined()
  expect(vmfsPartition(mbr(0xee))).toBeUndefined()
  expect(vmfsPartition(Buffer.alloc(512))).toBeUndefined()
  expect(vmfsPartition(mbr(0xfb).fill(0, 510))).toBeUndefined()
})

test('the types of an MBR', () => {
  expect(partitionTypes(mbr(0x83, 0, 0xfb))).toEqual([0x83, 0xfb])
  expect(partitionTypes(mbr(0x83).fill(0, 510))).toEqual([])
})

test('the tables of each version end before the data', () => {
  const peTableBytes = 8192 * 128
  for (const tables of [LVM5_TABLES, LVM6_TABLES]) {
    const { volumeEntry, deviceNames, peBitmap, peBitmapBytes, peEntries } = tables
    expect([volumeEntry, deviceNames, peBitmap, peEntries]).toEqual(
      [volumeEntry, deviceNames, peBitmap, peEntries].sort((a, b) => a - b),
    )
    expect(deviceNames + 32 * 256).toBeLessThanOrEqual(peBitmap)
    expect(peBitmap + peBitmapBytes).toBeLessThanOrEqual(peEntries)
    expect(peEntries + peTableBytes).toBeLessThanOrEqual(LVM_DATA_OFFSET)
  }
})

test('a header and a volume entry are what was written', () => {
  const header = { majorVersion: 6, totalBytes: 2 ** 41, lastPeEntry: 0, pes: 8191, diskName: 'vmhba0:4:0' }
  expect(DEVICE_HEADER.decode(DEVICE_HEADER.encode(header))).toMatchObject(header)
  const entry = { firstPe: 4, lastPe: 7, pes: 4, volumeUuid: '12345678-90abcdef-1234-00506201ff00', name: 'x' }
  expect(VOLUME_ENTRY.decode(VOLUME_ENTRY.encode(entry))).toMatchObject(entry)
})
