// Task management over several connections (RFC 7143 4.2.3.3, 11.5): a function reaches the tasks of all of them, is answered
// when all have ended, and waits for the commands that were sent before it.

import { describe, expect, test } from 'vitest'
import {
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  INITIATOR_OPCODE,
  REJECT_REASON,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { members } from './members.ts'
import type { RawInitiator } from './raw.ts'
import { expectUp, manage, OUT, ones, send, WRITE } from './tasks.ts'

const { TASK_MANAGEMENT_RESPONSE, R2T } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})

async function connected(keys: Record<string, string> = {}) {
  const stores = [new HeldStore(), new HeldStore()]
  const built = await handBuilt(stores)
  const [a, b] = (await members(built, built.target.iqn, 2, keys, [0, 1])) as [RawInitiator, RawInitiator]
  const release = (): void => {
    for (const store of stores) store.release()
  }
  return { built, stores, a, b, release }
}

/** A write held at each of two media, on each of two connections; the tags by connection and LUN. */
async function held(keys: Record<string, string> = {}) {
  const setup = await connected(keys)
  const { stores, a, b } = setup
  for (const store of stores) store.hold()
  const tags = [a, b].map((raw, lba) =>
    [0, 1].map((lun) => raw.command(WRITE_10.encode({ lba, blocks: 1 }), { ...OUT, lun }, { data: ones })),
  )
  for (const store of stores) await store.untilWaiting(2)
  return { ...setup, tags }
}

const complete = (initiatorTaskTag: number) => ({ initiatorTaskTag, response: RESPONSE.FUNCTION_COMPLETE })

async function expectUnitAttention(raw: RawInitiator, asc: number, ascq: number, lun = 0): Promise<void> {
  raw.command(TUR, { lun })
  const { header, data } = await raw.response()
  expect(header.status).toBe(STATUS.CHECK_CONDITION)
  expect([data[2 + 12], data[2 + 13]]).toEqual([asc, ascq])
}

test('ABORT TASK of a task of another connection: answered when it has ended', async () => {
  const { a, b, tags, release } = await held()
  const tag = send(a, FUNCTION.ABORT_TASK, { referencedTaskTag: tags[1]![0]! })
  await a.expectSilence(30)
  release()
  const pdus = [await a.takeAny(), await a.takeAny(), await a.takeAny()].map(({ header }) => header)
  expect(pdus.find(({ opcode }) => opcode === TASK_MANAGEMENT_RESPONSE)).toMatchObject(complete(tag))
  expect((await b.response()).header.initiatorTaskTag).toBe(tags[1]![1])
  await b.expectSilence(30)
  await expectUp(b)
})

test('ABORT TASK of a write of another connection that waits for its data', async () => {
  const { a, b, stores } = await connected({ ImmediateData: 'No', InitialR2T: 'Yes' })
  const referencedTaskTag = b.command(WRITE, OUT)
  const { targetTransferTag } = (await b.take(R2T)).header
  expect(await manage(a, FUNCTION.ABORT_TASK, { referencedTaskTag })).toBe(RESPONSE.FUNCTION_COMPLETE)
  b.dataOut({ initiatorTaskTag: referencedTaskTag, targetTransferTag }, ones)
  await expectUp(b)
  expect(stores[0]!.writes).toEqual([])
})

test.each([
  ['ABORT TASK SET', FUNCTION.ABORT_TASK_SET],
  ['CLEAR TASK SET', FUNCTION.CLEAR_TASK_SET],
  ['LOGICAL UNIT RESET', FUNCTION.LOGICAL_UNIT_RESET],
])('%s: of one logical unit, on both connections', async (_, code) => {
  const { a, b, tags, release } = await held()
  const tag = send(a, code, { lun: 0 })
  await a.expectSilence(30)
  release()
  const pdus = [await a.takeAny(), await a.takeAny()].map(({ header }) => header)
  expect(pdus.find(({ opcode }) => opcode === TASK_MANAGEMENT_RESPONSE)).toMatchObject(complete(tag))
  expect((await b.response()).header.initiatorTaskTag).toBe(tags[1]![1])
  await a.expectSilence(20)
  await b.expectSilence(20)
})

test('TARGET WARM RESET: of all logical units, on both connections; both stay', async () => {
  const { a, b, release } = await held()
  const tag = send(b, FUNCTION.TARGET_WARM_RESET)
  await b.expectSilence(30)
  release()
  expect((await b.take(TASK_MANAGEMENT_RESPONSE)).header).toMatchObject(complete(tag))
  b.expStatSn++
  await a.expectSilence(20)
  await expectUnitAttention(a, 0x29, 0x02)
  await expectUp(b)
})

describe('the commands before it (RFC 7143 11.5.1)', () => {
  test.each([
    ['ABORT TASK SET', FUNCTION.ABORT_TASK_SET, false],
    ['CLEAR TASK SET', FUNCTION.CLEAR_TASK_SET, false],
    ['LOGICAL UNIT RESET', FUNCTION.LOGICAL_UNIT_RESET, true],
  ])('%s waits for those that are on their way on another connection, and ends them', async (_, code, attention) => {
    const { a, b, stores } = await connected()
    stores[0]!.hold()
    const first = a.cmdSn
    b.command(WRITE, { ...OUT, cmdSn: first + 1 }, { data: ones })
    a.cmdSn = first + 2
    const tag = send(a, code)
    const behind = b.command(TUR, { lun: 1 })
    await a.expectSilence(30)
    a.command(WRITE_10.encode({ lba: 1, blocks: 1 }), { ...OUT, cmdSn: first }, { data: ones })
    expect((await a.take(TASK_MANAGEMENT_RESPONSE)).header).toMatchObject(complete(tag))
    a.expStatSn++
    expect((await b.response()).header).toMatchObject({ initiatorTaskTag: behind, expCmdSn: first + 3 })
    stores[0]!.release()
    await b.expectSilence(20)
    expect(stores[0]!.writes).toEqual([])
    if (attention) await expectUnitAttention(a, 0x29, 0x03)
    await expectUp(a)
    await expectUp(b)
  })

  test('TARGET WARM RESET does not wait: what is missing counts as received', async () => {
    const { a, b } = await connected()
    const first = a.cmdSn
    b.command(TUR, { cmdSn: first + 2 })
    b.command(TUR, { cmdSn: first + 4 })
    await b.expectSilence(20)
    a.cmdSn = first + 4
    const tag = send(a, FUNCTION.TARGET_WARM_RESET)
    expect((await a.take(TASK_MANAGEMENT_RESPONSE)).header).toMatchObject({ ...complete(tag), expCmdSn: first + 4 })
    expect((await b.response()).header).toMatchObject({ status: STATUS.GOOD, expCmdSn: first + 3 })
    expect((await b.response()).header).toMatchObject({ status: STATUS.CHECK_CONDITION, expCmdSn: first + 5 })
    a.command(TUR, { cmdSn: first }) // too late
    await a.expectSilence(20)
  })

  test('a CmdSN that the window does not reach is not waited for', async () => {
    const { a } = await connected()
    a.cmdSn += 10_000
    expect(await manage(a, FUNCTION.ABORT_TASK_SET)).toBe(RESPONSE.FUNCTION_COMPLETE)
  })

  test('functions that wait are bounded, and go with their connection', async () => {
    const { a, b } = await connected()
    const first = a.cmdSn
    a.cmdSn = first + 1
    for (let i = 0; i < 100; i++) send(b, FUNCTION.ABORT_TASK_SET)
    const { header } = await b.take(TARGET_OPCODE.REJECT)
    expect(header.reason).toBe(REJECT_REASON.IMMEDIATE_COMMAND_REJECT)
    const logout = { immediate: true, reason: 1, cid: 1, initiatorTaskTag: a.takeTag(), cmdSn: a.cmdSn }
    a.send(INITIATOR_OPCODE.LOGOUT_REQUEST, logout)
    await a.take(TARGET_OPCODE.LOGOUT_RESPONSE)
    a.expStatSn++
    a.cmdSn = first
    expect(await manage(a, FUNCTION.ABORT_TASK_SET)).toBe(RESPONSE.FUNCTION_COMPLETE)
    await expectUp(a)
  })
})
