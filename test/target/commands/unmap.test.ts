// UNMAP (SBC-3 5.28), the VAAI primitive delete, and GET LBA STATUS (SBC-3 5.4), which tells what it did; on a sparse image
// as well as in memory.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  decodeLbaStatus,
  encodeUnmapList,
  GET_LBA_STATUS,
  type LbaStatus,
  PROVISIONING_STATUS,
  SENSE,
  UNMAP,
  type UnmapDescriptor,
} from '../../../protocol/index.ts'
import { arrayForTest, type LunInput, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectParameter, expectSense, pattern } from '../disk.ts'
import { expectOutOfRange } from './matrix.ts'

const BLOCKS = SIZE / 512
const { MAPPED, DEALLOCATED } = PROVISIONING_STATUS

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1, provisioning: 'thick' }),
    memory({ id: 2, limits: { unmapDescriptors: 4, unmapBlocks: 100 } }),
    memory({ id: 3, readOnly: true }),
    memory({ id: 4, limits: { anchor: false } }),
    memory({ id: 5, vaai: { delete: false } }),
  ])
  disk = await array.disk()
  return () => array.close()
})

const runs = (...list: [lba: number | bigint, blocks: number][]): UnmapDescriptor[] =>
  list.map(([lba, blocks]) => ({ lba: BigInt(lba), blocks }))

function unmap(descriptors: readonly UnmapDescriptor[] | Buffer, on = disk, more = {}) {
  const dataOut = Buffer.isBuffer(descriptors) ? descriptors : encodeUnmapList(descriptors)
  return on.run(UNMAP, { parameterListLength: dataOut.length, ...more }, { dataOut })
}

async function statusOf(on: Disk, lba: number | bigint, allocationLength = 24): Promise<readonly LbaStatus[]> {
  const fields = { lba: BigInt(lba), allocationLength }
  return decodeLbaStatus(expectGood(await on.run(GET_LBA_STATUS, fields, { dataInLength: allocationLength })).data)
    .descriptors
}

describe('UNMAP (42h)', () => {
  test('simple: 1 to 256 blocks in one descriptor read as zeroes, and nothing else', async () => {
    const data = pattern(300 * 512, 1)
    for (const blocks of [1, 2, 7, 8, 64, 127, 128, 255, 256]) {
      await disk.write(0, data)
      expectGood(await unmap(runs([0, blocks])))
      const expected = Buffer.concat([Buffer.alloc(512 * blocks), data.subarray(512 * blocks)])
      expect((await disk.read(0, 300)).equals(expected), `${blocks}`).toBe(true)
    }
  })

  test('256 descriptors of one block each, every other block', async () => {
    await disk.write(0, pattern(512 * 512, 1))
    expectGood(await unmap(runs(...Array.from({ length: 256 }, (_, i): [number, number] => [2 * i, 1]))))
    const after = await disk.read(0, 512)
    for (let lba = 0; lba < 512; lba++) {
      const expected = lba % 2 === 0 ? Buffer.alloc(512) : pattern(512 * 512, 1).subarray(512 * lba, 512 * (lba + 1))
      expect(after.subarray(512 * lba, 512 * (lba + 1)).equals(expected)).toBe(true)
    }
  })

  test('zero blocks: no descriptor, no list, descriptors of zero blocks, also at the capacity: GOOD', async () => {
    expectGood(await unmap([]))
    expectGood(await disk.run(UNMAP, { parameterListLength: 0 }))
    for (const lba of [0, 255, BLOCKS]) expectGood(await unmap(runs([lba, 0])))
  })

  test('overlap and any order are fine', async () => {
    await disk.write(0, pattern(100 * 512, 1))
    expectGood(await unmap(runs([50, 30], [10, 60], [0, 12], [10, 1])))
    expect((await disk.read(0, 80)).equals(Buffer.alloc(80 * 512))).toBe(true)
  })

  test('beyond end: LBA OUT OF RANGE, and no descriptor is carried out', async () => {
    await disk.write(0, pattern(4096, 1))
    for (const bad of [
      [BLOCKS - 1, 2],
      [BLOCKS, 1],
      [BLOCKS + 1, 0],
      [1n << 63n, 1],
      [(1n << 64n) - 1n, 0xffff_ffff],
    ] as const)
      expectOutOfRange(await unmap(runs([0, 8], [bad[0], bad[1]])), BLOCKS)
    expect((await disk.read(0, 8)).equals(pattern(4096, 1))).toBe(true)
  })

  test.each([1, 2, 7])('parameter list of %i bytes: PARAMETER LIST LENGTH ERROR', async (length) => {
    expectSense(await unmap(Buffer.alloc(length)), SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('a parameter list shorter than PARAMETER LIST LENGTH: PARAMETER LIST LENGTH ERROR, nothing unmapped', async () => {
    await disk.write(0, pattern(512, 1))
    expectSense(await unmap(runs([0, 1]), disk, { parameterListLength: 40 }), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    expect((await disk.read(0, 1)).equals(pattern(512, 1))).toBe(true)
  })

  test('a truncated last descriptor is ignored', async () => {
    await disk.write(0, pattern(1024, 1))
    expectGood(await unmap(encodeUnmapList(runs([0, 1], [1, 1])).subarray(0, 39)))
    expect((await disk.read(0, 2)).equals(Buffer.concat([Buffer.alloc(512), pattern(1024, 1).subarray(512)]))).toBe(
      true,
    )
  })

  test('a BLOCK DESCRIPTOR DATA LENGTH that counts less than the list: only so many', async () => {
    await disk.write(0, pattern(1024, 1))
    const list = encodeUnmapList(runs([0, 1], [1, 1]))
    list.writeUInt16BE(16, 2)
    expectGood(await unmap(list))
    expect((await disk.read(1, 1)).equals(pattern(1024, 1).subarray(512))).toBe(true)
  })

  test('over MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT or LBA COUNT: INVALID FIELD IN PARAMETER LIST, with a pointer', async () => {
    const small = await array.disk(2)
    await small.write(0, pattern(512 * 128, 1))
    expectGood(await unmap(runs([0, 25], [25, 25], [50, 25], [75, 25]), small))
    await small.write(0, pattern(512 * 128, 1))
    expectParameter(await unmap(runs([0, 1], [1, 1], [2, 1], [3, 1], [4, 1]), small), 2)
    expectParameter(await unmap(runs([0, 101]), small), 16)
    expectParameter(await unmap(runs([0, 60], [60, 41]), small), 32)
    expect((await small.read(0, 128)).equals(pattern(512 * 128, 1))).toBe(true)
  })

  test('anchor: GOOD where ANC_SUP is one, INVALID FIELD IN CDB where not', async () => {
    await disk.write(0, pattern(4096, 1))
    expectGood(await unmap(runs([0, 4]), disk, { anchor: true }))
    expect((await disk.read(0, 4)).equals(Buffer.alloc(2048))).toBe(true)
    expectCdbField(await unmap(runs([0, 4]), await array.disk(4), { anchor: true }), UNMAP, 'anchor')
  })

  test('a write-protected LUN: WRITE PROTECTED', async () => {
    expectSense(await unmap(runs([0, 1]), await array.disk(3)), SENSE.WRITE_PROTECTED)
    expectSense(await (await array.disk(3)).run(UNMAP, {}), SENSE.WRITE_PROTECTED)
  })

  test.each([
    ['a thick LUN', 1],
    ['switched off', 5],
  ])('%s: INVALID COMMAND OPERATION CODE', async (_, lun) => {
    const result = await unmap(runs([0, 1]), await array.disk(lun))
    expect(result.sense?.sense).toEqual(SENSE.INVALID_COMMAND_OPERATION_CODE)
  })
})

const stores: [string, LunInput][] = [
  ['memory', {}],
  ['a sparse image', { store: { type: 'sparse', path: 'thin.img' } }],
]

describe.each(stores)('GET LBA STATUS (9Eh/12h), %s', (_, store) => {
  test('simple: at LBA 1 to 256 and at the last 256', async () => {
    const own = await arrayForTest([memory(store)])
    const on = await own.disk()
    await on.write(0, pattern(512 * 300, 1))
    for (const lba of [1, 2, 8, 100, 255, 256]) {
      const [first] = await statusOf(on, lba)
      expect(first).toMatchObject({ lba: BigInt(lba), provisioningStatus: MAPPED })
      expect(first!.blocks).toBeGreaterThanOrEqual(300 - lba)
    }
    for (const lba of [BLOCKS - 1, BLOCKS - 100, BLOCKS - 256])
      expect(await statusOf(on, lba)).toEqual([
        { lba: BigInt(lba), blocks: BLOCKS - lba, provisioningStatus: DEALLOCATED, additionalStatus: 0 },
      ])
  })

  test('runs follow each other from the LBA to the end of the medium', async () => {
    const own = await arrayForTest([memory(store)])
    const on = await own.disk()
    for (const lba of [1024, 4096, 8192]) await on.write(lba, pattern(128 * 512, lba))
    const list = await statusOf(on, 0, 4096)
    let next = 0n
    for (const { lba, blocks } of list) {
      expect(lba).toBe(next)
      expect(blocks).toBeGreaterThan(0)
      next += BigInt(blocks)
    }
    expect(next).toBe(BigInt(BLOCKS))
    const mapped = list.filter(({ provisioningStatus }) => provisioningStatus === MAPPED)
    expect(mapped.map(({ lba }) => Number(lba))).toEqual([1024, 4096, 8192])
  })

  test('what UNMAP freed is told as deallocated, the block beside it stays mapped', async () => {
    const own = await arrayForTest([memory(store)])
    const on = await own.disk()
    await on.write(0, pattern(SIZE / 2, 1))
    expectGood(await unmap(runs([1024, 1024]), on))
    const list = await statusOf(on, 0, 4096)
    expect(list.slice(0, 3).map(({ lba, provisioningStatus }) => [Number(lba), provisioningStatus])).toEqual([
      [0, MAPPED],
      [1024, DEALLOCATED],
      [2048, MAPPED],
    ])
    expect((await on.read(1023, 1)).equals(pattern(SIZE / 2, 1).subarray(1023 * 512, 1024 * 512))).toBe(true)
  })
})

describe('GET LBA STATUS (9Eh/12h)', () => {
  test('beyond end: LBA OUT OF RANGE', async () => {
    for (const lba of [BLOCKS, BLOCKS + 1, 1n << 63n, (1n << 64n) - 1n]) {
      const fields = { lba: BigInt(lba), allocationLength: 24 }
      expectOutOfRange(await disk.run(GET_LBA_STATUS, fields, { dataInLength: 24 }), BLOCKS)
    }
  })

  test('allocation length: cut at any length, the true length told', async () => {
    for (const allocationLength of [0, 4, 8, 23, 24, 25]) {
      const { data } = expectGood(
        await disk.run(GET_LBA_STATUS, { allocationLength }, { dataInLength: allocationLength }),
      )
      expect(data.length).toBeLessThanOrEqual(allocationLength)
      if (data.length >= 4) expect(data.readUInt32BE(0)).toBeGreaterThanOrEqual(20)
    }
  })

  test('a thick LUN: all of it mapped', async () => {
    const thick = await array.disk(1)
    expect(await statusOf(thick, 0)).toEqual([
      { lba: 0n, blocks: BLOCKS, provisioningStatus: MAPPED, additionalStatus: 0 },
    ])
  })
})
