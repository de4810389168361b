// What concerns the logical unit as a whole: TEST UNIT READY, READ CAPACITY, REPORT LUNS and masking, REQUEST SENSE, START
// STOP UNIT, SYNCHRONIZE CACHE, PRE-FETCH.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  decodeCapacity10,
  decodeCapacity16,
  decodeReportLuns,
  decodeSense,
  INQUIRY,
  PRE_FETCH_10,
  PRE_FETCH_16,
  READ_16,
  READ_CAPACITY_10,
  READ_CAPACITY_16,
  REPORT_LUNS,
  REQUEST_SENSE,
  SENSE,
  START_STOP_UNIT,
  STATUS,
  SYNCHRONIZE_CACHE_10,
  SYNCHRONIZE_CACHE_16,
  TEST_UNIT_READY,
} from '../../../protocol/index.ts'
import { arrayForTest, MIB, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { Disk, expectCdbField, expectGood, expectSense, pattern } from '../disk.ts'
import { at, expectOutOfRange, farLbas, ranged } from './matrix.ts'

const BLOCKS = SIZE / 512
const INSIDER = 'iqn.2026-11.io.lunette:insider'

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([memory(), memory({ id: 7, initiators: [INSIDER] }), memory({ id: 300, blockSize: 4096 })])
  disk = await array.disk()
  return () => array.close()
})

describe('TEST UNIT READY', () => {
  test('GOOD on a LUN that is there', async () => {
    expectGood(await disk.run(TEST_UNIT_READY, {}))
  })
})

describe('READ CAPACITY', () => {
  const capacity16 = async (on: Disk, allocationLength = 32) =>
    expectGood(await on.run(READ_CAPACITY_16, { allocationLength }, { dataInLength: allocationLength })).data

  test('(10) and (16): the last LBA and the block length', async () => {
    const ten = expectGood(await disk.run(READ_CAPACITY_10, {}, { dataInLength: 8 })).data
    expect(decodeCapacity10(ten)).toEqual({ lastLba: BigInt(BLOCKS - 1), blockLength: 512 })
    expect(decodeCapacity16(await capacity16(disk))).toMatchObject({
      lastLba: BigInt(BLOCKS - 1),
      blockLength: 512,
      protEn: false,
      pType: 0,
      piExponent: 0,
    })
    const big = await array.disk(300)
    expect(decodeCapacity16(await capacity16(big))).toMatchObject({
      lastLba: BigInt(SIZE / 4096 - 1),
      blockLength: 4096,
    })
  })

  test('(16) with allocation length 0 to 32: so many bytes, all GOOD', async () => {
    const whole = await capacity16(disk)
    expect(whole.length).toBe(32)
    for (let length = 0; length <= 32; length++)
      expect(await capacity16(disk, length)).toEqual(whole.subarray(0, length))
  })

  test('(10) on a LUN of more than 2^32 blocks: FFFFFFFFh', async () => {
    const own = await arrayForTest([memory({ size: 4 * MIB * MIB })])
    const huge = await own.disk()
    const { data } = expectGood(await huge.run(READ_CAPACITY_10, {}, { dataInLength: 8 }))
    expect(data.readUInt32BE(0)).toBe(0xffff_ffff)
    expect(decodeCapacity16(await capacity16(huge)).lastLba).toBe(2n ** 33n - 1n)
  })

  test('the capacity is what READ enforces', async () => {
    const { lastLba } = decodeCapacity16(await capacity16(disk))
    expectGood(await disk.run(READ_16, { lba: lastLba, blocks: 1 }, { dataInLength: 512 }))
    expectOutOfRange(await disk.run(READ_16, { lba: lastLba + 1n, blocks: 1 }, { dataInLength: 512 }), BLOCKS)
  })
})

describe('REPORT LUNS and masking', () => {
  const report = (on: Disk, selectReport = 0, allocationLength = 1024) =>
    on.run(REPORT_LUNS, { selectReport, allocationLength }, { dataInLength: allocationLength })
  const lunsOf = async (on: Disk, selectReport = 0) => decodeReportLuns(expectGood(await report(on, selectReport)).data)

  test('an initiator sees the LUNs that it may use, ascending, and no other', async () => {
    expect(await lunsOf(disk)).toEqual({ total: 2, luns: [0, 300] })
    const insider = await array.disk(0, { initiatorName: INSIDER })
    expect(await lunsOf(insider)).toEqual({ total: 3, luns: [0, 7, 300] })
  })

  test('a masked LUN is not there: INQUIRY says so, and so does every command', async () => {
    const outside = new Disk(disk.session, 7)
    expect(expectGood(await outside.run(INQUIRY, { allocationLength: 36 }, { dataInLength: 36 })).data[0]).toBe(0x7f)
    const result = await outside.run(READ_16, { blocks: 1 }, { dataInLength: 512 })
    expectSense(result, SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
    const { data } = expectGood(await outside.run(REQUEST_SENSE, { allocationLength: 18 }, { dataInLength: 18 }))
    expect(decodeSense(data).sense).toEqual(SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
    expectGood(await (await array.disk(7, { initiatorName: INSIDER })).run(TEST_UNIT_READY, {}))
  })

  test('LUN 256 and above by flat space addressing, LUN 0 to 255 by either', async () => {
    const raw = await array.rawSession()
    for (const [lun, status] of [
      ['4000', STATUS.GOOD],
      ['412c', STATUS.GOOD],
      ['012c', STATUS.CHECK_CONDITION],
    ] as const) {
      const bytes = Buffer.from(lun.padEnd(16, '0'), 'hex')
      let last = -1
      for (let tries = 0; tries < 3; tries++) {
        raw.send(0x01, {
          final: true,
          attributes: 1,
          lun: bytes,
          initiatorTaskTag: raw.takeTag(),
          cmdSn: raw.cmdSn++,
          expStatSn: raw.expStatSn,
          cdb: Buffer.alloc(16),
        })
        last = (await raw.response()).header.status
      }
      expect(last, lun).toBe(status)
    }
  })

  test('SELECT REPORT: 0 and 2 all, 1 the well known ones; others refused with a pointer to byte 2', async () => {
    expect((await lunsOf(disk, 2)).luns).toEqual([0, 300])
    expect((await lunsOf(disk, 1)).luns).toEqual([])
    for (const selectReport of [3, 15, 0xff])
      expectCdbField(await report(disk, selectReport), REPORT_LUNS, 'selectReport')
  })

  test('an allocation length below 16: INVALID FIELD IN CDB, pointer to byte 6; cut above', async () => {
    for (const length of [0, 8, 15]) expectCdbField(await report(disk, 0, length), REPORT_LUNS, 'allocationLength')
    const { data } = expectGood(await report(disk, 0, 16))
    expect(decodeReportLuns(data)).toEqual({ total: 2, luns: [0] })
  })
})

describe('REQUEST SENSE', () => {
  const ask = async (on: Disk, fields: object = {}) =>
    expectGood(await on.run(REQUEST_SENSE, { allocationLength: 252, ...fields }, { dataInLength: 252 })).data

  test('nothing to tell: NO SENSE, in both formats', async () => {
    expect((await ask(disk))[0]! & 0x7f).toBe(0x70)
    expect((await ask(disk, { desc: true }))[0]! & 0x7f).toBe(0x72)
    expect(decodeSense(await ask(disk)).sense).toEqual(SENSE.NO_SENSE)
  })

  test('a pending unit attention comes as data, status GOOD, and is cleared by it', async () => {
    const fresh = new Disk(await array.connect())
    expect(decodeSense(await ask(fresh)).sense).toMatchObject({ key: 6, asc: 0x29 })
    expect(decodeSense(await ask(fresh)).sense).toEqual(SENSE.NO_SENSE)
    expectGood(await fresh.run(TEST_UNIT_READY, {}))
  })

  test('allocation length cuts', async () => {
    expect((await ask(disk, { allocationLength: 4 })).length).toBe(4)
  })
})

describe('START STOP UNIT', () => {
  test('start, stop, IMMED: GOOD, and the LUN stays ready', async () => {
    for (const fields of [
      { start: true },
      { start: false },
      { immed: true },
      { start: true, immed: true },
      { noFlush: true },
    ]) {
      expectGood(await disk.run(START_STOP_UNIT, fields))
      expectGood(await disk.run(TEST_UNIT_READY, {}))
    }
  })

  test('LOEJ on a medium that cannot be removed: INVALID FIELD IN CDB, pointer to LOEJ', async () => {
    for (const start of [false, true])
      expectCdbField(await disk.run(START_STOP_UNIT, { loej: true, start }), START_STOP_UNIT, 'loej')
  })

  test('reserved power conditions: INVALID FIELD IN CDB, pointer to byte 4 bit 7', async () => {
    for (const powerCondition of [4, 5, 6, 8, 9, 12, 15])
      expectCdbField(await disk.run(START_STOP_UNIT, { powerCondition }), START_STOP_UNIT, 'powerCondition')
    for (const powerCondition of [1, 2, 3]) expectGood(await disk.run(START_STOP_UNIT, { powerCondition }))
  })
})

describe.each(ranged(SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16, PRE_FETCH_10, PRE_FETCH_16))('$name', (command) => {
  const run = (lba: number | bigint, blocks: number, more = {}) =>
    disk.run(command.cdb, { ...at(command, lba, blocks), ...more })

  test('simple: any range, zero blocks to the end; GOOD and never CONDITION MET', async () => {
    await disk.write(0, pattern(4096, 1))
    for (const [lba, blocks] of [
      [0, 1],
      [0, 256],
      [BLOCKS - 1, 1],
      [0, 0],
      [BLOCKS - 5, 0],
      [5, BLOCKS - 5],
    ] as const)
      expectGood(await run(lba, blocks))
  })

  test('IMMED and group number: GOOD', async () => {
    expectGood(await run(0, 8, { immed: true }))
    expectGood(await run(0, 8, { groupNumber: 3 }))
  })

  test('beyond end: LBA OUT OF RANGE', async () => {
    for (const [lba, blocks] of [
      [BLOCKS - 1, 2],
      [BLOCKS, 1],
      [BLOCKS + 1, 0],
    ] as const)
      expectOutOfRange(await run(lba, blocks), BLOCKS)
    for (const lba of farLbas(command)) for (const blocks of [0, 1]) expectOutOfRange(await run(lba, blocks), BLOCKS)
  })
})
