// Logical units that have another number for some initiators than for the rest (SAM-5 4.7): the same unit, with the same name,
// reservations and data, wherever a LUN field names it.

import { describe, expect, test } from 'vitest'
import {
  RESERVE_6,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TASK_MANAGEMENT_FUNCTION,
  TEST_UNIT_READY,
  WRITE_10,
  WRITE_16,
} from '../../protocol/index.ts'
import { arrayForTest, memory, type TestArray } from './array.ts'
import { copyList, cscd, naaOf, segment, sendCopy } from './commands/copy-list.ts'
import { tokenOf, writeToken } from './commands/token-list.ts'
import { type Disk, expectGood, expectSense, pattern } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { change, news, quiet, reported, sees } from './reconfiguring.ts'
import { loggedIn, send } from './tasks.ts'

const ALICE = 'iqn.2026-11.com.example:alice'
const BOB = 'iqn.2026-11.com.example:bob'
const CAROL = 'iqn.2026-11.com.elsewhere:carol'
const LUNS_CHANGED = [SENSE.REPORTED_LUNS_DATA_HAS_CHANGED]

const as = (initiatorName: string) => ({ initiatorName })
const presented = (id: number, number: number, ...initiators: string[]) =>
  memory({ id, presentations: [{ initiators, id: number }] })

/** Alice finds LUN 0 under 7, and LUN 1 where LUN 0 is for the others. */
const exchanged = (): Promise<TestArray> => arrayForTest([presented(0, 7, ALICE), presented(1, 0, ALICE)])

const pair = async (array: TestArray): Promise<[alice: Disk, bob: Disk]> => [
  await quiet(array, [7, 0], as(ALICE)),
  await quiet(array, [0, 1], as(BOB)),
]

describe('REPORT LUNS and the LUN field', () => {
  test('each initiator has its own numbers, in ascending order, through any LUN', async () => {
    const array = await exchanged()
    const [alice, bob] = await pair(array)
    expect(await reported(alice)).toEqual([0, 7])
    expect(await reported(bob)).toEqual([0, 1])
    expect(await reported(sees(alice, 1))).toEqual([0, 7])
    expectSense(await sees(alice, 1).run(TEST_UNIT_READY, {}), SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
    expectSense(await sees(bob, 7).run(TEST_UNIT_READY, {}), SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
  })

  test('wildcards, and the first presentation that has the initiator', async () => {
    const presentations = [
      { initiators: [BOB], id: 3 },
      { initiators: ['iqn.2026-11.com.example:*'], id: 5 },
    ]
    const array = await arrayForTest([memory({ id: 1, presentations, initiators: ['iqn.*'] })])
    const luns = async (name: string) => reported(await quiet(array, [], as(name)))
    expect([await luns(ALICE), await luns(BOB), await luns(CAROL)]).toEqual([[5], [3], [1]])
    expect(await luns('eui.0123456789abcdef')).toEqual([])
  })

  test('a number of two levels is told by flat space addressing', async () => {
    const array = await arrayForTest([presented(0, 300, ALICE)])
    const alice = await quiet(array, [300], as(ALICE))
    expect(await reported(alice)).toEqual([300])
    await alice.write(0, pattern(512, 1))
  })
})

describe('the logical unit behind it', () => {
  test('is the same: data and name', async () => {
    const [alice, bob] = await pair(await exchanged())
    await alice.write(8, pattern(1024, 1))
    expect((await bob.read(8, 2)).equals(pattern(1024, 1))).toBe(true)
    expect((await sees(bob, 1).read(8, 2)).equals(pattern(1024, 1))).toBe(false)
    expect(await naaOf(alice)).toEqual(await naaOf(bob))
    expect(await naaOf(sees(alice, 0))).toEqual(await naaOf(sees(bob, 1)))
  })

  test('RESERVE holds off who knows it by another number', async () => {
    const [alice, bob] = await pair(await exchanged())
    expectGood(await alice.run(RESERVE_6, {}))
    expect((await bob.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) })).status).toBe(
      STATUS.RESERVATION_CONFLICT,
    )
    expectGood(await sees(bob, 1).run(TEST_UNIT_READY, {}))
  })

  test('EXTENDED COPY finds it by its designator', async () => {
    const [alice, bob] = await pair(await exchanged())
    const data = pattern(4096, 2)
    await bob.write(0, data)
    const cscds = [cscd(await naaOf(alice)), cscd(await naaOf(sees(alice, 0)))]
    expectGood(await sendCopy(alice, copyList(cscds, [segment(0, 16, 8, { destination: 1 })])))
    expect((await sees(bob, 1).read(16, 8)).equals(data)).toBe(true)
  })

  test('a token made under one number is used under another', async () => {
    const [alice, bob] = await pair(await exchanged())
    await alice.write(0, pattern(4096, 3))
    const token = await tokenOf(alice, [[0, 8]])
    expectGood(await writeToken(sees(bob, 1), token, [[32, 8]]))
    expect((await sees(alice, 0).read(32, 8)).equals(pattern(4096, 3))).toBe(true)
  })

  test('LOGICAL UNIT RESET reaches the unit that the number stands for', async () => {
    const array = await exchanged()
    const [, bob] = await pair(array)
    const raw = await array.raw()
    Object.assign(raw, as(ALICE))
    await raw.login(array.iqn)
    send(raw, TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET, { lun: 7 })
    expect((await raw.take(TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE)).header.response).toBe(0)
    expect(await news(bob)).toEqual([SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED])
    expect(await news(sees(bob, 1))).toEqual([])
  })
})

describe('numbers that change while the array runs', () => {
  test('3Fh/0Eh to those for whom they change, on every LUN; a reservation stays', async () => {
    const array = await arrayForTest([memory(), memory({ id: 1 })])
    const alice = await quiet(array, [0, 1], as(ALICE))
    const bob = await quiet(array, [0, 1], as(BOB))
    expectGood(await alice.run(RESERVE_6, {}))
    await change(array, [presented(0, 7, ALICE), presented(1, 0, ALICE)])
    expect(await news(sees(alice, 7))).toEqual(LUNS_CHANGED)
    expect(await news(sees(alice, 0))).toEqual(LUNS_CHANGED)
    expect(await reported(alice)).toEqual([0, 7])
    expectGood(await sees(bob, 1).run(TEST_UNIT_READY, {}))
    expect((await bob.run(TEST_UNIT_READY, {})).status).toBe(STATUS.RESERVATION_CONFLICT)
  })

  test('a command that waits for its turn is carried out on the unit it was sent to, or not at all', async () => {
    const stores = [new HeldStore(), new HeldStore()]
    const built = await handBuilt(stores)
    const raw = await loggedIn(built)
    const [first, second] = stores as [HeldStore, HeldStore]
    first.hold()
    const write = { write: true, expectedDataTransferLength: 512 }
    const ordered = 2
    raw.command(WRITE_16.encode({ lba: 0n, blocks: 1 }), write, { data: Buffer.alloc(512, 1) })
    await first.untilWaiting(1)
    raw.command(
      WRITE_16.encode({ lba: 1n, blocks: 1 }),
      { ...write, attributes: ordered },
      { data: Buffer.alloc(512, 2) },
    )
    while (built.units[0]!.tasks.all().length < 2) await new Promise((resolve) => setImmediate(resolve))
    const luns = built.config.luns.map((lun, index) => ({
      ...lun,
      presentations: [{ initiators: ['*'], id: index === 0 ? 5 : 0 }],
    }))
    for (const [index, unit] of built.units.entries()) unit.configure(luns[index]!)
    built.target.configure({ ...built.config, luns }, built.units)
    first.release()
    for (let i = 0; i < 2; i++) expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    expect(first.writes.map(({ offset }) => offset)).toEqual([0, 512])
    expect(second.writes).toEqual([])
  })
})
