// VERIFY(10), (12), (16) (SBC-3 5.29 to 5.31) and WRITE AND VERIFY(10), (12), (16) (SBC-3 5.37 to 5.39).

import { beforeAll, describe, expect, test } from 'vitest'
import {
  SENSE,
  VERIFY_10,
  VERIFY_12,
  VERIFY_16,
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_12,
  WRITE_AND_VERIFY_16,
} from '../../../protocol/index.ts'
import { memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectSense, pattern } from '../disk.ts'
import {
  at,
  expectDpoFuaRefused,
  expectDpoFuaTaken,
  expectOutOfRange,
  expectProtectRefused,
  farLbas,
  ranged,
} from './matrix.ts'

const BLOCKS = SIZE / 512
const LAST = BLOCKS - 1

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1, dpoFua: false }),
    memory({ id: 2, limits: { transferBlocks: 16 } }),
    memory({ id: 3, readOnly: true }),
  ])
  disk = await array.disk()
  return () => array.close()
})

describe.each(ranged(VERIFY_10, VERIFY_12, VERIFY_16))('$name', (command) => {
  const verify = (lba: number | bigint, blocks: number, more = {}, dataOut: Buffer = Buffer.alloc(0), on = disk) =>
    on.run(command.cdb, { ...at(command, lba, blocks), ...more }, { dataOut })

  test('simple: BYTCHK 01b, 1 to 256 blocks at both ends of the LUN', async () => {
    const data = pattern(256 * 512, 1)
    for (const lba of [0, BLOCKS - 256]) await disk.write(lba, data)
    for (let blocks = 1; blocks <= 256; blocks++) {
      expectGood(await verify(0, blocks, { bytchk: 1 }, data.subarray(0, 512 * blocks)))
      expectGood(await verify(BLOCKS - blocks, blocks, { bytchk: 1 }, data.subarray(-512 * blocks)))
    }
  })

  test('mismatch: MISCOMPARE, INFORMATION is the offset of the first byte that differs', async () => {
    const data = pattern(256 * 512, 1)
    await disk.write(0, data)
    for (const [blocks, offset] of [
      [1, 0],
      [1, 511],
      [2, 512],
      [100, 31_007],
      [256, 131_071],
    ] as const) {
      const wrong = Buffer.from(data.subarray(0, 512 * blocks))
      wrong[offset]! ^= 0x10
      const result = await verify(0, blocks, { bytchk: 1 }, wrong)
      expectSense(result, SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, { information: BigInt(offset) })
    }
  })

  test('BYTCHK 00b: no data, nothing is compared', async () => {
    for (const blocks of [1, 255, 256]) expectGood(await verify(0, blocks))
  })

  test('BYTCHK 11b: every block against one block of data', async () => {
    const block = pattern(512, 9)
    await disk.write(100, Buffer.concat([block, block, block, pattern(512, 8)]))
    expectGood(await verify(100, 3, { bytchk: 3 }, block))
    const result = await verify(100, 4, { bytchk: 3 }, block)
    expect(result.sense?.sense).toEqual(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION)
  })

  test('BYTCHK 10b, reserved: INVALID FIELD IN CDB, pointer to byte 1 bit 2', async () => {
    expectCdbField(await verify(0, 1, { bytchk: 2 }, Buffer.alloc(512)), command.cdb, 'bytchk')
  })

  test('beyond end: LBA OUT OF RANGE', async () => {
    for (let blocks = 2; blocks <= 256; blocks++)
      expectOutOfRange(await verify(LAST, blocks, { bytchk: 1 }, Buffer.alloc(512 * blocks)), BLOCKS)
    for (const lba of farLbas(command)) expectOutOfRange(await verify(lba, 1), BLOCKS)
  })

  test('zero blocks: GOOD inside, LBA OUT OF RANGE beyond the capacity', async () => {
    for (const lba of [0, LAST, BLOCKS]) expectGood(await verify(lba, 0, { bytchk: 1 }))
    for (const lba of [BLOCKS + 1, ...farLbas(command)]) expectOutOfRange(await verify(lba, 0, { bytchk: 1 }), BLOCKS)
  })

  test('vrprotect: INVALID FIELD IN CDB, pointer to byte 1 bit 7', () =>
    expectProtectRefused(command.cdb, 'vrprotect', (fields) => verify(0, 1, fields)))

  test('dpo: GOOD on a LUN with DPOFUA, refused with a pointer on one without', async () => {
    await expectDpoFuaTaken(disk, command.cdb, (fields) => verify(0, 1, fields))
    const without = await array.disk(1)
    await expectDpoFuaRefused(without, command.cdb, (fields) => verify(0, 1, fields, Buffer.alloc(0), without))
  })

  test('more blocks than MAXIMUM TRANSFER LENGTH: INVALID FIELD IN CDB, pointer to the length', async () => {
    const small = await array.disk(2)
    expectGood(await verify(0, 16, {}, Buffer.alloc(0), small))
    expectCdbField(await verify(0, 17, {}, Buffer.alloc(0), small), command.cdb, 'blocks')
  })

  test('a write-protected LUN can be verified', async () => {
    expectGood(await verify(0, 4, {}, Buffer.alloc(0), await array.disk(3)))
  })
})

describe.each(ranged(WRITE_AND_VERIFY_10, WRITE_AND_VERIFY_12, WRITE_AND_VERIFY_16))('$name', (command) => {
  const write = (lba: number | bigint, blocks: number, more = {}, on = disk, seed = 3) =>
    on.run(command.cdb, { ...at(command, lba, blocks), ...more }, { dataOut: pattern(512 * blocks, seed) })

  test.each([0, 1])('simple: BYTCHK %d, 1 to 256 blocks at both ends of the LUN', async (bytchk) => {
    for (let blocks = 1; blocks <= 256; blocks += bytchk === 1 ? 1 : 15)
      for (const lba of [0, BLOCKS - blocks]) {
        expectGood(await write(lba, blocks, { bytchk }, disk, blocks + bytchk))
        if (blocks % 16 === 0)
          expect((await disk.read(lba, blocks)).equals(pattern(512 * blocks, blocks + bytchk))).toBe(true)
      }
  })

  test('BYTCHK 10b, reserved: INVALID FIELD IN CDB, pointer to byte 1 bit 2, nothing written', async () => {
    expectGood(await write(50, 1, {}, disk, 1))
    expectCdbField(await write(50, 1, { bytchk: 2 }, disk, 2), command.cdb, 'bytchk')
    expect((await disk.read(50, 1)).equals(pattern(512, 1))).toBe(true)
  })

  test('beyond end: LBA OUT OF RANGE', async () => {
    for (let blocks = 2; blocks <= 256; blocks += 7) expectOutOfRange(await write(LAST, blocks), BLOCKS)
    for (const lba of farLbas(command)) expectOutOfRange(await write(lba, 1), BLOCKS)
  })

  test('zero blocks: GOOD inside, LBA OUT OF RANGE beyond the capacity', async () => {
    for (const lba of [0, LAST, BLOCKS]) expectGood(await write(lba, 0, { bytchk: 1 }))
    for (const lba of [BLOCKS + 1, ...farLbas(command)]) expectOutOfRange(await write(lba, 0), BLOCKS)
  })

  test('wrprotect: INVALID FIELD IN CDB, pointer to byte 1 bit 7', () =>
    expectProtectRefused(command.cdb, 'wrprotect', (fields) => write(0, 1, fields)))

  test('dpo: GOOD on a LUN with DPOFUA, refused with a pointer on one without', async () => {
    await expectDpoFuaTaken(disk, command.cdb, (fields) => write(0, 1, fields))
    const without = await array.disk(1)
    await expectDpoFuaRefused(without, command.cdb, (fields) => write(0, 1, fields, without))
  })

  test('a write-protected LUN: WRITE PROTECTED', async () => {
    expectSense(await write(0, 1, {}, await array.disk(3)), SENSE.WRITE_PROTECTED)
  })
})
