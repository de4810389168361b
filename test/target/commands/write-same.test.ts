// WRITE SAME(10) and (16) (SBC-3 5.43, 5.44), the VAAI primitive zero.

import { beforeAll, describe, expect, test } from 'vitest'
import { SENSE, WRITE_SAME_10, WRITE_SAME_16 } from '../../../protocol/index.ts'
import { arrayForTest, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectSense, pattern } from '../disk.ts'
import { at, expectOutOfRange, expectProtectRefused, farLbas, ranged } from './matrix.ts'

const BLOCKS = SIZE / 512
const LAST = BLOCKS - 1

let array: TestArray
let thin: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1, provisioning: 'thick' }),
    memory({ id: 2, limits: { writeSameBlocks: 1000, writeSameZeroMeansEnd: false } }),
    memory({ id: 3, readOnly: true }),
    memory({ id: 4, limits: { anchor: false } }),
    memory({ id: 5, vaai: { zero: false } }),
    memory({ id: 6, limits: { writeSameBlocks: 1000 } }),
    memory({ id: 7, physicalBlockSize: 4096 }),
  ])
  thin = await array.disk()
  return () => array.close()
})

describe.each(ranged(WRITE_SAME_10, WRITE_SAME_16))('$name', (command) => {
  const one = pattern(512, 1)
  const zero = Buffer.alloc(512)
  const writeSame = (lba: number | bigint, blocks: number, more = {}, dataOut: Buffer = one, on = thin) =>
    on.run(command.cdb, { ...at(command, lba, blocks), ...more }, { dataOut })
  const copies = (blocks: number) => Buffer.alloc(512 * blocks, one)

  test('simple and check: 1 to 256 blocks at both ends of the LUN, and not a byte beside them', async () => {
    for (let blocks = 1; blocks <= 256; blocks++) {
      for (const lba of [0, BLOCKS - blocks]) {
        expectGood(await writeSame(lba, blocks, {}, Buffer.alloc(512, blocks)))
        expect((await thin.read(lba, blocks)).equals(Buffer.alloc(512 * blocks, blocks))).toBe(true)
      }
    }
    expectGood(await writeSame(10, 20))
    const around = await thin.read(9, 22)
    const beside = Buffer.alloc(512, 0) // 256 & 255
    expect(around.equals(Buffer.concat([beside, copies(20), beside]))).toBe(true)
  })

  test('a range of 4 MiB', async () => {
    expectGood(await writeSame(3, 8192))
    expect((await thin.read(3, 8192)).equals(copies(8192))).toBe(true)
  })

  test('beyond end: LBA OUT OF RANGE', async () => {
    for (let blocks = 2; blocks <= 256; blocks += 5) expectOutOfRange(await writeSame(LAST, blocks), BLOCKS)
    for (const lba of [BLOCKS, ...farLbas(command)]) expectOutOfRange(await writeSame(lba, 1), BLOCKS)
  })

  test('zero blocks with WSNZ = 0: to the end of the medium', async () => {
    const own = await arrayForTest([memory()])
    const disk = await own.disk()
    expectGood(await writeSame(BLOCKS - 3000, 0, {}, one, disk))
    expect((await disk.read(BLOCKS - 3000, 3000)).equals(copies(3000))).toBe(true)
    expect((await disk.read(BLOCKS - 3001, 1)).equals(zero)).toBe(true)
    expectGood(await writeSame(0, 0, {}, one, disk))
    expect((await disk.read(0, BLOCKS)).equals(copies(BLOCKS))).toBe(true)
    for (const lba of [BLOCKS + 1, ...farLbas(command)])
      expectOutOfRange(await writeSame(lba, 0, {}, one, disk), BLOCKS)
  })

  test('zero blocks with WSNZ = 1: INVALID FIELD IN CDB, pointer to NUMBER OF LOGICAL BLOCKS', async () => {
    const disk = await array.disk(2)
    expectCdbField(await writeSame(0, 0, {}, one, disk), command.cdb, 'blocks')
    expectCdbField(await writeSame(0, 0, { unmap: true }, zero, disk), command.cdb, 'blocks')
  })

  test('more than MAXIMUM WRITE SAME LENGTH, said or meant: INVALID FIELD IN CDB', async () => {
    const disk = await array.disk(6)
    expectGood(await writeSame(0, 1000, {}, one, disk))
    expectCdbField(await writeSame(0, 1001, {}, one, disk), command.cdb, 'blocks')
    expectCdbField(await writeSame(BLOCKS - 1001, 0, {}, one, disk), command.cdb, 'blocks')
    expectGood(await writeSame(BLOCKS - 1000, 0, {}, one, disk))
    expectGood(await writeSame(BLOCKS - 999, 0, {}, one, disk))
  })

  test('wrprotect: INVALID FIELD IN CDB, pointer to byte 1 bit 7', () =>
    expectProtectRefused(command.cdb, 'wrprotect', (fields) => writeSame(0, 1, fields)))

  test.each([0, 256, 511, 513, 1024])('data-out of %i bytes: refused, nothing written', async (length) => {
    expectGood(await writeSame(0, 4, {}, zero))
    const result = await writeSame(0, 2, {}, Buffer.alloc(length, 7))
    expect(result.sense?.sense.key).toBe(5)
    expect((await thin.read(0, 4)).equals(Buffer.alloc(2048))).toBe(true)
  })

  test('a write-protected LUN: WRITE PROTECTED, with and without UNMAP', async () => {
    const disk = await array.disk(3)
    expectSense(await writeSame(0, 1, {}, one, disk), SENSE.WRITE_PROTECTED)
    expectSense(await writeSame(0, 1, { unmap: true }, zero, disk), SENSE.WRITE_PROTECTED)
    expectSense(await writeSame(0, 1, { unmap: true }, Buffer.alloc(0), disk), SENSE.WRITE_PROTECTED)
  })

  describe('UNMAP', () => {
    test('unmap with a block of zeroes: 1 to 256 blocks read as zeroes after', async () => {
      await thin.write(0, pattern(512 * 300, 2))
      for (let blocks = 1; blocks <= 256; blocks++) {
        expectGood(await writeSame(0, blocks, { unmap: true }, zero))
        expectGood(await writeSame(BLOCKS - blocks, blocks, { unmap: true }, zero))
      }
      expect(
        (await thin.read(0, 257)).equals(
          Buffer.concat([Buffer.alloc(256 * 512), pattern(512 * 300, 2).subarray(256 * 512, 257 * 512)]),
        ),
      ).toBe(true)
    })

    test('unmap with data that is not zero: written, since a later read must return it (SBC-3 4.7.3.4.3)', async () => {
      expectGood(await writeSame(40, 8, { unmap: true }))
      expect((await thin.read(40, 8)).equals(copies(8))).toBe(true)
    })

    test('unmap without data (EDTL 0): as with zeroes', async () => {
      const disk = await array.disk(7)
      await disk.write(0, pattern(8192, 1))
      expectGood(await writeSame(1, 9, { unmap: true }, Buffer.alloc(0), disk))
      expect(
        (await disk.read(0, 11)).equals(
          Buffer.concat([pattern(512, 1), Buffer.alloc(9 * 512), pattern(8192, 1).subarray(10 * 512, 11 * 512)]),
        ),
      ).toBe(true)
    })

    test('unmap until the end', async () => {
      const own = await arrayForTest([memory()])
      const disk = await own.disk()
      await disk.write(BLOCKS - 100, pattern(51_200, 1))
      expectGood(await writeSame(BLOCKS - 50, 0, { unmap: true }, zero, disk))
      expect((await disk.read(BLOCKS - 50, 50)).equals(Buffer.alloc(25_600))).toBe(true)
      expect((await disk.read(BLOCKS - 51, 1)).equals(zero)).toBe(false)
    })

    test('unmap on a thick LUN: INVALID FIELD IN CDB, pointer to UNMAP', async () => {
      expectCdbField(await writeSame(0, 1, { unmap: true }, zero, await array.disk(1)), command.cdb, 'unmap')
    })

    test('anchor: GOOD with UNMAP where ANC_SUP is one, refused without UNMAP or without ANC_SUP', async () => {
      expectGood(await writeSame(0, 8, { unmap: true, anchor: true }, zero))
      expect((await thin.read(0, 8)).equals(Buffer.alloc(4096))).toBe(true)
      expectCdbField(await writeSame(0, 8, { anchor: true }, zero), command.cdb, 'anchor')
      const disk = await array.disk(4)
      expectCdbField(await writeSame(0, 8, { unmap: true, anchor: true }, zero, disk), command.cdb, 'anchor')
    })
  })

  test('switched off: INVALID COMMAND OPERATION CODE', async () => {
    const result = await writeSame(0, 1, {}, zero, await array.disk(5))
    expect(result.sense?.sense).toEqual(SENSE.INVALID_COMMAND_OPERATION_CODE)
  })
})

describe('WRITE SAME(16)', () => {
  test('NDOB: zeroes without data', async () => {
    await thin.write(0, pattern(4096, 1))
    expectGood(await thin.run(WRITE_SAME_16, { lba: 1n, blocks: 6, ndob: true }))
    expect((await thin.read(1, 6)).equals(Buffer.alloc(3072))).toBe(true)
    expect((await thin.read(7, 1)).equals(pattern(4096, 1).subarray(3584))).toBe(true)
  })

  test('65,536 blocks in one command', async () => {
    const own = await arrayForTest([memory({ size: 65_536 * 512 })])
    const disk = await own.disk()
    expectGood(await disk.run(WRITE_SAME_16, { blocks: 65_536 }, { dataOut: pattern(512, 3) }))
    expect((await disk.read(65_535, 1)).equals(pattern(512, 3))).toBe(true)
    expectGood(await disk.run(WRITE_SAME_16, { blocks: 65_536, unmap: true }, { dataOut: Buffer.alloc(512) }))
    expect((await disk.read(65_535, 1)).equals(Buffer.alloc(512))).toBe(true)
  })
})
