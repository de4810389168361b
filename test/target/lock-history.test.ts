// What an array remembers of the commands by which initiators exclude each other: who wrote a block last, and who lost.

import { expect, test } from 'vitest'
import {
  COMPARE_AND_WRITE,
  PERSISTENT_RESERVE_OUT_LIST,
  PERSISTENT_RESERVE_OUT_REGISTER,
  RELEASE_6,
  RESERVE_6,
  STATUS,
  TASK_MANAGEMENT_FUNCTION,
  UNMAP,
  WRITE_SAME_16,
} from '../../protocol/index.ts'
import { encodeUnmapList } from '../../protocol/scsi/unmap-list.ts'
import type { LockEvent } from '../../src/index.ts'
import { LIMITS } from '../../src/target/limits.ts'
import { arrayForTest, memory } from './array.ts'
import { type Disk, expectGood, pattern } from './disk.ts'

const block = (seed: number): Buffer => pattern(512, seed)
const ZEROES = Buffer.alloc(512)

const swap = (on: Disk, lba: number, expected: Buffer, replacement: Buffer) =>
  on.run(COMPARE_AND_WRITE, { lba: BigInt(lba), blocks: 1 }, { dataOut: Buffer.concat([expected, replacement]) })

/** Two hosts on one LUN, and what the array tells of them. */
async function twoHosts() {
  const events: LockEvent[] = []
  const array = await arrayForTest([memory()], {}, {}, { onLockEvent: (event) => events.push(event) })
  const [a, b] = [
    await array.disk(0, { initiatorName: 'iqn.2026-11.test:a' }),
    await array.disk(0, { initiatorName: 'iqn.2026-11.test:b' }),
  ]
  return { array, a, b, events, who: (lba: number) => array.running.whoWrote({ lun: 0, lba }) }
}

const told = ({ nexus, command, verdict, lba, blocks }: LockEvent) => ({
  host: nexus?.initiatorPort.split(',')[0],
  ...{ command, verdict, lba, blocks },
})

test('the winner of a block, and the loser with what it expected and found', async () => {
  const { a, b, who } = await twoHosts()
  expectGood(await swap(a, 7, ZEROES, block(1)))
  expect((await swap(b, 7, ZEROES, block(2))).status).toBe(STATUS.CHECK_CONDITION)
  const { last, losers, before } = who(7)
  expect(last).toMatchObject({ verdict: 'accepted', answered: true, lba: 7, blocks: 1 })
  expect(last?.nexus?.initiatorPort).toMatch(/^iqn.2026-11.test:a,i,0x/)
  expect(last?.images).toEqual({ expected: ZEROES, replacement: block(1) })
  expect(losers.map(told)).toEqual([
    { host: 'iqn.2026-11.test:b', command: 'COMPARE AND WRITE', verdict: 'miscompare', lba: 7, blocks: 1 },
  ])
  const differsAt = block(1).findIndex((byte) => byte !== 0)
  expect(losers[0]?.images).toEqual({ expected: ZEROES, replacement: block(2), found: block(1), differsAt })
  expect(before).toEqual([])
})

test('who lost against an earlier winner is no loser against the last one', async () => {
  const { a, b, who } = await twoHosts()
  expectGood(await swap(a, 7, ZEROES, block(1)))
  await swap(b, 7, ZEROES, block(2))
  expectGood(await swap(b, 7, block(1), block(3)))
  const { last, losers, before } = who(7)
  expect(last?.nexus?.initiatorPort).toMatch(/^iqn.2026-11.test:b,/)
  expect(losers).toEqual([])
  expect(before.map(told)).toMatchObject([{ host: 'iqn.2026-11.test:a', verdict: 'accepted' }])
})

test('a block that no COMPARE AND WRITE was about has no history', async () => {
  const { a, who } = await twoHosts()
  await a.write(9, block(1))
  expect(who(9)).toEqual({ last: undefined, losers: [], before: [] })
})

test('a plain write over a block is named with its command and initiator', async () => {
  const { a, b, who } = await twoHosts()
  expectGood(await swap(a, 7, ZEROES, block(1)))
  await b.write(0, pattern(16 * 512, 4))
  expect(told(who(7).last!)).toEqual({
    host: 'iqn.2026-11.test:b',
    command: 'WRITE(16)',
    verdict: 'written',
    lba: 0,
    blocks: 16,
  })
  expectGood(await b.run(WRITE_SAME_16, { lba: 7n, blocks: 2 }, { dataOut: block(5) }))
  expect(told(who(7).last!)).toMatchObject({ command: 'WRITE SAME(16)', lba: 7, blocks: 2 })
  expectGood(await swap(a, 7, block(5), block(6)))
  expect(told(who(7).last!)).toMatchObject({ host: 'iqn.2026-11.test:a', command: 'COMPARE AND WRITE' })
})

test('what changes a block without naming it, as UNMAP does, leaves no name', async () => {
  const { a, b, who } = await twoHosts()
  expectGood(await swap(a, 7, ZEROES, block(1)))
  const dataOut = encodeUnmapList([{ lba: 0n, blocks: 64 }])
  expectGood(await b.run(UNMAP, { parameterListLength: dataOut.length }, { dataOut }))
  expect(told(who(7).last!)).toMatchObject({ host: undefined, command: 'another command', verdict: 'written' })
})

test('a write that a reservation refuses has written nothing', async () => {
  const { a, b, who } = await twoHosts()
  expectGood(await swap(a, 7, ZEROES, block(1)))
  expectGood(await a.run(RESERVE_6, {}))
  const refused = await b.send(Buffer.from('8a000000000000000007000000010000', 'hex'), { dataOut: block(2) })
  expect(refused.status).toBe(STATUS.RESERVATION_CONFLICT)
  expect(told(who(7).last!)).toMatchObject({ host: 'iqn.2026-11.test:a', command: 'COMPARE AND WRITE' })
})

test('reservations are told in their order, with who was refused, and how a RESERVE ended', async () => {
  const { a, b, events } = await twoHosts()
  expectGood(await a.run(RESERVE_6, {}))
  expect((await b.run(RESERVE_6, {})).status).toBe(STATUS.RESERVATION_CONFLICT)
  expect((await swap(b, 3, ZEROES, block(1))).status).toBe(STATUS.RESERVATION_CONFLICT)
  expectGood(await a.run(RELEASE_6, {}))
  const dataOut = PERSISTENT_RESERVE_OUT_LIST.encode({ serviceActionReservationKey: 5n })
  expectGood(await a.run(PERSISTENT_RESERVE_OUT_REGISTER, { parameterListLength: 24 }, { dataOut }))
  const none = { lba: undefined, blocks: undefined }
  expect(events.map(told)).toEqual([
    { host: 'iqn.2026-11.test:a', command: 'RESERVE(6)', verdict: 'accepted', ...none },
    { host: 'iqn.2026-11.test:b', command: 'RESERVE(6)', verdict: 'conflict', ...none },
    { host: 'iqn.2026-11.test:b', command: 'COMPARE AND WRITE', verdict: 'conflict', lba: 3, blocks: 1 },
    { host: 'iqn.2026-11.test:a', command: 'RELEASE(6)', verdict: 'accepted', ...none },
    { host: 'iqn.2026-11.test:a', command: 'PERSISTENT RESERVE OUT, REGISTER', verdict: 'accepted', ...none },
  ])
  expect(events.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5])
})

test.each([
  ['I_T nexus loss', ({ session }: Disk) => session.logout()],
  ['logical unit reset', ({ session }: Disk) => session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET)],
])('%s ends a RESERVE, which is told', async (command, end) => {
  const { b, events } = await twoHosts()
  expectGood(await b.run(RESERVE_6, {}))
  await end(b)
  expect(events.map(told)).toMatchObject([{ command: 'RESERVE(6)' }, { command, verdict: 'accepted' }])
})

test('what is remembered has a bound, and the last writer of a block outlives its event', async () => {
  const { a, who, events } = await twoHosts()
  expectGood(await swap(a, 7, ZEROES, block(1)))
  for (let i = 0; i < LIMITS.lockEvents + 5; i++) await swap(a, 8, block(1), ZEROES)
  expect(events.length).toBe(LIMITS.lockEvents + 6)
  expect(who(8).losers.length).toBe(LIMITS.lockEvents)
  const { last } = who(7)
  expect(last?.images).toEqual({ expected: '076a27c79e5ace2a', replacement: expect.stringMatching(/^[0-9a-f]{16}$/) })
})

test.each([
  [{ lun: 1, lba: 0 }, 'has no LUN 1; it has: 0'],
  [{ lun: 0, lba: 16384 }, 'LUN 0 has no block 16384; its last one is 16383'],
  [{ lun: 0, lba: 0.5 }, 'LUN 0 has no block 0.5'],
  [{ lun: 0, lba: 0, target: 'iqn.2026-11.test:x' }, 'there is no target iqn.2026-11.test:x here; there is: iqn.'],
])('%o is refused', async (where, message) => {
  const { array } = await twoHosts()
  expect(() => array.running.whoWrote(where)).toThrow(message)
})
