// ORWRITE(16) (8Bh, SBC-3 5.5): the medium becomes the medium OR the data, all of it at once.

import { beforeAll, describe, expect, test } from 'vitest'
import { ORWRITE_16, READ_16, SENSE } from '../../../protocol/index.ts'
import { memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectSense, pattern } from '../disk.ts'
import { expectDpoFuaRefused, expectDpoFuaTaken, expectOutOfRange, expectProtectRefused } from './matrix.ts'

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
    memory({ id: 4, blockSize: 4096 }),
    memory({ id: 5, writeCache: false }),
    memory({ id: 6, store: { type: 'null' }, size: '1TiB', limits: { transferBlocks: 0 } }),
  ])
  disk = await array.disk()
  return () => array.close()
})

const orWrite = (lba: number | bigint, blocks: number, dataOut: Buffer, more = {}, on = disk) =>
  on.run(ORWRITE_16, { lba: BigInt(lba), blocks, ...more }, { dataOut })

const or = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, index) => byte | b[index]!))

describe('ORWRITE(16) (8Bh)', () => {
  test('simple: 1 to 256 blocks at both ends of the LUN', async () => {
    for (let blocks = 1; blocks <= 256; blocks++)
      for (const lba of [0, BLOCKS - blocks]) {
        const before = pattern(512 * blocks, 2 * blocks)
        const data = pattern(512 * blocks, 2 * blocks + 1)
        await disk.write(lba, before)
        expectGood(await orWrite(lba, blocks, data))
        if (blocks % 16 === 0 || blocks < 4) expect((await disk.read(lba, blocks)).equals(or(before, data))).toBe(true)
      }
  })

  test('verify: 00h OR A5h is A5h, OR 5Ah is FFh, and stays FFh', async () => {
    for (const lba of [0, BLOCKS - 16]) {
      await disk.write(lba, Buffer.alloc(16 * 512))
      for (const [byte, result] of [
        [0xa5, 0xa5],
        [0x5a, 0xff],
        [0x00, 0xff],
      ] as const) {
        expectGood(await orWrite(lba, 16, Buffer.alloc(16 * 512, byte)))
        expect((await disk.read(lba, 16)).equals(Buffer.alloc(16 * 512, result))).toBe(true)
      }
    }
  })

  test('neighbouring blocks keep what they hold', async () => {
    await disk.write(50, pattern(3 * 512, 4))
    expectGood(await orWrite(51, 1, Buffer.alloc(512, 0xff)))
    const expected = pattern(3 * 512, 4)
    expected.fill(0xff, 512, 1024)
    expect((await disk.read(50, 3)).equals(expected)).toBe(true)
  })

  test('several MiB in one command, by R2Ts', async () => {
    const blocks = (4 * 1024 * 1024) / 512
    await disk.write(1000, pattern(512 * blocks, 8))
    expectGood(await orWrite(1000, blocks, pattern(512 * blocks, 9)))
    expect((await disk.read(1000, blocks)).equals(or(pattern(512 * blocks, 8), pattern(512 * blocks, 9)))).toBe(true)
  })

  test('4096-byte blocks; a LUN without a write cache', async () => {
    for (const [lun, size] of [
      [4, 4096],
      [5, 512],
    ] as const) {
      const on = await array.disk(lun)
      for (const byte of [0x0f, 0xf0]) expectGood(await orWrite(2, 3, Buffer.alloc(3 * size, byte), {}, on))
      const read = await on.run(READ_16, { lba: 2n, blocks: 3 }, { dataInLength: 3 * size })
      expect(expectGood(read).data.equals(Buffer.alloc(3 * size, 0xff))).toBe(true)
    }
  })

  test('atomic: bits that many initiators set in one block at once are all there afterwards', async () => {
    await disk.write(7, Buffer.alloc(8 * 512))
    const disks = await Promise.all([...Array(4).keys()].map(() => array.disk()))
    const setBit = (on: Disk, bit: number) => {
      const data = Buffer.alloc(8 * 512)
      for (let block = 0; block < 8; block++) data[512 * block + (bit >> 3)] = 1 << (bit & 7)
      return orWrite(7, 8, data, {}, on)
    }
    const running = disks.flatMap((on, index) => [...Array(64).keys()].map((n) => setBit(on, 64 * index + n)))
    for (const result of await Promise.all(running)) expectGood(result)
    const expected = Buffer.alloc(512)
    expected.fill(0xff, 0, 32)
    const read = await disk.read(7, 8)
    for (let block = 0; block < 8; block++)
      expect(read.subarray(512 * block, 512 * (block + 1)).equals(expected)).toBe(true)
  })

  test('beyond end: LBA OUT OF RANGE', async () => {
    for (let blocks = 2; blocks <= 256; blocks += 3)
      expectOutOfRange(await orWrite(LAST, blocks, Buffer.alloc(512 * blocks)), BLOCKS)
    for (const lba of [BigInt(BLOCKS), 1n << 63n, (1n << 64n) - 1n])
      expectOutOfRange(await orWrite(lba, 1, Buffer.alloc(512)), BLOCKS)
  })

  test('zero blocks: GOOD inside, LBA OUT OF RANGE beyond the capacity', async () => {
    for (const lba of [0, LAST, BLOCKS]) expectGood(await orWrite(lba, 0, Buffer.alloc(0)))
    for (const lba of [BigInt(BLOCKS) + 1n, 1n << 63n, (1n << 64n) - 1n])
      expectOutOfRange(await orWrite(lba, 0, Buffer.alloc(0)), BLOCKS)
  })

  test('protect: ORPROTECT is INVALID FIELD IN CDB, pointer to byte 1 bit 7', () =>
    expectProtectRefused(ORWRITE_16, 'orprotect', (fields) => orWrite(0, 1, Buffer.alloc(512), fields)))

  test('dpofua: GOOD on a LUN with DPOFUA, refused with a pointer on one without', async () => {
    await expectDpoFuaTaken(disk, ORWRITE_16, (fields) => orWrite(0, 1, Buffer.alloc(512), fields))
    const without = await array.disk(1)
    await expectDpoFuaRefused(without, ORWRITE_16, (fields) => orWrite(0, 1, Buffer.alloc(512), fields, without))
  })

  test('more blocks than MAXIMUM TRANSFER LENGTH: INVALID FIELD IN CDB, pointer to the length', async () => {
    const small = await array.disk(2)
    expectGood(await orWrite(0, 16, Buffer.alloc(16 * 512), {}, small))
    expectCdbField(await orWrite(0, 17, Buffer.alloc(17 * 512), {}, small), ORWRITE_16, 'blocks')
  })

  test('without MAXIMUM TRANSFER LENGTH: what would not fit in memory is refused before its data come', async () => {
    const huge = await array.disk(6)
    for (const blocks of [2 ** 19 + 1, 2 ** 31 - 1])
      expectCdbField(await orWrite(0, blocks, Buffer.alloc(512), {}, huge), ORWRITE_16, 'blocks')
  })

  test('residuals: fewer bytes than blocks change so many bytes, more than blocks change no more', async () => {
    await disk.write(20, Buffer.alloc(4 * 512))
    const short = expectGood(await orWrite(20, 1, Buffer.alloc(200, 0xff)))
    expect(short.residual).toEqual({ kind: 'overflow', count: 312 })
    const long = expectGood(await orWrite(22, 1, Buffer.alloc(1024, 0xff)))
    expect(long.residual).toEqual({ kind: 'underflow', count: 512 })
    const expected = Buffer.alloc(4 * 512)
    expected.fill(0xff, 0, 200)
    expected.fill(0xff, 1024, 1536)
    expect((await disk.read(20, 4)).equals(expected)).toBe(true)
  })

  test('a write-protected LUN: WRITE PROTECTED', async () => {
    expectSense(await orWrite(0, 1, Buffer.alloc(512), {}, await array.disk(3)), SENSE.WRITE_PROTECTED)
  })
})
