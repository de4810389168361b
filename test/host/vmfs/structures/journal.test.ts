import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeJournalRecord,
  encodeJournalRecord,
  type JournalBounds,
  journalRecordBytes,
  journalRecordLength,
  MAX_JOURNAL_IMAGES,
} from '../../../../src/host/vmfs/structures/journal.ts'

const WRITER = '12345678-90abcdef-1234-00506201ff00'
const VMFS5: JournalBounds = { journalBytes: 2 ** 20, sectorBytes: 512, volumeBytes: 2 ** 28 }
const VMFS6: JournalBounds = { journalBytes: 2 ** 21, sectorBytes: 4096, volumeBytes: 2 ** 28 }

const images = (bounds: JournalBounds, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    volumeOffset: 0x400000 + index * 3 * bounds.sectorBytes,
    data: Buffer.alloc(bounds.sectorBytes * (1 + (index % 2)), index + 1),
  }))
const record = (bounds: JournalBounds, count: number) => ({
  sequence: 7n,
  writer: WRITER,
  images: images(bounds, count),
})

test.each([
  ['VMFS5', VMFS5],
  ['VMFS6', VMFS6],
])('%s: a record is what was written, with whatever stands behind it', (_, bounds) => {
  for (const count of [0, 1, 2, 29, 200]) {
    const raw = encodeJournalRecord(record(bounds, count), bounds)
    expect(raw.length % bounds.sectorBytes).toBe(0)
    expect(raw).toHaveLength(
      journalRecordBytes(
        images(bounds, count).map(({ data }) => data.length),
        bounds.sectorBytes,
      ),
    )
    expect(journalRecordLength(raw.subarray(0, bounds.sectorBytes), bounds)).toBe(raw.length)
    expect(decodeJournalRecord(Buffer.concat([raw, Buffer.alloc(8192, 0xee)]), bounds)).toEqual(record(bounds, count))
  }
})

test('a record of no images takes one sector', () => {
  expect(encodeJournalRecord(record(VMFS6, 0), VMFS6)).toHaveLength(4096)
  expect(encodeJournalRecord(record(VMFS5, 0), VMFS5)).toHaveLength(512)
})

test('a record that is cut anywhere is none', () => {
  const raw = encodeJournalRecord(record(VMFS5, 5), VMFS5)
  for (let sectors = 0; sectors < raw.length / 512; sectors++) {
    const before = Buffer.alloc(raw.length, 0x77)
    raw.copy(before, 0, 0, sectors * 512)
    expect(decodeJournalRecord(before, VMFS5)).toBeUndefined()
    expect(decodeJournalRecord(raw.subarray(0, Math.max(512, sectors * 512)), VMFS5)).toBeUndefined()
  }
})

test('a record over the rest of an older one is itself or none', () => {
  const older = encodeJournalRecord({ ...record(VMFS5, 5), sequence: 6n }, VMFS5)
  const changed = images(VMFS5, 5).map(({ volumeOffset, data }) => ({ volumeOffset, data: Buffer.from(data).fill(9) }))
  const newer = encodeJournalRecord({ ...record(VMFS5, 5), images: changed }, VMFS5)
  newer.subarray(0, 1024).copy(older)
  expect(decodeJournalRecord(older, VMFS5)).toBeUndefined()
})

test('any bit that is wrong makes it none', () => {
  const raw = encodeJournalRecord(record(VMFS5, 3), VMFS5)
  fc.assert(
    fc.property(fc.nat({ max: raw.length * 8 - 1 }), (bit) => {
      const wrong = Buffer.from(raw)
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(decodeJournalRecord(wrong, VMFS5)).toBeUndefined()
    }),
  )
})

test('bytes of anything else are none', () => {
  expect(decodeJournalRecord(Buffer.alloc(4096), VMFS5)).toBeUndefined()
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 512, maxLength: 2048 }), (raw) => {
      expect(decodeJournalRecord(Buffer.from(raw), VMFS5)).toBeUndefined()
    }),
  )
})

test.each([
  ['more sectors than a record has', Array.from({ length: MAX_JOURNAL_IMAGES + 1 }, () => 512)],
  ['more bytes than the journal', [2 ** 20]],
])('%s are too large', (_, lengths) => {
  const many = lengths.map((length, index) => ({ volumeOffset: index * 512, data: Buffer.alloc(length) }))
  expect(() => encodeJournalRecord({ ...record(VMFS5, 0), images: many }, VMFS5)).toThrow(
    expect.objectContaining({ problem: 'too large' }),
  )
})

test.each([
  ['outside the volume', 2 ** 28, 512],
  ['across its end', 2 ** 28 - 512, 1024],
  ['of half a sector', 0, 256],
  ['between sectors', 256, 512],
])('a change %s is not logged, and not replayed where another program logged it', (_, volumeOffset, length) => {
  const change = { ...record(VMFS5, 0), images: [{ volumeOffset, data: Buffer.alloc(length) }] }
  expect(() => encodeJournalRecord(change, VMFS5)).toThrow(expect.objectContaining({ problem: 'damaged' }))
  const lax: JournalBounds = { ...VMFS5, volumeBytes: 2 ** 40 }
  if (volumeOffset % 512 === 0 && length % 512 === 0)
    expect(() => decodeJournalRecord(encodeJournalRecord(change, lax), VMFS5)).toThrow(
      expect.objectContaining({ problem: 'damaged', volumeOffset }),
    )
})
