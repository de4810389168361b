// WRITE(6), (10), (12) and (16) (SBC-2 5.24, SBC-3 5.33 to 5.35).

import { beforeAll, describe, expect, test } from 'vitest'
import { SENSE, STATUS, WRITE_6, WRITE_10, WRITE_12, WRITE_16 } from '../../../protocol/index.ts'
import { arrayForTest, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { Disk, expectCdbField, expectGood, expectSense, pattern } from '../disk.ts'
import {
  at,
  expectDpoFuaRefused,
  expectDpoFuaTaken,
  expectOutOfRange,
  expectProtectRefused,
  farLbas,
  type Ranged,
  ranged,
} from './matrix.ts'

const BLOCKS = SIZE / 512
const LAST = BLOCKS - 1
const FAMILY = ranged(WRITE_6, WRITE_10, WRITE_12, WRITE_16)
const LONG = FAMILY.slice(1)

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1, dpoFua: false }),
    memory({ id: 2, limits: { transferBlocks: 16 } }),
    memory({ id: 3, readOnly: true }),
    memory({ id: 4, writeCache: false }),
  ])
  disk = await array.disk()
  return () => array.close()
})

const write = (command: Ranged, lba: number | bigint, blocks: number, more = {}, on = disk, seed = 2) => {
  const dataOut = pattern(512 * blocks, seed)
  return on.run(command.cdb, { ...at(command, lba, blocks), ...more }, { dataOut })
}

describe.each(FAMILY)('$name', (command) => {
  const most = Math.min(256, command.maxBlocks)

  test(`simple: 1 to ${most} blocks at both ends of the LUN, and not a byte beside them`, async () => {
    for (let blocks = 1; blocks <= most; blocks++) {
      for (const lba of [0, BLOCKS - blocks]) {
        const result = expectGood(await write(command, lba, blocks, {}, disk, blocks + lba))
        expect(result.residual).toBeUndefined()
      }
    }
    const expected = Buffer.alloc(SIZE)
    for (let blocks = 1; blocks <= most; blocks++)
      for (const lba of [0, BLOCKS - blocks]) pattern(512 * blocks, blocks + lba).copy(expected, 512 * lba)
    expect((await disk.read(0, most)).equals(expected.subarray(0, 512 * most))).toBe(true)
    expect((await disk.read(BLOCKS - most, most)).equals(expected.subarray(-512 * most))).toBe(true)
    expect((await disk.read(most, 1)).equals(Buffer.alloc(512))).toBe(true)
  })

  test('beyond end: LBA OUT OF RANGE, and nothing is written', async () => {
    const before = await disk.read(LAST, 1)
    for (let blocks = 2; blocks <= most; blocks++) expectOutOfRange(await write(command, LAST, blocks), BLOCKS)
    for (let i = 1; i <= most; i++) expectOutOfRange(await write(command, BLOCKS + 1 - i, i), BLOCKS)
    for (const lba of farLbas(command)) expectOutOfRange(await write(command, lba, 1), BLOCKS)
    expect((await disk.read(LAST, 1)).equals(before)).toBe(true)
  })

  test('a write-protected LUN: WRITE PROTECTED', async () => {
    const protectedDisk = await array.disk(3)
    expectSense(await write(command, 0, 1, {}, protectedDisk), SENSE.WRITE_PROTECTED)
  })

  test('without a volatile cache (writeCache: false)', async () => {
    const through = await array.disk(4)
    expectGood(await write(command, 1, 8, {}, through))
    expect((await through.read(1, 8)).equals(pattern(4096, 2))).toBe(true)
  })
})

describe.each(LONG)('$name', (command) => {
  test('zero blocks: GOOD where the LBA exists or is the capacity, LBA OUT OF RANGE beyond', async () => {
    for (const lba of [0, LAST, BLOCKS]) expectGood(await write(command, lba, 0))
    for (const lba of [BLOCKS + 1, ...farLbas(command)]) expectOutOfRange(await write(command, lba, 0), BLOCKS)
  })

  test('wrprotect: INVALID FIELD IN CDB, pointer to byte 1 bit 7', () =>
    expectProtectRefused(command.cdb, 'wrprotect', (fields) => write(command, 0, 1, fields)))

  test('dpo, fua: GOOD on a LUN with DPOFUA, refused with a pointer on one without', async () => {
    await expectDpoFuaTaken(disk, command.cdb, (fields) => write(command, 0, 1, fields))
    const without = await array.disk(1)
    await expectDpoFuaRefused(without, command.cdb, (fields) => write(command, 0, 1, fields, without))
  })

  test('more blocks than MAXIMUM TRANSFER LENGTH: INVALID FIELD IN CDB, pointer to TRANSFER LENGTH', async () => {
    const small = await array.disk(2)
    expectGood(await write(command, 0, 16, {}, small))
    expectCdbField(await write(command, 0, 17, {}, small, 9), command.cdb, 'blocks')
    expect((await small.read(0, 16)).equals(pattern(16 * 512, 2))).toBe(true)
  })
})

describe('WRITE(6)', () => {
  test('transfer length 0 is 256 blocks (SBC-2 5.24)', async () => {
    const dataOut = pattern(256 * 512, 6)
    expectGood(await disk.run(WRITE_6, { lba: 1000, blocks: 0 }, { dataOut }))
    expect((await disk.read(1000, 256)).equals(dataOut)).toBe(true)
  })
})

describe('WRITE of any size', () => {
  test.each([
    ['immediate and unsolicited data, then R2Ts', {}],
    ['R2Ts alone', { immediateData: false, initialR2T: true }],
    ['immediate data, then R2Ts', { initialR2T: true }],
    ['unsolicited Data-Out, then R2Ts', { immediateData: false }],
    ['bursts of 1,024 bytes', { maxBurstLength: 1024, firstBurstLength: 512 }],
    ['one R2T at a time', { maxOutstandingR2T: 1, initialR2T: true, immediateData: false }],
  ])('%s: 4 MiB arrive whole', async (_, parameters) => {
    const own = await array.disk(0, { parameters })
    const data = pattern(SIZE / 2, 77)
    expectGood(await own.run(WRITE_16, { lba: 5n, blocks: BLOCKS / 2 }, { dataOut: data }))
    expect((await disk.read(5, BLOCKS / 2)).equals(data)).toBe(true)
  })

  test('1,000 commands of 8 blocks queued at once: every one GOOD, every block written', async () => {
    const all = pattern(4_096_000, 3)
    const results = await Promise.all(
      Array.from({ length: 1000 }, (_, i) =>
        disk.run(WRITE_10, { lba: 8 * i, blocks: 8 }, { dataOut: all.subarray(4096 * i, 4096 * (i + 1)) }),
      ),
    )
    expect(results.every(({ status }) => status === STATUS.GOOD)).toBe(true)
    expect((await disk.read(0, 8000)).equals(all)).toBe(true)
  })

  test('one block written 200 times holds what was written last', async () => {
    const own = await arrayForTest([memory({ store: { type: 'memory' } })])
    const one = await own.disk()
    for (let i = 0; i < 200; i++) await one.write(9, Buffer.alloc(512, i))
    expect(await one.read(9, 1)).toEqual(Buffer.alloc(512, 199))
  })

  test('blocks of 4,096 bytes, physical blocks of 8', async () => {
    const own = await arrayForTest([memory({ blockSize: 4096 }), memory({ id: 1, physicalBlockSize: 4096 })])
    const big = new Disk((await own.disk()).session, 0, 4096)
    await big.write(3, pattern(8192, 8))
    expect((await big.read(3, 2)).equals(pattern(8192, 8))).toBe(true)
    const emulated = await own.disk(1)
    await emulated.write(3, pattern(512, 8)) // part of a physical block
    expect(
      (await emulated.read(0, 8)).equals(Buffer.concat([Buffer.alloc(1536), pattern(512, 8), Buffer.alloc(2048)])),
    ).toBe(true)
  })
})
