// SCSI asynchronous events (RFC 7143 11.9): what initiators are told at once, and that the unit attention condition which
// says the same is still there for their next command.

import { expect, test } from 'vitest'
import {
  ASYNC_EVENT,
  decodeLun,
  decodeSense,
  INITIATOR_OPCODE,
  RESERVED_TAG,
  SENSE,
  type Sense,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
} from '../../protocol/index.ts'
import { arrayForTest, MIB, memory, type TestArray } from './array.ts'
import { pattern } from './disk.ts'
import { join } from './members.ts'
import type { RawInitiator } from './raw.ts'
import { change } from './reconfiguring.ts'

const TUR = TEST_UNIT_READY.encode({})
const FRIEND = 'iqn.2026-11.io.lunette:friend'
const LUN = memory({ size: 4 * MIB })
const GROWN = memory({ size: 8 * MIB })

/** What the next Asynchronous Message reports, and of which LUN. */
async function event(raw: RawInitiator) {
  const { header, data } = await raw.take(TARGET_OPCODE.ASYNC_MESSAGE)
  expect(header).toMatchObject({
    asyncEvent: ASYNC_EVENT.SCSI_ASYNCHRONOUS_EVENT,
    statSn: raw.expStatSn++,
  })
  expect(data.readUInt16BE(0)).toBe(data.length - 2)
  return { lun: decodeLun(header.lun), ...decodeSense(data.subarray(2)) }
}

/** The next command on LUN 0 reports it once. */
async function expectAttention(raw: RawInitiator, sense: Sense): Promise<void> {
  raw.command(TUR)
  const { header, data } = await raw.response()
  expect(header.status).toBe(STATUS.CHECK_CONDITION)
  expect(decodeSense(data.subarray(2)).sense).toBe(sense)
}

/** Nothing has been said that was not asked for. */
async function expectNoNews(raw: RawInitiator): Promise<void> {
  const initiatorTaskTag = raw.takeTag()
  const targetTransferTag = RESERVED_TAG
  raw.send(INITIATOR_OPCODE.NOP_OUT, { immediate: true, initiatorTaskTag, targetTransferTag, cmdSn: raw.cmdSn })
  expect((await raw.take(TARGET_OPCODE.NOP_IN)).header).toMatchObject({ initiatorTaskTag, statSn: raw.expStatSn++ })
  expect(raw.received).toEqual([])
}

async function namedSession(array: TestArray, initiatorName: string): Promise<RawInitiator> {
  const raw = await array.raw()
  await raw.login(array.iqn, { InitiatorName: initiatorName })
  raw.command(TUR)
  expect((await raw.response()).header.status).toBe(STATUS.CHECK_CONDITION) // the unit attention of a new nexus
  return raw
}

test('a LUN that grows: each session hears it at once, and again from its next command', async () => {
  const array = await arrayForTest([LUN])
  const sessions = [await array.rawSession(), await namedSession(array, FRIEND)]
  await change(array, [GROWN])
  for (const raw of sessions) {
    expect(await event(raw)).toMatchObject({ lun: 0, sense: SENSE.CAPACITY_DATA_HAS_CHANGED })
    await expectAttention(raw, SENSE.CAPACITY_DATA_HAS_CHANGED)
    await expectNoNews(raw)
  }
})

test('the same once more, before the condition was taken: nothing is said again', async () => {
  const array = await arrayForTest([LUN])
  const raw = await array.rawSession()
  await change(array, [GROWN])
  await change(array, [memory({ size: 16 * MIB })])
  expect(await event(raw)).toMatchObject({ sense: SENSE.CAPACITY_DATA_HAS_CHANGED })
  await expectNoNews(raw)
})

test.each([
  ['appears', [LUN, memory({ id: 1 })], [LUN, memory({ id: 1 }), memory({ id: 2 })]],
  ['vanishes', [LUN, memory({ id: 1 }), memory({ id: 2 })], [LUN, memory({ id: 1 })]],
])('a LUN %s: the inventory has changed, said once however many LUNs there are', async (_, before, after) => {
  const array = await arrayForTest(before)
  const raw = await array.rawSession()
  await change(array, after)
  expect(await event(raw)).toMatchObject({ sense: SENSE.REPORTED_LUNS_DATA_HAS_CHANGED })
  await expectNoNews(raw)
  await expectAttention(raw, SENSE.REPORTED_LUNS_DATA_HAS_CHANGED)
})

test('what a LUN says of itself changes: INQUIRY DATA HAS CHANGED, with the number that the initiator knows it by', async () => {
  const presentations = [{ initiators: [FRIEND], id: 7 }]
  const array = await arrayForTest([{ ...LUN, presentations }])
  const usual = await array.rawSession()
  const friend = await namedSession(array, FRIEND)
  await change(array, [{ ...LUN, presentations, vaai: { ats: false } }])
  expect(await event(usual)).toMatchObject({ lun: 0, sense: SENSE.INQUIRY_DATA_HAS_CHANGED })
  expect(await event(friend)).toMatchObject({ lun: 7, sense: SENSE.INQUIRY_DATA_HAS_CHANGED })
})

test('of a LUN that an initiator does not see it hears nothing', async () => {
  const masked = memory({ id: 1, size: 4 * MIB, initiators: [FRIEND] })
  const array = await arrayForTest([LUN, masked])
  const stranger = await array.rawSession()
  const friend = await namedSession(array, FRIEND)
  await change(array, [LUN, { ...masked, size: 8 * MIB }])
  expect(await event(friend)).toMatchObject({ lun: 1, sense: SENSE.CAPACITY_DATA_HAS_CHANGED })
  await expectNoNews(stranger)
})

test('a pool reaches its soft threshold: the initiator that is told by a unit attention is told by an event', async () => {
  const pools = [{ capacity: 4 * MIB, softThreshold: '50%' }]
  const array = await arrayForTest([memory({ size: 4 * MIB })], {}, { pools })
  const raw = await array.rawSession()
  const disk = await array.disk(0, { initiatorName: FRIEND })
  await disk.write(0, pattern(3 * MIB, 1))
  const told = await event(raw)
  expect(told).toMatchObject({ lun: 0, sense: SENSE.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED, information: 16n })
  await expectAttention(raw, SENSE.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED)
})

test('several connections: it is said on one of them', async () => {
  const array = await arrayForTest([LUN])
  const lead = await array.rawSession({ MaxConnections: '2' })
  const second = await join(array, lead, array.iqn, 1)
  await change(array, [GROWN])
  await event(lead)
  await expectNoNews(second)
})

test('what another initiator brings about is no event: its unit attention says so', async () => {
  const array = await arrayForTest([memory({ removable: true })])
  const raw = await array.rawSession()
  const disk = await array.disk(0, { initiatorName: FRIEND })
  for (const byte of [2, 3]) await disk.send(Buffer.from([0x1b, 0, 0, 0, byte, 0]))
  await expectNoNews(raw)
  await expectAttention(raw, SENSE.NOT_READY_TO_READY_CHANGE)
})
