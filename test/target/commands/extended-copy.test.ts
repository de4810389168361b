// EXTENDED COPY(LID1) (83h/00h, SPC-4 6.5), the VAAI primitive clone: what it copies, within a logical unit and between two,
// and what it refuses before the first segment and after.

import { beforeAll, describe, expect, test } from 'vitest'
import { type Designator, EXTENDED_COPY_LID1, RESERVE_6, SENSE, type Sense } from '../../../protocol/index.ts'
import { arrayForTest, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectGood, expectParameter, expectPointer, expectSense, pattern } from '../disk.ts'
import { copyList, cscd, cscdAt, naaOf, segment, segmentAt, sendCopy } from './copy-list.ts'

const BLOCKS = SIZE / 512
const OTHER = 'iqn.2026-11.io.lunette:other'

let array: TestArray
let source: Disk
let target: Disk
let here: Designator
let there: Designator

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1 }),
    memory({ id: 2, readOnly: true }),
    memory({ id: 3, initiators: [OTHER] }),
    memory({ id: 4, blockSize: 4096 }),
    memory({ id: 5, vaai: { clone: false } }),
    memory({ id: 6, scsiVersion: 5 }),
    memory({ id: 7, limits: { copySegmentBytes: 65_536 } }),
    memory({ id: 8, writeCache: false }),
  ])
  source = await array.disk(0)
  target = await array.disk(1)
  here = await naaOf(source)
  there = await naaOf(target)
  return () => array.close()
})

/** COPY ABORTED names the segment that failed, and how many blocks of it are left (SPC-4 5.17.7.4). */
function expectAborted(
  result: Awaited<ReturnType<typeof sendCopy>>,
  sense: Sense,
  index: number,
  blocks: number,
): void {
  expect(result.sense?.sense).toEqual(sense)
  expect(result.sense?.commandSpecific ?? 0n).toBe(BigInt(index))
  expect(result.sense?.information).toBe(BigInt(blocks))
}

describe('EXTENDED COPY(LID1) copies', () => {
  test('within one logical unit', async () => {
    await source.write(0, pattern(2048 * 512, 1))
    expectGood(await sendCopy(source, copyList([cscd(here)], [segment(0, 4000, 2048)])))
    expect((await source.read(4000, 2048)).equals(pattern(2048 * 512, 1))).toBe(true)
  })

  test('between two logical units, sent to either of them', async () => {
    for (const [on, seed] of [
      [source, 2],
      [target, 3],
    ] as const) {
      await source.write(10, pattern(512 * 100, seed))
      const list = copyList([cscd(here), cscd(there)], [segment(10, 20, 100, { destination: 1 })])
      expectGood(await sendCopy(on, list))
      expect((await target.read(20, 100)).equals(pattern(512 * 100, seed))).toBe(true)
    }
  })

  test('from and to the logical unit that got the command, by CSCD FFFFh', async () => {
    await source.write(0, pattern(512 * 8, 4))
    expectGood(await sendCopy(source, copyList([cscd(there)], [segment(0, 300, 8, { source: 0xffff })])))
    expect((await target.read(300, 8)).equals(pattern(512 * 8, 4))).toBe(true)
  })

  test('a logical unit without a volatile cache', async () => {
    const through = await array.disk(8)
    const list = copyList([cscd(here), cscd(await naaOf(through))], [segment(0, 0, 8, { destination: 1 })])
    await source.write(0, pattern(512 * 8, 5))
    expectGood(await sendCopy(source, list))
    expect((await through.read(0, 8)).equals(pattern(512 * 8, 5))).toBe(true)
  })

  test.each([
    ['source before destination', 100, 150, 200],
    ['destination before source', 150, 100, 200],
    ['one block apart', 100, 101, 1000],
    ['one block back', 101, 100, 1000],
    ['the same', 100, 100, 64],
    ['larger than a piece of the copy', 10, 1000, 12_000],
    ['larger than a piece, back', 1000, 10, 12_000],
  ])('overlap, %s: as if the source were read whole first', async (_, from, to, blocks) => {
    const before = pattern(SIZE, from + blocks)
    await source.write(0, before.subarray(0, SIZE / 2))
    await source.write(BLOCKS / 2, before.subarray(SIZE / 2))
    expectGood(await sendCopy(source, copyList([cscd(here)], [segment(from, to, blocks)])))
    const expected = Buffer.from(before)
    before.copy(expected, 512 * to, 512 * from, 512 * (from + blocks))
    expect((await source.read(0, BLOCKS)).equals(expected)).toBe(true)
  })

  test('many segments in their order: a later one copies what an earlier one has written', async () => {
    await source.write(0, Buffer.alloc(64 * 512))
    await source.write(0, pattern(512, 7))
    const segments = Array.from({ length: 40 }, (_, i) => segment(i, i + 1, 1))
    expectGood(await sendCopy(source, copyList([cscd(here)], segments)))
    expect((await source.read(0, 41)).equals(Buffer.concat(Array(41).fill(pattern(512, 7))))).toBe(true)
  })

  test('holes are copied as zeroes', async () => {
    const own = await arrayForTest([memory(), memory({ id: 1 })])
    const [a, b] = [await own.disk(0), await own.disk(1)]
    await b.write(0, pattern(512 * 1024, 1))
    await a.write(500, pattern(512, 2))
    const list = copyList([cscd(await naaOf(a)), cscd(await naaOf(b))], [segment(0, 0, 1024, { destination: 1 })])
    expectGood(await sendCopy(a, list))
    const expected = Buffer.alloc(512 * 1024)
    pattern(512, 2).copy(expected, 500 * 512)
    expect((await b.read(0, 1024)).equals(expected)).toBe(true)
  })

  test('nothing to do: parameter list length 0, no segments, segments of no blocks', async () => {
    expectGood(await source.run(EXTENDED_COPY_LID1, {}))
    expectGood(await sendCopy(source, copyList([cscd(here)], [])))
    expectGood(await sendCopy(source, copyList([], [])))
    expectGood(await sendCopy(source, copyList([cscd(here)], [segment(0, 9, 0), segment(BLOCKS, 0, 0)])))
  })

  test.each([1, 2, 3])('LU ID TYPE %i is not looked at by SPC-4, refused by SPC-3', async (luIdType) => {
    const list = (designator: Designator) => copyList([cscd(designator, { luIdType })], [segment(0, 1, 1)])
    expectGood(await sendCopy(source, list(here)))
    const old = await array.disk(6)
    expectParameter(await sendCopy(old, list(await naaOf(old))), cscdAt(0) + 1, 7)
  })
})

describe('EXTENDED COPY(LID1) before the first segment: never COPY ABORTED', () => {
  const whole = () => copyList([cscd(here)], [segment(0, 1, 1)])

  test.each([1, 15, 16, 20, 47, 50, 75])('a list cut at byte %i: PARAMETER LIST LENGTH ERROR', async (length) => {
    expectSense(await sendCopy(source, whole().subarray(0, length)), SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('a PARAMETER LIST LENGTH beyond the data: PARAMETER LIST LENGTH ERROR', async () => {
    expectSense(await sendCopy(source, whole(), 100), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    expectSense(await sendCopy(source, whole(), 0xffff_ffff), SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('a CSCD list that is no multiple of 32, descriptors longer than MAXIMUM DESCRIPTOR LIST LENGTH', async () => {
    const uneven = whole()
    uneven.writeUInt16BE(31, 2)
    expectSense(await sendCopy(source, uneven), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    const long = copyList(Array(17).fill(cscd(here)), Array(150).fill(segment(0, 1, 1)))
    expectSense(await sendCopy(source, long), SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('too many CSCDs, too many segments', async () => {
    const cscds = await sendCopy(source, copyList(Array(17).fill(cscd(here)), [segment(0, 1, 1)]))
    expect(cscds.sense?.sense).toEqual(SENSE.TOO_MANY_CSCD_DESCRIPTORS)
    const segments = await sendCopy(source, copyList([cscd(here)], Array(65).fill(segment(0, 1, 0))))
    expect(segments.sense?.sense).toEqual(SENSE.TOO_MANY_SEGMENT_DESCRIPTORS)
  })

  test('a CSCD type and a segment type that are not implemented, with a pointer to the type', async () => {
    const type = whole()
    type[cscdAt(0)] = 0xe0
    const wrongCscd = await sendCopy(source, type)
    expect(wrongCscd.sense?.sense).toEqual(SENSE.UNSUPPORTED_CSCD_DESCRIPTOR_TYPE_CODE)
    expectPointer(wrongCscd, 'parameters', cscdAt(0))
    const kind = whole()
    kind[segmentAt(1)] = 0x03
    const wrongSegment = await sendCopy(source, kind)
    expect(wrongSegment.sense?.sense).toEqual(SENSE.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE)
    expectPointer(wrongSegment, 'parameters', segmentAt(1))
  })

  test('inline data: INLINE DATA LENGTH EXCEEDED', async () => {
    const result = await sendCopy(source, copyList([cscd(here)], [], { inlineData: Buffer.alloc(8) }))
    expect(result.sense?.sense).toEqual(SENSE.INLINE_DATA_LENGTH_EXCEEDED)
  })

  test('LIST ID USAGE 01b, and 11b with a list identifier: INVALID FIELD IN PARAMETER LIST, with a pointer', async () => {
    const usage = await sendCopy(source, copyList([cscd(here)], [segment(0, 1, 1)], { listId: 0, listIdUsage: 1 }))
    expectParameter(usage, 1, 4)
    const id = await sendCopy(source, copyList([cscd(here)], [segment(0, 1, 1)], { listId: 9, listIdUsage: 3 }))
    expectParameter(id, 0)
  })

  test('a segment DESCRIPTOR LENGTH that is not 24, a designator longer than its field', async () => {
    const length = whole()
    length.writeUInt16BE(0x14, segmentAt(1) + 2)
    expectParameter(await sendCopy(source, length), segmentAt(1) + 2)
    const designator = whole()
    designator[cscdAt(0) + 7] = 21
    expectParameter(await sendCopy(source, designator), cscdAt(0) + 7)
  })

  test('a segment over MAXIMUM SEGMENT LENGTH: refused before anything is copied', async () => {
    const small = await array.disk(7)
    const naa = await naaOf(small)
    await small.write(0, pattern(512, 1))
    expectGood(await sendCopy(small, copyList([cscd(naa)], [segment(0, 1000, 128)])))
    const list = copyList([cscd(naa)], [segment(0, 2000, 1), segment(0, 3000, 129)])
    expectParameter(await sendCopy(small, list), segmentAt(1, 1) + 10)
    expect(await small.read(2000, 1)).toEqual(Buffer.alloc(512))
  })

  test('reserved bits of the CDB: INVALID FIELD IN CDB with a pointer', async () => {
    for (const [byte, bit] of [
      [1, 7],
      [2, 0],
      [9, 3],
      [14, 5],
    ] as const) {
      const cdb = EXTENDED_COPY_LID1.encode({})
      cdb[byte]! |= 1 << bit
      const result = await source.send(cdb)
      expectSense(result, SENSE.INVALID_FIELD_IN_CDB)
      expectPointer(result, 'cdb', byte, bit)
    }
  })

  test('switched off: INVALID COMMAND OPERATION CODE, also with a service action', async () => {
    const off = await array.disk(5)
    for (const byte1 of [0, 1]) {
      const cdb = EXTENDED_COPY_LID1.encode({})
      cdb[1] = byte1
      expect((await off.send(cdb)).sense?.sense).toEqual(SENSE.INVALID_COMMAND_OPERATION_CODE)
    }
  })
})

describe('EXTENDED COPY(LID1) from the first segment on: COPY ABORTED', () => {
  test('a CSCD index that no descriptor has, source or destination: UNREACHABLE COPY TARGET', async () => {
    for (const more of [{ source: 1 }, { destination: 1 }, { source: 0xfffe }]) {
      const result = await sendCopy(source, copyList([cscd(here)], [segment(0, 1, 5, more)]))
      expectAborted(result, SENSE.UNREACHABLE_COPY_TARGET, 0, 5)
    }
  })

  test('beyond the end, source or destination: COPY TARGET DEVICE NOT REACHABLE', async () => {
    for (const [from, to] of [
      [BLOCKS - 1, 0],
      [0, BLOCKS - 1],
      [1n << 63n, 0],
      [0, (1n << 64n) - 1n],
    ] as const) {
      const result = await sendCopy(source, copyList([cscd(here)], [segment(from, to, 2)]))
      expectAborted(result, SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE, 0, 2)
    }
  })

  test('a designator that names nothing, and one of another type with the same bytes', async () => {
    const strange = { ...there, value: Buffer.from(there.value.map((byte, i) => (i === 15 ? byte ^ 1 : byte))) }
    for (const designator of [
      strange,
      { ...there, type: 1 },
      { ...there, codeSet: 2 },
      { ...there, value: there.value.subarray(0, 8) },
    ]) {
      const result = await sendCopy(
        source,
        copyList([cscd(here), cscd(designator)], [segment(0, 1, 3, { destination: 1 })]),
      )
      expectAborted(result, SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE, 0, 3)
    }
  })

  test('another device type, another block length: INCORRECT COPY TARGET DEVICE TYPE', async () => {
    for (const more of [{ peripheralDeviceType: 5 }, { blockLength: 4096 }]) {
      const result = await sendCopy(source, copyList([cscd(here, more)], [segment(0, 1, 3)]))
      expectAborted(result, SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE, 0, 3)
    }
    const big = await array.disk(4)
    const list = copyList(
      [cscd(here), cscd(await naaOf(big), { blockLength: 4096 })],
      [segment(0, 0, 8, { destination: 1 })],
    )
    expectAborted(await sendCopy(source, list), SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE, 0, 8)
  })

  test('the segments before the one that failed are done, and it is named', async () => {
    await source.write(0, pattern(512, 1))
    const segments = [segment(0, 50, 1), segment(0, 51, 1), segment(0, 52, 9, { source: 7 }), segment(0, 53, 1)]
    await source.write(50, Buffer.alloc(2048))
    const result = await sendCopy(source, copyList([cscd(here)], segments))
    expectAborted(result, SENSE.UNREACHABLE_COPY_TARGET, 2, 9)
    const expected = Buffer.concat([pattern(512, 1), pattern(512, 1), Buffer.alloc(1024)])
    expect((await source.read(50, 4)).equals(expected)).toBe(true)
  })

  test('a write-protected destination; it may be the source', async () => {
    const readOnly = await naaOf(await array.disk(2))
    const to = await sendCopy(source, copyList([cscd(here), cscd(readOnly)], [segment(0, 0, 4, { destination: 1 })]))
    expect(to.sense?.sense.key).toBe(SENSE.THIRD_PARTY_DEVICE_FAILURE.key)
    expectGood(await sendCopy(source, copyList([cscd(here), cscd(readOnly)], [segment(0, 0, 4, { source: 1 })])))
  })

  test('a logical unit that is masked from the initiator is not there for it (CVE-2020-28374)', async () => {
    const insider = await array.disk(3, { initiatorName: OTHER })
    const hidden = await naaOf(insider)
    await insider.write(0, pattern(512, 8))
    await source.write(0, pattern(512, 9))
    for (const more of [{ source: 1 }, { destination: 1 }]) {
      const result = await sendCopy(source, copyList([cscd(here), cscd(hidden)], [segment(0, 0, 1, more)]))
      expectAborted(result, SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE, 0, 1)
    }
    expect((await insider.read(0, 1)).equals(pattern(512, 8))).toBe(true)
    expect((await source.read(0, 1)).equals(pattern(512, 9))).toBe(true)
    expectGood(await sendCopy(insider, copyList([cscd(hidden)], [segment(0, 1, 1)])))
  })

  test('a reservation of another initiator on the other logical unit, source or destination, is obeyed', async () => {
    const own = await arrayForTest([memory(), memory({ id: 1 })])
    const [mine, holder] = [await own.disk(0), await own.disk(1)]
    const [a, b] = [await naaOf(mine), await naaOf(holder)]
    expectGood(await holder.run(RESERVE_6, {}))
    await holder.write(0, pattern(512, 1))
    for (const more of [{ source: 1 }, { destination: 1 }]) {
      const result = await sendCopy(mine, copyList([cscd(a), cscd(b)], [segment(0, 0, 1, more)]))
      expect(result.sense?.sense.key).toBe(SENSE.THIRD_PARTY_DEVICE_FAILURE.key)
    }
    expect((await holder.read(0, 1)).equals(pattern(512, 1))).toBe(true)
    expectGood(await sendCopy(holder, copyList([cscd(b)], [segment(0, 1, 1)])))
  })
})
