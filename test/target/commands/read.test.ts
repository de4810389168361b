// READ(6), (10), (12) and (16) (SBC-2 5.5, SBC-3 5.11 to 5.13).

import { beforeAll, describe, expect, test } from 'vitest'
import { READ_6, READ_10, READ_12, READ_16, STATUS } from '../../../protocol/index.ts'
import { arrayForTest, MIB, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { Disk, expectCdbField, expectGood, pattern } from '../disk.ts'
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
const FAMILY = ranged(READ_6, READ_10, READ_12, READ_16)
const LONG = FAMILY.slice(1)

let array: TestArray
let disk: Disk
const medium = pattern(SIZE, 1)

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1, dpoFua: false }),
    memory({ id: 2, limits: { transferBlocks: 16 } }),
  ])
  disk = await array.disk()
  for (let lba = 0; lba < BLOCKS; lba += 2048) await disk.write(lba, medium.subarray(lba * 512, (lba + 2048) * 512))
  return () => array.close()
})

const read = (command: Ranged, lba: number | bigint, blocks: number, more = {}, on = disk) =>
  on.run(command.cdb, { ...at(command, lba, blocks), ...more }, { dataInLength: 512 * Math.max(1, blocks) })

describe.each(FAMILY)('$name', (command) => {
  const most = Math.min(256, command.maxBlocks)

  test(`simple: 1 to ${most} blocks at both ends of the LUN`, async () => {
    for (let blocks = 1; blocks <= most; blocks++) {
      for (const lba of [0, BLOCKS - blocks]) {
        const { data, residual } = expectGood(await read(command, lba, blocks))
        expect(data.equals(medium.subarray(lba * 512, (lba + blocks) * 512)), `${blocks} at ${lba}`).toBe(true)
        expect(residual).toBeUndefined()
      }
    }
  })

  test('beyond end: LBA OUT OF RANGE', async () => {
    for (let blocks = 2; blocks <= most; blocks++) expectOutOfRange(await read(command, LAST, blocks), BLOCKS)
    for (let i = 1; i <= most; i++) expectOutOfRange(await read(command, BLOCKS + 1 - i, i), BLOCKS)
    for (const lba of farLbas(command)) expectOutOfRange(await read(command, lba, 1), BLOCKS)
  })
})

describe.each(LONG)('$name', (command) => {
  test('zero blocks: GOOD and no data where the LBA exists or is the capacity, LBA OUT OF RANGE beyond', async () => {
    for (const lba of [0, LAST, BLOCKS]) {
      const result = expectGood(await read(command, lba, 0))
      expect(result.data.length).toBe(0)
      expect(result.residual).toEqual({ kind: 'underflow', count: 512 })
    }
    for (const lba of [BLOCKS + 1, ...farLbas(command)]) expectOutOfRange(await read(command, lba, 0), BLOCKS)
  })

  test('rdprotect: INVALID FIELD IN CDB, pointer to byte 1 bit 7', () =>
    expectProtectRefused(command.cdb, 'rdprotect', (fields) => read(command, 0, 1, fields)))

  test('dpo, fua: GOOD on a LUN with DPOFUA, refused with a pointer on one without', async () => {
    await expectDpoFuaTaken(disk, command.cdb, (fields) => read(command, 0, 1, fields))
    const without = await array.disk(1)
    await expectDpoFuaRefused(without, command.cdb, (fields) => read(command, 0, 1, fields, without))
  })

  test('group number: any is taken', async () => {
    for (const groupNumber of [1, 0x3f]) expectGood(await read(command, 0, 1, { groupNumber }))
  })

  test('more blocks than MAXIMUM TRANSFER LENGTH: INVALID FIELD IN CDB, pointer to TRANSFER LENGTH', async () => {
    const small = await array.disk(2)
    expectGood(await read(command, 0, 16, {}, small))
    expectCdbField(await read(command, 0, 17, {}, small), command.cdb, 'blocks')
  })

  test('beyond the end and over the limit: the range is judged first', async () => {
    const small = await array.disk(2)
    expectOutOfRange(await read(command, LAST, 17, {}, small), BLOCKS)
  })
})

describe('READ(6)', () => {
  test('transfer length 0 is 256 blocks (SBC-2 5.5)', async () => {
    const result = await disk.run(READ_6, { lba: 3, blocks: 0 }, { dataInLength: 256 * 512 })
    expect(expectGood(result).data.equals(medium.subarray(3 * 512, 259 * 512))).toBe(true)
    expectOutOfRange(await disk.run(READ_6, { lba: BLOCKS - 255, blocks: 0 }, { dataInLength: 256 * 512 }), BLOCKS)
  })
})

describe('READ of any size', () => {
  test('the whole medium in one command, over many bursts and Data-In PDUs', async () => {
    const whole = await disk.run(READ_16, { blocks: BLOCKS }, { dataInLength: SIZE })
    expect(expectGood(whole).data.equals(medium)).toBe(true)
  })

  test('small PDUs and bursts: MaxRecvDataSegmentLength 512, MaxBurstLength 1024', async () => {
    const parameters = { maxRecvDataSegmentLength: 512, maxBurstLength: 1024, firstBurstLength: 512 }
    const narrow = await array.disk(0, { parameters })
    expect((await narrow.read(100, 100)).equals(medium.subarray(51_200, 102_400))).toBe(true)
  })

  test('unwritten blocks are zeroes', async () => {
    const fresh = new Disk((await array.disk(1)).session, 1)
    expect((await fresh.read(5, 64)).equals(Buffer.alloc(64 * 512))).toBe(true)
  })

  test('1,000 commands of 8 blocks queued at once: every one GOOD with its own data', async () => {
    const results = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => disk.run(READ_10, { lba: 8 * i, blocks: 8 }, { dataInLength: 4096 })),
    )
    for (const [i, { status, data }] of results.entries()) {
      expect(status).toBe(STATUS.GOOD)
      expect(data.equals(medium.subarray(4096 * i, 4096 * (i + 1))), `command ${i}`).toBe(true)
    }
  })

  test('blocks of 4,096 bytes', async () => {
    const own = await arrayForTest([memory({ blockSize: 4096 })])
    const big = new Disk((await own.disk()).session, 0, 4096)
    await big.write(2047, medium.subarray(0, 4096))
    expect((await big.read(2047, 1)).equals(medium.subarray(0, 4096))).toBe(true)
    expectOutOfRange(await big.run(READ_10, { lba: 2047, blocks: 2 }, { dataInLength: 8192 }), 2048)
  })

  test('the last bytes of a LUN larger than 2 TiB', async () => {
    const own = await arrayForTest([memory({ size: 4 * MIB * MIB })])
    const huge = await own.disk()
    await huge.write(2 ** 33 - 1, medium.subarray(0, 512))
    expect((await huge.read(2 ** 33 - 1, 1)).equals(medium.subarray(0, 512))).toBe(true)
    expectOutOfRange(await huge.run(READ_16, { lba: 1n << 33n, blocks: 1 }, { dataInLength: 512 }), 2 ** 33)
    expectOutOfRange(
      await huge.run(READ_16, { lba: (1n << 64n) - 1n, blocks: 0xffff_ffff }, { dataInLength: 512 }),
      2 ** 33,
    )
  })
})
