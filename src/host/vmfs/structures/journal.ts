// A host's journal: one record at the start of its file block (VMFS5) or journal block (VMFS6). The format is Lunette's
// own: ESXi's is not public. A record is committed once it stands whole, which its checksum proves, and holds the new
// images of all metadata sectors of one transaction; without images it says that nothing is to be replayed.

import { crc32c } from '@node-rs/crc32'
import { VmfsError } from '../errors.ts'
import { size64, structure, u32, u64 } from './structure.ts'
import { uuid } from './uuid.ts'

const MAGIC = 0x4a4e554c // "LUNJ"
const VERSION = 1
const HEADER_BYTES = 64
const ENTRY_BYTES = 16
const ALIGNMENT = 512
/** Sectors of one record, whatever the journal's size. */
export const MAX_JOURNAL_IMAGES = 1024

const HEADER = structure('journal record', HEADER_BYTES, {
  magic: u32(0x00),
  version: u32(0x04),
  sequence: u64(0x08),
  writer: uuid(0x10),
  count: u32(0x20),
  /** Of the whole record. */
  length: u32(0x24),
  /** CRC32C of the whole record with this field zero. */
  checksum: u32(0x28),
})

const ENTRY = structure('journal entry', ENTRY_BYTES, { volumeOffset: size64(0), length: u32(8) })

/** A run of bytes of the volume as the transaction leaves them. */
export interface JournalImage {
  readonly volumeOffset: number
  readonly data: Buffer
}

export interface JournalRecord {
  readonly sequence: bigint
  /** UUID of the host that wrote it. */
  readonly writer: string
  readonly images: readonly JournalImage[]
}

export interface JournalBounds {
  readonly journalBytes: number
  /** The medium's sector: a record starts and ends on one. */
  readonly sectorBytes: 512 | 4096
  readonly volumeBytes: number
}

/** Bytes that a record of images of these lengths takes. */
export function journalRecordBytes(lengths: readonly number[], sectorBytes: number): number {
  const images = lengths.reduce((sum, length) => sum + length, 0)
  return Math.ceil((imagesOffset(lengths.length) + images) / sectorBytes) * sectorBytes
}

/** @throws VmfsError 'too large' for a record that does not fit the journal */
export function encodeJournalRecord({ sequence, writer, images }: JournalRecord, bounds: JournalBounds): Buffer {
  const lengths = images.map(({ data }) => data.length)
  const length = journalRecordBytes(lengths, bounds.sectorBytes)
  if (images.length > MAX_JOURNAL_IMAGES || length > bounds.journalBytes)
    throw new VmfsError('too large', `a change of ${images.length} sectors does not fit the journal`)
  const record = Buffer.alloc(length)
  HEADER.encode({ magic: MAGIC, version: VERSION, sequence, writer, count: images.length, length }, record)
  let at = imagesOffset(images.length)
  for (const [index, { volumeOffset, data }] of images.entries()) {
    requireImage(volumeOffset, data.length, bounds)
    ENTRY.encode({ volumeOffset, length: data.length }, record, HEADER_BYTES + index * ENTRY_BYTES)
    at += data.copy(record, at)
  }
  return HEADER.encode({ checksum: crc32c(record) }, record)
}

/** The first `sectorBytes` of a journal tell how many bytes its record has: `undefined` where none can stand. */
export function journalRecordLength(sector: Buffer, bounds: JournalBounds): number | undefined {
  const { magic, version, length, count } = HEADER.decode(sector)
  const plausible =
    magic === MAGIC &&
    version === VERSION &&
    length % bounds.sectorBytes === 0 &&
    length <= bounds.journalBytes &&
    length >= imagesOffset(count) &&
    count <= MAX_JOURNAL_IMAGES
  return plausible ? length : undefined
}

/**
 * The record at the start of `source`; `undefined` where none stands, or one that was torn while it was written: its
 * transaction never began to change the volume.
 * @throws VmfsError 'damaged' for a whole record that would write outside the volume
 */
export function decodeJournalRecord(source: Buffer, bounds: JournalBounds): JournalRecord | undefined {
  const length = journalRecordLength(source, bounds)
  if (length === undefined || length > source.length) return undefined
  const record = Buffer.from(source.subarray(0, length))
  const { sequence, writer, count, checksum } = HEADER.decode(record)
  if (crc32c(HEADER.encode({ checksum: 0 }, record)) !== checksum) return undefined
  const images: JournalImage[] = []
  let at = imagesOffset(count)
  for (let index = 0; index < count; index++) {
    const entry = ENTRY.decode(record, HEADER_BYTES + index * ENTRY_BYTES)
    requireImage(entry.volumeOffset, entry.length, bounds)
    if (at + entry.length > length) throw new VmfsError('damaged', 'a journal record names more data than it holds')
    images.push({ volumeOffset: entry.volumeOffset, data: record.subarray(at, at + entry.length) })
    at += entry.length
  }
  return { sequence, writer, images }
}

/** Images follow the entries, on the next sector of 512 bytes. */
function imagesOffset(count: number): number {
  return Math.ceil((HEADER_BYTES + count * ENTRY_BYTES) / ALIGNMENT) * ALIGNMENT
}

function requireImage(volumeOffset: number, length: number, { sectorBytes, volumeBytes }: JournalBounds): void {
  const aligned = volumeOffset % sectorBytes === 0 && length % sectorBytes === 0 && length > 0
  if (!aligned || volumeOffset + length > volumeBytes)
    throw new VmfsError(
      'damaged',
      `a journal record changes ${length} bytes of a volume of ${volumeBytes}`,
      volumeOffset,
    )
}
