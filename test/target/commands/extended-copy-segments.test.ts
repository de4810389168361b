// The segments of EXTENDED COPY beside plain block to block: with byte offsets (0Ah, SPC-4 6.4.6.8), verify CSCD (07h, SPC-4
// 6.4.6.11), register persistent reservation key (14h, SPC-4 6.4.6.17); DC and CAT; what the other side's state allows.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  type CopySegment,
  type Designator,
  type OffsetSegment,
  RELEASE_6,
  RESERVE_6,
  type RegisterKeySegment,
  SEGMENT_TYPE,
  SENSE,
  START_STOP_UNIT,
  type VerifySegment,
} from '../../../protocol/index.ts'
import type { CommandResult } from '../../../src/host/index.ts'
import { arrayForTest, drainUnitAttentions, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectGood, expectParameter, expectPointer, pattern } from '../disk.ts'
import { copyList, cscd, naaOf, segment, segmentAt, sendCopy } from './copy-list.ts'
import { readKeys, register, reserve, TYPE } from './persistent-reserve.ts'

let array: TestArray
let source: Disk
let target: Disk
let here: Designator
let there: Designator

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1 }),
    memory({ id: 2, blockSize: 4096 }),
    memory({ id: 3, limits: { copySegmentBytes: 65_536 } }),
  ])
  source = await array.disk(0)
  target = await array.disk(1)
  here = await naaOf(source)
  there = await naaOf(target)
  return () => array.close()
})

const offsets = (
  [sourceLba, sourceOffset]: [number | bigint, number],
  [destinationLba, destinationOffset]: [number | bigint, number],
  bytes: number,
  more: Partial<OffsetSegment> = {},
): OffsetSegment => ({
  type: SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET,
  cat: false,
  source: 0,
  destination: 0,
  bytes,
  sourceLba: BigInt(sourceLba),
  destinationLba: BigInt(destinationLba),
  sourceOffset,
  destinationOffset,
  ...more,
})

const verify = (more: Partial<VerifySegment> = {}): VerifySegment => ({
  type: SEGMENT_TYPE.VERIFY_CSCD,
  source: 0,
  tur: true,
  ...more,
})

const send = (...segments: CopySegment[]) => sendCopy(source, copyList([cscd(here), cscd(there)], segments))

function expectAborted(result: CommandResult, sense: object, index: number, residual: number): void {
  expect(result.sense).toMatchObject({ sense, information: BigInt(residual) })
  expect(result.sense?.commandSpecific ?? 0n).toBe(BigInt(index))
}

describe('segment 0Ah, with byte offsets', () => {
  test.each([
    ['whole blocks', 0, 0, 2048],
    ['a part of one block', 100, 7, 5],
    ['over the border of a block', 500, 3, 100],
    ['to the end of a block', 0, 511, 1],
    ['more than a megabyte', 17, 400, 1_500_001],
    ['nothing', 9, 9, 0],
  ])('%s: the bytes named and no other change', async (_, sourceOffset, destinationOffset, bytes) => {
    const [from, to] = [pattern(512 * 3200, bytes + 1), pattern(512 * 3200, bytes + 2)]
    await source.write(100, from)
    await target.write(1000, to)
    expectGood(await send(offsets([100, sourceOffset], [1000, destinationOffset], bytes, { destination: 1 })))
    from.copy(to, destinationOffset, sourceOffset, sourceOffset + bytes)
    expect((await target.read(1000, 3200)).equals(to)).toBe(true)
    expect((await source.read(100, 3200)).equals(from)).toBe(true)
  })

  test('overlap within one logical unit: as if the source were read whole first', async () => {
    for (const [sourceOffset, destinationOffset] of [
      [0, 200],
      [300, 1],
    ] as const) {
      const before = pattern(512 * 64, 5)
      await source.write(0, before)
      expectGood(await send(offsets([2, sourceOffset], [3, destinationOffset], 20_000)))
      const expected = Buffer.from(before)
      before.copy(expected, 3 * 512 + destinationOffset, 2 * 512 + sourceOffset, 2 * 512 + sourceOffset + 20_000)
      expect((await source.read(0, 64)).equals(expected)).toBe(true)
    }
  })

  test('NUMBER OF BYTES over MAXIMUM SEGMENT LENGTH: refused before anything is copied, pointer to byte 8', async () => {
    const small = await array.disk(3)
    const naa = await naaOf(small)
    const list = (bytes: number) => copyList([cscd(naa)], [offsets([0, 0], [1000, 0], bytes)])
    expectGood(await sendCopy(small, list(65_536)))
    expectParameter(await sendCopy(small, list(65_537)), segmentAt(1) + 8)
  })

  test('an offset that is no byte of a block: COPY ABORTED, pointer into the segment', async () => {
    const wrongSource = await send(segment(0, 1, 1), offsets([0, 512], [0, 0], 1))
    expectAborted(wrongSource, SENSE.INVALID_FIELD_IN_SEGMENT, 1, 1)
    expectPointer(wrongSource, 'segment', 28)
    const wrongDestination = await send(offsets([0, 0], [0, 65_535], 1, { destination: 1 }))
    expectPointer(wrongDestination, 'segment', 30)
  })

  test('beyond the end by one byte, source or destination: COPY TARGET DEVICE NOT REACHABLE, bytes left', async () => {
    const last = SIZE / 512 - 1
    expectGood(await send(offsets([last, 412], [0, 0], 100)))
    for (const [from, to] of [
      [
        [last, 412],
        [0, 0],
      ],
      [
        [0, 0],
        [last, 412],
      ],
      [
        [(1n << 64n) - 1n, 0],
        [0, 0],
      ],
    ] as [[number, number], [number, number]][])
      expectAborted(await send(offsets(from, to, 101)), SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE, 0, 101)
  })

  test('between blocks of different sizes: INCORRECT COPY TARGET DEVICE TYPE, as for 02h', async () => {
    const big = await naaOf(await array.disk(2))
    const list = copyList(
      [cscd(here), cscd(big, { blockLength: 4096 })],
      [offsets([0, 0], [0, 0], 4096, { destination: 1 })],
    )
    expectAborted(await sendCopy(source, list), SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE, 0, 4096)
  })
})

describe('segment 02h', () => {
  test('DC and CAT: between blocks of one size the count is the same, and nothing is left over', async () => {
    await source.write(0, pattern(512 * 8, 1))
    for (const more of [{ dc: true }, { cat: true }, { dc: true, cat: true }]) {
      await target.write(50, Buffer.alloc(512 * 8))
      expectGood(await send(segment(0, 50, 8, { ...more, destination: 1 })))
      expect((await target.read(50, 8)).equals(pattern(512 * 8, 1))).toBe(true)
    }
  })

  test('DC: MAXIMUM SEGMENT LENGTH counts blocks of the destination, else of the source', async () => {
    const [small, big] = [await array.disk(3), await naaOf(await array.disk(2))]
    const cscds = [cscd(await naaOf(small)), cscd(big, { blockLength: 4096 })]
    const one = segment(0, 0, 17, { source: 0, destination: 1 })
    const byDestination = await sendCopy(small, copyList(cscds, [{ ...one, dc: true }]))
    expectParameter(byDestination, segmentAt(2) + 10)
    expectAborted(await sendCopy(small, copyList(cscds, [one])), SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE, 0, 17)
  })

  test('a CSCD index that no descriptor has: the segment pointer tells which', async () => {
    expectPointer(await send(segment(0, 1, 1, { source: 7 })), 'segment', 4)
    expectPointer(await send(segment(0, 1, 1, { destination: 7 })), 'segment', 6)
  })
})

describe('segment 07h, verify CSCD', () => {
  test('a CSCD that is there, with and without TUR', async () => {
    expectGood(await send(verify(), verify({ tur: false, source: 1 }), verify({ source: 0xffff })))
  })

  test('one that is not: COPY ABORTED as for a copy, with nothing left', async () => {
    const unreachable = await send(verify(), verify({ source: 2 }))
    expectAborted(unreachable, SENSE.UNREACHABLE_COPY_TARGET, 1, 0)
    const strange = { ...there, value: Buffer.from(there.value).fill(0x11, 8) }
    const list = copyList([cscd(here), cscd(strange)], [verify({ source: 1, tur: false })])
    expectAborted(await sendCopy(source, list), SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE, 0, 0)
    const tape = copyList([cscd(here, { peripheralDeviceType: 1 })], [verify()])
    expectAborted(await sendCopy(source, tape), SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE, 0, 0)
  })

  test('TUR of a logical unit that another initiator has reserved: THIRD PARTY DEVICE FAILURE', async () => {
    const holder = await array.disk(1)
    expectGood(await holder.run(RESERVE_6, {}))
    expectAborted(await send(verify({ source: 1 })), SENSE.THIRD_PARTY_DEVICE_FAILURE, 0, 0)
    expectGood(await send(verify({ source: 1, tur: false })))
    expectGood(await holder.run(RELEASE_6, {}))
    expectGood(await send(verify({ source: 1 })))
  })

  test('a DESCRIPTOR LENGTH that is not that of the type: INVALID FIELD IN PARAMETER LIST', async () => {
    for (const [one, at] of [
      [verify(), 8],
      [offsets([0, 0], [0, 0], 1), 0x1c],
    ] as const) {
      const list = copyList([cscd(here)], [one])
      expect(list.readUInt16BE(segmentAt(1) + 2)).toBe(at)
      list.writeUInt16BE(at + 4, segmentAt(1) + 2)
      expectParameter(await sendCopy(source, list), segmentAt(1) + 2)
    }
  })
})

describe('segment 14h, register persistent reservation key', () => {
  const [K1, K2] = [0x1111n, 0x2222n]
  const key = (reservationKey: bigint, serviceActionReservationKey: bigint, destination = 1): RegisterKeySegment => ({
    type: SEGMENT_TYPE.REGISTER_PERSISTENT_RESERVATION_KEY,
    destination,
    reservationKey,
    serviceActionReservationKey,
  })

  async function pair() {
    const own = await arrayForTest([memory(), memory({ id: 1 })])
    const session = { initiatorName: 'iqn.2026-11.io.lunette:copier' }
    const [disk, other] = [await own.disk(0, session), await own.disk(1)]
    const cscds = [cscd(await naaOf(disk)), cscd(await naaOf(other))]
    const run = (...segments: CopySegment[]) => sendCopy(disk, copyList(cscds, segments))
    return { disk, other, run }
  }

  test('registers the initiator with the destination, changes its key, and takes it away', async () => {
    const { disk, other, run } = await pair()
    expectGood(await run(key(0n, K1)))
    expect(await readKeys(other)).toEqual({ generation: 1, keys: [K1] })
    expect((await readKeys(disk)).keys).toEqual([])
    expectGood(await run(key(K1, K2)))
    expect((await readKeys(other)).keys).toEqual([K2])
    expectGood(await run(key(K2, 0n)))
    expect((await readKeys(other)).keys).toEqual([])
  })

  test('so that the copy after it may write to what others have reserved for registrants', async () => {
    const { disk, other, run } = await pair()
    await disk.write(0, pattern(512, 1))
    expectGood(await register(other, 0n, K1))
    expectGood(await reserve(other, K1, TYPE.WERO))
    expectAborted(await run(segment(0, 9, 1, { destination: 1 })), SENSE.THIRD_PARTY_DEVICE_FAILURE, 0, 1)
    expectGood(await run(segment(0, 5, 1, { source: 1 }), key(0n, K2), segment(0, 9, 1, { destination: 1 })))
    expect((await other.read(9, 1)).equals(await disk.read(0, 1))).toBe(true)
  })

  test('a wrong key, a RESERVE of another, a CSCD that is not there: COPY ABORTED', async () => {
    const { disk, other, run } = await pair()
    expectAborted(await run(key(K1, K2)), SENSE.THIRD_PARTY_DEVICE_FAILURE, 0, 0)
    expectAborted(await run(key(0n, K1), key(0n, K1, 5)), SENSE.UNREACHABLE_COPY_TARGET, 1, 0)
    expectGood(await run(key(K1, 0n)))
    expectGood(await other.run(RESERVE_6, {}))
    expectAborted(await run(key(0n, K1)), SENSE.THIRD_PARTY_DEVICE_FAILURE, 0, 0)
    expectGood(await other.run(RELEASE_6, {}))
    expect((await readKeys(other)).keys).toEqual([])
    await drainUnitAttentions(disk)
  })
})

describe('persistent reservations of the other side', () => {
  test.each([
    ['Write Exclusive', TYPE.WE, { source: true, destination: false }],
    ['Exclusive Access', TYPE.EA, { source: false, destination: false }],
  ])('%s: as READ and WRITE of the initiator would end', async (_, type, may) => {
    const own = await arrayForTest([memory(), memory({ id: 1 })])
    const [mine, holder] = [await own.disk(0), await own.disk(1)]
    const cscds = [cscd(await naaOf(mine)), cscd(await naaOf(holder))]
    expectGood(await register(holder, 0n, 1n))
    expectGood(await reserve(holder, 1n, type))
    for (const side of ['source', 'destination'] as const) {
      const result = await sendCopy(mine, copyList(cscds, [segment(0, 1, 1, { [side]: 1 })]))
      if (may[side]) expectGood(result)
      else expectAborted(result, SENSE.THIRD_PARTY_DEVICE_FAILURE, 0, 1)
    }
  })
})

describe('a medium that is out', () => {
  test('of the source, the destination, or what is verified: THIRD PARTY DEVICE FAILURE', async () => {
    const own = await arrayForTest([memory(), memory({ id: 1, removable: true })])
    const [disk, removable] = [await own.disk(0), await own.disk(1)]
    const cscds = [cscd(await naaOf(disk)), cscd(await naaOf(removable))]
    const run = (one: CopySegment) => sendCopy(disk, copyList(cscds, [one]))
    const tries: [CopySegment, number][] = [
      [segment(0, 1, 1, { source: 1 }), 1],
      [segment(0, 1, 1, { destination: 1 }), 1],
      [verify({ source: 1 }), 0],
    ]
    for (const [one] of tries) expectGood(await run(one))
    expectGood(await removable.run(START_STOP_UNIT, { loej: true, start: false }))
    for (const [one, left] of tries) expectAborted(await run(one), SENSE.THIRD_PARTY_DEVICE_FAILURE, 0, left)
    expectGood(await run(verify({ source: 1, tur: false })))
  })
})
