// COMPARE AND WRITE (89h, SBC-4 5.3), the VAAI primitive ATS.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  BLOCK_LIMITS,
  COMPARE_AND_WRITE,
  decodeVpdPage,
  INQUIRY,
  SENSE,
  STATUS,
  VPD_PAGE,
} from '../../../protocol/index.ts'
import { arrayForTest, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectSense, pattern } from '../disk.ts'
import { expectDpoFuaRefused, expectDpoFuaTaken, expectOutOfRange, expectProtectRefused } from './matrix.ts'

const BLOCKS = SIZE / 512

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1, dpoFua: false }),
    memory({ id: 2, limits: { compareAndWriteBlocks: 8 } }),
    memory({ id: 3, readOnly: true }),
    memory({ id: 4, vaai: { ats: false } }),
    memory({ id: 5, writeCache: false }),
  ])
  disk = await array.disk()
  return () => array.close()
})

interface Options {
  readonly lba?: number | bigint
  readonly more?: Record<string, unknown>
  readonly on?: Disk
}

/** Blocks by the CDB, whatever the data say. */
const compareAndWrite = (blocks: number, data: readonly Buffer[], { lba = 0, more, on = disk }: Options = {}) =>
  on.run(COMPARE_AND_WRITE, { lba: BigInt(lba), blocks, ...more }, { dataOut: Buffer.concat(data) })

describe('COMPARE AND WRITE (89h)', () => {
  test('simple: 1 to 255 blocks at both ends of the LUN', async () => {
    for (let blocks = 1; blocks <= 255; blocks++) {
      for (const lba of [0, BLOCKS - blocks]) {
        const before = await disk.read(lba, blocks)
        const after = pattern(512 * blocks, blocks * 2 + (lba & 1))
        expectGood(await compareAndWrite(blocks, [before, after], { lba }))
        expect((await disk.read(lba, blocks)).equals(after)).toBe(true)
      }
    }
  })

  test('miscompare: medium unchanged, INFORMATION is the offset of the first byte that differs (SBC-4 5.3)', async () => {
    const before = pattern(255 * 512, 5)
    await disk.write(10, before)
    for (const [blocks, offset] of [
      [1, 0],
      [1, 511],
      [2, 512],
      [7, 2000],
      [255, 130_559],
    ] as const) {
      const expected = Buffer.from(before.subarray(0, 512 * blocks))
      expected[offset]! ^= 1
      if (offset + 1 < expected.length) expected[offset + 1]! ^= 1
      const result = await compareAndWrite(blocks, [expected, Buffer.alloc(512 * blocks)], { lba: 10 })
      expectSense(result, SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, { information: BigInt(offset) })
      expect((await disk.read(10, 255)).equals(before)).toBe(true)
    }
  })

  test('unwritten: blocks never written compare as zeroes', async () => {
    const own = await arrayForTest([memory()])
    const fresh = await own.disk()
    const zero = Buffer.alloc(512)
    const result = await compareAndWrite(1, [pattern(512, 1), pattern(512, 2)], { lba: 77, on: fresh })
    expectSense(result, SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, { information: 0n })
    expectGood(await compareAndWrite(1, [zero, pattern(512, 2)], { lba: 77, on: fresh }))
    expect((await fresh.read(76, 3)).equals(Buffer.concat([zero, pattern(512, 2), zero]))).toBe(true)
  })

  test('beyond end: LBA OUT OF RANGE', async () => {
    for (const [lba, blocks] of [
      [BLOCKS - 1, 2],
      [BLOCKS, 1],
      [BLOCKS - 254, 255],
      [1n << 63n, 1],
      [(1n << 64n) - 1n, 1],
    ] as const)
      expectOutOfRange(await compareAndWrite(blocks, [Buffer.alloc(1024 * blocks)], { lba }), BLOCKS)
  })

  test('zero blocks: GOOD, nothing happens', async () => {
    const before = await disk.read(0, 1)
    for (const lba of [0, BLOCKS - 1]) expectGood(await compareAndWrite(0, [], { lba }))
    expect((await disk.read(0, 1)).equals(before)).toBe(true)
    expectOutOfRange(await compareAndWrite(0, [], { lba: BLOCKS + 1 }), BLOCKS)
  })

  test('blocks over the advertised maximum: INVALID FIELD IN CDB, pointer to byte 13', async () => {
    const small = await array.disk(2)
    const vpd = { evpd: true, pageCode: VPD_PAGE.BLOCK_LIMITS, allocationLength: 64 }
    const page = expectGood(await small.run(INQUIRY, vpd, { dataInLength: 64 })).data
    expect(decodeVpdPage(BLOCK_LIMITS, page).maximumCompareAndWriteLength).toBe(8)
    expectGood(await compareAndWrite(8, [Buffer.alloc(8192)], { on: small }))
    const result = await compareAndWrite(9, [Buffer.alloc(9216)], { on: small })
    expectCdbField(result, COMPARE_AND_WRITE, 'blocks')
    expect(result.sense?.field?.byte).toBe(13)
  })

  test.each([
    ['n = 256: blocks 0 with data', 0, 512 * 512],
    ['none at all', 1, 0],
    ['half', 2, 1024],
    ['one block short', 2, 1536],
    ['one byte short', 1, 1023],
    ['one byte more', 1, 1025],
    ['twice', 1, 2048],
  ])('data-out size, %s: anything but 2 x blocks is refused and writes nothing', async (_, blocks, length) => {
    await disk.write(0, Buffer.alloc(4096))
    const dataOut = Buffer.alloc(length)
    dataOut.fill(0xff, length >> 1)
    expectCdbField(await compareAndWrite(blocks, [dataOut]), COMPARE_AND_WRITE, 'blocks')
    expect((await disk.read(0, 8)).equals(Buffer.alloc(4096))).toBe(true)
  })

  test('wrprotect: INVALID FIELD IN CDB, pointer to byte 1 bit 7', () =>
    expectProtectRefused(COMPARE_AND_WRITE, 'wrprotect', (more) => compareAndWrite(1, [Buffer.alloc(1024)], { more })))

  test('dpo, fua: GOOD on a LUN with DPOFUA, refused with a pointer on one without', async () => {
    await disk.write(0, Buffer.alloc(512))
    await expectDpoFuaTaken(disk, COMPARE_AND_WRITE, (more) => compareAndWrite(1, [Buffer.alloc(1024)], { more }))
    const on = await array.disk(1)
    await expectDpoFuaRefused(on, COMPARE_AND_WRITE, (more) => compareAndWrite(1, [Buffer.alloc(1024)], { more, on }))
  })

  test('a write-protected LUN: WRITE PROTECTED, whatever the medium holds', async () => {
    const on = await array.disk(3)
    for (const fill of [0, 1])
      expectSense(await compareAndWrite(1, [Buffer.alloc(1024, fill)], { on }), SENSE.WRITE_PROTECTED)
  })

  test('switched off: INVALID COMMAND OPERATION CODE', async () => {
    const result = await compareAndWrite(1, [Buffer.alloc(1024)], { on: await array.disk(4) })
    expect(result.sense?.sense).toEqual(SENSE.INVALID_COMMAND_OPERATION_CODE)
  })

  test('the data may come by R2T alone', async () => {
    const on = await array.disk(5, { parameters: { immediateData: false, initialR2T: true, maxBurstLength: 512 } })
    expectGood(await compareAndWrite(4, [Buffer.alloc(2048), pattern(2048, 4)], { on }))
    expect((await on.read(0, 4)).equals(pattern(2048, 4))).toBe(true)
  })
})

describe('COMPARE AND WRITE is atomic', () => {
  test('8 initiators race on one block for 2,000 rounds, one wins each', async () => {
    const disks = await Promise.all(Array.from({ length: 8 }, () => array.disk()))
    let current = Buffer.alloc(512)
    await disk.write(500, current)
    for (let round = 1; round <= 2000; round++) {
      const swaps = disks.map((on, index) => {
        const mine = Buffer.alloc(512, index + 1)
        mine.writeUInt32BE(round)
        return compareAndWrite(1, [current, mine], { lba: 500, on })
      })
      const results = await Promise.all(swaps)
      const winners = results.flatMap(({ status }, index) => (status === STATUS.GOOD ? [index] : []))
      if (winners.length !== 1) throw new Error(`round ${round}: ${winners.length} won`)
      for (const [index, result] of results.entries())
        if (index !== winners[0] && result.sense?.sense !== SENSE.MISCOMPARE_DURING_VERIFY_OPERATION)
          throw new Error(`round ${round}: ${JSON.stringify(result)}`)
      current = Buffer.alloc(512, winners[0]! + 1)
      current.writeUInt32BE(round)
    }
    expect((await disk.read(500, 1)).equals(current)).toBe(true)
  })

  test('8 initiators count together with FUA: no increment is lost', async () => {
    const disks = await Promise.all(Array.from({ length: 8 }, () => array.disk(5)))
    const counter = (value: number): Buffer => {
      const block = Buffer.alloc(1024)
      block.writeUInt32BE(value, 512)
      return block
    }
    await disks[0]!.write(60, counter(0))
    const count = async (on: Disk): Promise<void> => {
      for (let done = 0; done < 50; ) {
        const before = await on.read(60, 2)
        const after = counter(before.readUInt32BE(512) + 1)
        const { status } = await compareAndWrite(2, [before, after], { lba: 60, on, more: { fua: true } })
        if (status === STATUS.GOOD) done++
      }
    }
    await Promise.all(disks.map(count))
    expect((await disks[0]!.read(60, 2)).readUInt32BE(512)).toBe(400)
  })

  test('writes beside it: what is read is never half of one', async () => {
    const [writer, swapper] = await Promise.all([array.disk(5), array.disk(5)])
    const fill = (byte: number): Buffer => Buffer.alloc(8 * 512, byte)
    await writer!.write(100, fill(0))
    let stop = false
    const writing = (async () => {
      for (let i = 1; !stop; i++) await writer!.write(100, fill(i % 200))
    })()
    for (let round = 0; round < 300; round++) {
      const seen = await swapper!.read(100, 8)
      expect(new Set(seen).size).toBe(1)
      await compareAndWrite(8, [seen, fill(255)], { lba: 100, on: swapper! })
    }
    stop = true
    await writing
  })
})
