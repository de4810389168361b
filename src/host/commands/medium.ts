// The commands of a disk on its blocks (SBC-4): capacity, reads and writes, and the VAAI primitives ATS (COMPARE AND WRITE), zero
// (WRITE SAME) and delete (UNMAP). `blocks` counts logical blocks, `blockLength` their bytes.

import { type Capacity16, decodeCapacity10, decodeCapacity16 } from '../../../protocol/scsi/capacity.ts'
import { COMPARE_AND_WRITE } from '../../../protocol/scsi/commands/compare-and-write.ts'
import { GET_LBA_STATUS } from '../../../protocol/scsi/commands/get-lba-status.ts'
import { READ_10, READ_16 } from '../../../protocol/scsi/commands/read.ts'
import { READ_CAPACITY_10, READ_CAPACITY_16 } from '../../../protocol/scsi/commands/read-capacity.ts'
import { START_STOP_UNIT } from '../../../protocol/scsi/commands/start-stop-unit.ts'
import { SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16 } from '../../../protocol/scsi/commands/synchronize-cache.ts'
import { UNMAP } from '../../../protocol/scsi/commands/unmap.ts'
import { VERIFY_16 } from '../../../protocol/scsi/commands/verify.ts'
import { WRITE_10, WRITE_16 } from '../../../protocol/scsi/commands/write.ts'
import { WRITE_SAME_16 } from '../../../protocol/scsi/commands/write-same.ts'
import { decodeLbaStatus, type LbaStatusList } from '../../../protocol/scsi/lba-status.ts'
import { encodeUnmapList, type UnmapDescriptor } from '../../../protocol/scsi/unmap-list.ts'
import { asItIs, nothing, type Request, request, wide } from './request.ts'

const CAPACITY_10_BYTES = 8
const CAPACITY_16_BYTES = 32
const LBA_STATUS_BYTES = 8 + 16 * 256

/** An LBA; 64 bits wide on the wire. */
export type Lba = bigint | number

export interface Caching {
  readonly dpo?: boolean
  /** FUA: past the cache. */
  readonly fua?: boolean
}

export const readCapacity10 = (): Request<{ lastLba: bigint | undefined; blockLength: number }> =>
  request(READ_CAPACITY_10, {}, { dataInLength: CAPACITY_10_BYTES, repeatable: true, decode: decodeCapacity10 })

export const readCapacity16 = (): Request<Capacity16> =>
  request(
    READ_CAPACITY_16,
    { allocationLength: CAPACITY_16_BYTES },
    { dataInLength: CAPACITY_16_BYTES, repeatable: true, decode: decodeCapacity16 },
  )

export const read10 = (lba: number, blocks: number, blockLength: number, caching: Caching = {}): Request<Buffer> =>
  request(
    READ_10,
    { lba, blocks, ...caching },
    { dataInLength: blocks * blockLength, repeatable: true, exact: true, decode: asItIs },
  )

export const read16 = (lba: Lba, blocks: number, blockLength: number, caching: Caching = {}): Request<Buffer> =>
  request(
    READ_16,
    { lba: wide('lba', lba), blocks, ...caching },
    { dataInLength: blocks * blockLength, repeatable: true, exact: true, decode: asItIs },
  )

/** Throws a RangeError for data that are not whole blocks. */
export function write10(lba: number, data: Buffer, blockLength: number, caching: Caching = {}): Request<void> {
  const values = { lba, blocks: wholeBlocks(data, blockLength), ...caching }
  return request(WRITE_10, values, { dataOut: data, repeatable: true, exact: true, decode: nothing })
}

/** Throws a RangeError for data that are not whole blocks. */
export function write16(lba: Lba, data: Buffer, blockLength: number, caching: Caching = {}): Request<void> {
  const values = { lba: wide('lba', lba), blocks: wholeBlocks(data, blockLength), ...caching }
  return request(WRITE_16, values, { dataOut: data, repeatable: true, exact: true, decode: nothing })
}

export interface WriteSameOptions {
  /** UNMAP: the blocks may be deallocated where they then read as `block`. */
  readonly unmap?: boolean
  readonly anchor?: boolean
}

/**
 * Writes `block` to each of `blocks` from `lba` on; with no `block` zeroes that are not sent (NDOB). No blocks means all to the
 * end of the medium where the device server admits it (WSNZ 0).
 */
export const writeSame16 = (
  lba: Lba,
  blocks: number,
  block: Buffer | undefined,
  options: WriteSameOptions = {},
): Request<void> =>
  request(
    WRITE_SAME_16,
    { lba: wide('lba', lba), blocks, ndob: block === undefined, ...options },
    { ...(block && { dataOut: block }), repeatable: true, slow: true, decode: nothing },
  )

/** Tells that the data of these blocks are not needed. */
export function unmap(
  descriptors: readonly UnmapDescriptor[],
  options: { readonly anchor?: boolean } = {},
): Request<void> {
  const dataOut = encodeUnmapList(descriptors)
  const values = { parameterListLength: dataOut.length, ...options }
  return request(UNMAP, values, { dataOut, repeatable: true, slow: true, decode: nothing })
}

/**
 * ATS: writes `replacement` if the medium holds `expected`, which is as long. Another initiator may have changed the blocks
 * between two executions, and the second would miscompare with what the first wrote: it is not repeatable.
 */
export function compareAndWrite(
  lba: Lba,
  expected: Buffer,
  replacement: Buffer,
  blockLength: number,
  caching: Caching = {},
): Request<void> {
  if (expected.length !== replacement.length)
    throw new RangeError(`COMPARE AND WRITE: ${expected.length} bytes to compare and ${replacement.length} to write`)
  const values = { lba: wide('lba', lba), blocks: wholeBlocks(expected, blockLength), ...caching }
  const dataOut = Buffer.concat([expected, replacement])
  return request(COMPARE_AND_WRITE, values, { dataOut, repeatable: false, exact: true, decode: nothing })
}

const BYTCHK = { NONE: 0, ALL_BLOCKS: 1, ONE_BLOCK: 3 } as const

/**
 * Verifies `blocks` from `lba` on; with `data` by comparing: with as many blocks as are verified, or each with the one block
 * that is given.
 */
export function verify16(lba: Lba, blocks: number, blockLength: number, data?: Buffer): Request<void> {
  const bytchk =
    data === undefined ? BYTCHK.NONE : wholeBlocks(data, blockLength) === blocks ? BYTCHK.ALL_BLOCKS : BYTCHK.ONE_BLOCK
  if (data && bytchk === BYTCHK.ONE_BLOCK && data.length !== blockLength)
    throw new RangeError(`VERIFY: ${data.length} bytes to compare ${blocks} blocks with, neither one block nor all`)
  const values = { lba: wide('lba', lba), blocks, bytchk }
  return request(VERIFY_16, values, { ...(data && { dataOut: data }), repeatable: true, slow: true, decode: nothing })
}

/** No blocks means all from the LBA on. */
export const synchronizeCache16 = (lba: Lba = 0, blocks = 0): Request<void> =>
  request(SYNCHRONIZE_CACHE_16, { lba: wide('lba', lba), blocks }, { repeatable: true, slow: true, decode: nothing })

/** For devices that do not know the longer one; no blocks means all from the LBA on. */
export const synchronizeCache10 = (lba = 0, blocks = 0): Request<void> =>
  request(SYNCHRONIZE_CACHE_10, { lba, blocks }, { repeatable: true, slow: true, decode: nothing })

/** From `lba` on as many runs as fit in one answer. */
export const getLbaStatus = (lba: Lba, reportType = 0): Request<LbaStatusList> =>
  request(
    GET_LBA_STATUS,
    { lba: wide('lba', lba), allocationLength: LBA_STATUS_BYTES, reportType },
    { dataInLength: LBA_STATUS_BYTES, repeatable: true, decode: decodeLbaStatus },
  )

export interface StartStopOptions {
  readonly start?: boolean
  readonly loej?: boolean
  readonly immed?: boolean
  readonly noFlush?: boolean
  readonly powerCondition?: number
}

export const startStopUnit = (options: StartStopOptions): Request<void> =>
  request(START_STOP_UNIT, options, { repeatable: false, slow: true, decode: nothing })

function wholeBlocks(data: Buffer, blockLength: number): number {
  if (data.length % blockLength !== 0) throw new RangeError(`${data.length} bytes are no blocks of ${blockLength}`)
  return data.length / blockLength
}
