// WRITE ATOMIC(16) (9Ch, SBC-4 5.46) against what Block Limits says of it.

import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  BLOCK_LIMITS,
  decodeCommandSupport,
  decodeVpdPage,
  INQUIRY,
  REPORT_SUPPORTED_OPERATION_CODES,
  REPORTING_OPTIONS,
  SENSE,
  SUPPORT,
  VPD_PAGE,
  WRITE_ATOMIC_16,
} from '../../../protocol/index.ts'
import { memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectSense, pattern } from '../disk.ts'
import { HeldStore, handBuilt } from '../hand-built.ts'
import { expectDpoFuaRefused, expectDpoFuaTaken, expectOutOfRange, expectProtectRefused } from './matrix.ts'

const BLOCKS = SIZE / 512
const LAST = BLOCKS - 1
const [DEFAULT, NO_DPOFUA, SMALL, READ_ONLY, ALIGNED, ABSENT] = [0, 1, 2, 3, 4, 5] as const

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: NO_DPOFUA, dpoFua: false }),
    memory({ id: SMALL, limits: { transferBlocks: 16 } }),
    memory({ id: READ_ONLY, readOnly: true }),
    memory({ id: ALIGNED, limits: { atomicBlocks: 64, atomicAlignmentBlocks: 8, atomicGranularityBlocks: 4 } }),
    memory({ id: ABSENT, limits: { atomicBlocks: 0 } }),
  ])
  disk = await array.disk(DEFAULT)
  return () => array.close()
})

const writeAtomic = (
  lba: number | bigint,
  blocks: number,
  more = {},
  on = disk,
  dataOut = pattern(512 * blocks, Number(lba) + blocks),
) => on.run(WRITE_ATOMIC_16, { lba: BigInt(lba), blocks, ...more }, { dataOut })

async function limits(lun: number) {
  const fields = { evpd: true, pageCode: VPD_PAGE.BLOCK_LIMITS, allocationLength: 64 }
  const result = await (await array.disk(lun)).run(INQUIRY, fields, { dataInLength: 64 })
  return decodeVpdPage(BLOCK_LIMITS, expectGood(result).data)
}

describe('WRITE ATOMIC(16) (9Ch)', () => {
  test('simple: 1 to 256 blocks at both ends of the LUN', async () => {
    for (let blocks = 1; blocks <= 256; blocks++)
      for (const lba of [0, BLOCKS - blocks]) {
        expectGood(await writeAtomic(lba, blocks))
        if (blocks % 16 === 0 || blocks < 4)
          expect((await disk.read(lba, blocks)).equals(pattern(512 * blocks, lba + blocks))).toBe(true)
      }
  })

  test('beyond end: LBA OUT OF RANGE, also with more blocks than may be written at once', async () => {
    for (let blocks = 2; blocks <= 512; blocks += 5) expectOutOfRange(await writeAtomic(LAST, blocks), BLOCKS)
    for (const lba of [BigInt(BLOCKS), 1n << 63n, (1n << 64n) - 1n])
      expectOutOfRange(await writeAtomic(lba, 1, {}, disk, Buffer.alloc(512)), BLOCKS)
  })

  test('zero blocks: GOOD inside, LBA OUT OF RANGE beyond the capacity', async () => {
    for (const lba of [0, LAST, BLOCKS]) expectGood(await writeAtomic(lba, 0))
    for (const lba of [BigInt(BLOCKS) + 1n, 1n << 63n, (1n << 64n) - 1n])
      expectOutOfRange(await writeAtomic(lba, 0, {}, disk, Buffer.alloc(0)), BLOCKS)
  })

  test('wrprotect: INVALID FIELD IN CDB, pointer to byte 1 bit 7', () =>
    expectProtectRefused(WRITE_ATOMIC_16, 'wrprotect', (fields) => writeAtomic(0, 1, fields)))

  test('dpofua: GOOD on a LUN with DPOFUA, refused with a pointer on one without', async () => {
    await expectDpoFuaTaken(disk, WRITE_ATOMIC_16, (fields) => writeAtomic(0, 1, fields))
    const without = await array.disk(NO_DPOFUA)
    await expectDpoFuaRefused(without, WRITE_ATOMIC_16, (fields) => writeAtomic(0, 1, fields, without))
  })

  test('VPD: what Block Limits says is accepted, one block more is INVALID FIELD IN CDB, pointer to the length', async () => {
    for (const [lun, unit] of [
      [DEFAULT, 1],
      [SMALL, 1],
      [ALIGNED, 4],
    ] as const) {
      const on = await array.disk(lun)
      const { maximumAtomicTransferLength: most, maximumTransferLength } = await limits(lun)
      expect(most).toBeGreaterThan(0)
      expect(most).toBeLessThanOrEqual(maximumTransferLength)
      expectGood(await writeAtomic(0, most, {}, on))
      expectCdbField(await writeAtomic(0, most + unit, {}, on), WRITE_ATOMIC_16, 'blocks')
    }
  })

  test('VPD: an LBA off the alignment, a length off the granularity', async () => {
    const on = await array.disk(ALIGNED)
    expect(await limits(ALIGNED)).toMatchObject({
      maximumAtomicTransferLength: 64,
      atomicAlignment: 8,
      atomicTransferLengthGranularity: 4,
    })
    for (const lba of [1, 4, 7, 9]) expectCdbField(await writeAtomic(lba, 4, {}, on), WRITE_ATOMIC_16, 'lba')
    for (const blocks of [1, 3, 5]) expectCdbField(await writeAtomic(8, blocks, {}, on), WRITE_ATOMIC_16, 'blocks')
    for (const [lba, blocks] of [
      [0, 4],
      [8, 12],
      [BLOCKS - 8, 8],
    ] as const)
      expectGood(await writeAtomic(lba, blocks, {}, on))
  })

  test('boundary: taken up to MAXIMUM ATOMIC BOUNDARY SIZE and in steps of the granularity', async () => {
    const on = await array.disk(ALIGNED)
    const { maximumAtomicBoundarySize: most, maximumAtomicTransferLengthWithAtomicBoundary: length } =
      await limits(ALIGNED)
    for (const atomicBoundary of [4, 8, most]) {
      expectGood(await writeAtomic(8, length, { atomicBoundary }, on))
      expect((await on.read(8, length)).equals(pattern(512 * length, 8 + length))).toBe(true)
    }
    for (const atomicBoundary of [1, 6, most + 4, 0xffff])
      expectCdbField(await writeAtomic(8, 4, { atomicBoundary }, on), WRITE_ATOMIC_16, 'atomicBoundary')
  })

  test('data-out size: fewer bytes than blocks are refused and write nothing, more write no more', async () => {
    await disk.write(40, pattern(2 * 512, 1))
    for (const length of [0, 200, 511])
      expectCdbField(await writeAtomic(40, 1, {}, disk, Buffer.alloc(length, 7)), WRITE_ATOMIC_16, 'blocks')
    expect((await disk.read(40, 2)).equals(pattern(2 * 512, 1))).toBe(true)
    const long = expectGood(await writeAtomic(40, 1, {}, disk, Buffer.alloc(1024, 7)))
    expect(long.residual).toEqual({ kind: 'underflow', count: 512 })
    expect((await disk.read(40, 2)).equals(Buffer.concat([Buffer.alloc(512, 7), pattern(1024, 1).subarray(512)]))).toBe(
      true,
    )
  })

  test('a write-protected LUN: WRITE PROTECTED', async () => {
    expectSense(await writeAtomic(0, 1, {}, await array.disk(READ_ONLY)), SENSE.WRITE_PROTECTED)
  })

  test('atomicBlocks 0: no such command, nothing claimed in Block Limits', async () => {
    const on = await array.disk(ABSENT)
    expectSense(await writeAtomic(0, 1, {}, on), SENSE.INVALID_COMMAND_OPERATION_CODE)
    expect(await limits(ABSENT)).toMatchObject({
      maximumAtomicTransferLength: 0,
      atomicAlignment: 0,
      atomicTransferLengthGranularity: 0,
      maximumAtomicTransferLengthWithAtomicBoundary: 0,
      maximumAtomicBoundarySize: 0,
    })
    const fields = {
      reportingOptions: REPORTING_OPTIONS.ONE_COMMAND,
      requestedOperationCode: 0x9c,
      allocationLength: 64,
    }
    const { data } = expectGood(await on.run(REPORT_SUPPORTED_OPERATION_CODES, fields, { dataInLength: 64 }))
    expect(decodeCommandSupport(data).support).toBe(SUPPORT.NOT_SUPPORTED)
  })

  test('atomic: a read meanwhile sees all of it or nothing', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    onTestFinished(() => store.release())
    const writer = await built.disk()
    const reader = await built.disk()
    store.hold()
    const written = writeAtomic(8, 16, {}, writer, Buffer.alloc(16 * 512, 0xee))
    await store.untilWaiting(1)
    const read = reader.read(0, 32)
    store.release()
    expectGood(await written)
    const seen = (await read).subarray(8 * 512, 24 * 512)
    expect(new Set(seen).size).toBe(1)
    expect((await reader.read(8, 16)).equals(Buffer.alloc(16 * 512, 0xee))).toBe(true)
  })
})
