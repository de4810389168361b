// Logout in a session of several connections (RFC 7143 11.14, 11.15), and what becomes of it when one of them is lost without
// (7.1.4.4, 7.14): at ErrorRecoveryLevel 0 the session ends.

import { describe, expect, test } from 'vitest'
import {
  ASYNC_EVENT,
  INITIATOR_OPCODE,
  LOGOUT_REASON,
  LOGOUT_RESPONSE_CODE as RESPONSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import { members } from './members.ts'
import type { RawInitiator } from './raw.ts'
import { expectUp, OUT, ones, WRITE } from './tasks.ts'

const { LOGOUT_RESPONSE, ASYNC_MESSAGE, R2T, REJECT } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})

interface Setup {
  readonly built: HandBuilt
  readonly store: HeldStore
  readonly all: RawInitiator[]
  readonly a: RawInitiator
  readonly b: RawInitiator
}

async function connected(count = 2, keys: Record<string, string> = {}): Promise<Setup> {
  const store = new HeldStore()
  const built = await handBuilt([store])
  const all = await members(built, built.target.iqn, count, keys)
  return { built, store, all, a: all[0]!, b: all[1]! }
}

function sendLogout(raw: RawInitiator, reason: number, cid: number, fields: object = {}): number {
  const initiatorTaskTag = raw.takeTag()
  const usual = { immediate: true, reason, cid, initiatorTaskTag, cmdSn: raw.cmdSn }
  raw.send(INITIATOR_OPCODE.LOGOUT_REQUEST, { ...usual, ...fields })
  return initiatorTaskTag
}

async function logout(raw: RawInitiator, reason: number, cid: number): Promise<number> {
  const initiatorTaskTag = sendLogout(raw, reason, cid)
  const { header } = await raw.take(LOGOUT_RESPONSE)
  expect(header).toMatchObject({ initiatorTaskTag, statSn: raw.expStatSn++ })
  return header.response
}

/** The unit attention that a connection closed with tasks leaves behind. */
async function expectCleared(raw: RawInitiator): Promise<void> {
  raw.command(TUR)
  const { header, data } = await raw.response()
  expect(header.status).toBe(STATUS.CHECK_CONDITION)
  expect([data[2 + 12], data[2 + 13]]).toEqual([0x47, 0x7f])
}

const sessionEnded = async ({ built }: Setup): Promise<void> => {
  for (let tries = 0; tries < 500 && (built.target.sessions.size > 0 || built.host.pool.used > 0); tries++)
    await new Promise((resolve) => setTimeout(resolve, 2))
  expect(built.target.sessions.size).toBe(0)
  expect(built.host.pool.used).toBe(0)
}

describe('logout of one connection (RFC 7143 11.14)', () => {
  test('the one that asks: it closes, the other goes on', async () => {
    const { a, b, built } = await connected()
    expect(await logout(b, LOGOUT_REASON.CLOSE_THE_CONNECTION, 1)).toBe(RESPONSE.CLOSED_SUCCESSFULLY)
    await b.expectClosed()
    await expectUp(a)
    expect(built.target.sessions.size).toBe(1)
  })

  test('another one: the response comes on the one that asks', async () => {
    const { a, b } = await connected()
    expect(await logout(a, LOGOUT_REASON.CLOSE_THE_CONNECTION, 1)).toBe(RESPONSE.CLOSED_SUCCESSFULLY)
    await b.expectClosed()
    expect(b.received).toEqual([])
    await expectUp(a)
  })

  test('the leading one: the session goes on without it', async () => {
    const { a, b } = await connected()
    expect(await logout(a, LOGOUT_REASON.CLOSE_THE_CONNECTION, 0)).toBe(RESPONSE.CLOSED_SUCCESSFULLY)
    await a.expectClosed()
    await expectUp(b)
  })

  test('one after the other, the last one with its session', async () => {
    const setup = await connected(8)
    for (const raw of setup.all) {
      expect(await logout(raw, LOGOUT_REASON.CLOSE_THE_CONNECTION, raw.cid)).toBe(RESPONSE.CLOSED_SUCCESSFULLY)
      await raw.expectClosed()
    }
    await sessionEnded(setup)
  })

  test('its tasks end first, without a status; 47h/7Fh for the session; the others go on (RFC 7143 7.6)', async () => {
    const { store, a, b } = await connected()
    store.hold()
    const kept = a.command(WRITE, OUT, { data: ones })
    b.command(WRITE_10.encode({ lba: 1, blocks: 1 }), OUT, { data: ones })
    await store.untilWaiting(2)
    const tag = sendLogout(a, LOGOUT_REASON.CLOSE_THE_CONNECTION, 1)
    await a.expectSilence(30)
    store.release()
    const pdus = [await a.takeAny(), await a.takeAny()]
    expect(pdus.map(({ header }) => 'initiatorTaskTag' in header && header.initiatorTaskTag).sort()).toEqual(
      [kept, tag].sort(),
    )
    await b.expectClosed()
    expect(b.received).toEqual([])
    await expectCleared(a)
    await expectUp(a)
  })

  test('a write that waits for its data ends too', async () => {
    const { a, b, store } = await connected(2, { ImmediateData: 'No', InitialR2T: 'Yes' })
    b.command(WRITE, OUT)
    await b.take(R2T)
    expect(await logout(a, LOGOUT_REASON.CLOSE_THE_CONNECTION, 1)).toBe(RESPONSE.CLOSED_SUCCESSFULLY)
    await expectCleared(a)
    expect(store.writes).toEqual([])
  })

  test('what it brought before its turn has not come; the initiator sends it again', async () => {
    const { a, b } = await connected()
    const first = a.cmdSn
    b.command(TUR, { cmdSn: first + 1 })
    await b.expectSilence(20)
    expect(await logout(a, LOGOUT_REASON.CLOSE_THE_CONNECTION, 1)).toBe(RESPONSE.CLOSED_SUCCESSFULLY)
    a.command(TUR, { cmdSn: first })
    expect((await a.response()).header.expCmdSn).toBe(first + 1)
    a.command(TUR, { cmdSn: first + 1 })
    expect((await a.response()).header.expCmdSn).toBe(first + 2)
  })

  test('not immediate, before its turn: it waits for the commands before it', async () => {
    const { a, b } = await connected()
    const first = a.cmdSn
    const tag = sendLogout(b, LOGOUT_REASON.CLOSE_THE_CONNECTION, 1, { immediate: false, cmdSn: first + 1 })
    await b.expectSilence(30)
    a.command(TUR, { cmdSn: first })
    expect((await a.response()).header.status).toBe(STATUS.GOOD)
    expect((await b.take(LOGOUT_RESPONSE)).header).toMatchObject({ initiatorTaskTag: tag, expCmdSn: first + 2 })
    await b.expectClosed()
  })
})

describe('what a logout cannot do', () => {
  test('a CID that is not there, and one that was: CID not found', async () => {
    const { a } = await connected()
    for (const reason of [LOGOUT_REASON.CLOSE_THE_CONNECTION, LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY])
      expect(await logout(a, reason, 9)).toBe(RESPONSE.CID_NOT_FOUND)
    expect(await logout(a, LOGOUT_REASON.CLOSE_THE_CONNECTION, 1)).toBe(RESPONSE.CLOSED_SUCCESSFULLY)
    expect(await logout(a, LOGOUT_REASON.CLOSE_THE_CONNECTION, 1)).toBe(RESPONSE.CID_NOT_FOUND)
    await expectUp(a)
  })

  test('removal for recovery at ErrorRecoveryLevel 0: not supported, of either connection', async () => {
    const { a, b } = await connected()
    for (const cid of [0, 1])
      expect(await logout(a, LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY, cid)).toBe(
        RESPONSE.CONNECTION_RECOVERY_NOT_SUPPORTED,
      )
    await expectUp(a)
    await expectUp(b)
  })

  test.each([3, 64, 127])('reason %i: Reject', async (reason) => {
    const { a, b } = await connected()
    sendLogout(a, reason, 1)
    await a.take(REJECT)
    a.expStatSn++
    await expectUp(a)
    await expectUp(b)
  })
})

describe('logout of the session', () => {
  test('every connection closes when no task runs any more; the response comes on one', async () => {
    const setup = await connected(3)
    const { store, all, b } = setup
    store.hold()
    for (const [lba, raw] of all.entries()) raw.command(WRITE_10.encode({ lba, blocks: 1 }), OUT, { data: ones })
    await store.untilWaiting(3)
    sendLogout(b, LOGOUT_REASON.CLOSE_THE_SESSION, 77)
    await b.expectSilence(30)
    store.release()
    expect((await b.take(LOGOUT_RESPONSE)).header.response).toBe(RESPONSE.CLOSED_SUCCESSFULLY)
    for (const raw of all) {
      await raw.expectClosed()
      expect(raw.received).toEqual([])
    }
    await sessionEnded(setup)
  })
})

describe('a connection that is lost', () => {
  test('in the middle of writes: the others hear that the session ends, with Time2Wait and Time2Retain (RFC 7143 11.9.1)', async () => {
    const setup = await connected(3, { InitialR2T: 'Yes', DefaultTime2Wait: '7' })
    const { store, all, a, b } = setup
    store.hold()
    a.command(WRITE, OUT, { data: ones })
    b.command(WRITE_10.encode({ lba: 1, blocks: 2 }), { write: true, expectedDataTransferLength: 1024 })
    await b.take(R2T)
    await store.untilWaiting(1)
    b.destroy()
    for (const raw of [a, all[2]!]) {
      const { header } = await raw.take(ASYNC_MESSAGE)
      expect(header).toMatchObject({
        asyncEvent: ASYNC_EVENT.ALL_CONNECTIONS_DROPPED,
        statSn: raw.expStatSn,
        parameter2: 7,
        parameter3: 0,
      })
      await raw.expectClosed()
      expect(raw.received).toEqual([])
    }
    store.release()
    await sessionEnded(setup)
  })

  test('with early commands and their data held: everything is given back, nothing of them happens', async () => {
    const setup = await connected()
    const { store, a, b } = setup
    const first = a.cmdSn
    for (let n = 1; n < 40; n++)
      (n % 2 ? a : b).command(WRITE_10.encode({ lba: n, blocks: 1 }), { ...OUT, cmdSn: first + n }, { data: ones })
    await b.expectSilence(30)
    expect(setup.built.host.pool.used).toBeGreaterThan(0)
    b.destroy()
    await a.take(ASYNC_MESSAGE)
    await a.expectClosed()
    await sessionEnded(setup)
    expect(store.writes).toEqual([])
  })

  test('by a malformed PDU: Reject there, the session ends (RFC 7143 7.7)', async () => {
    const setup = await connected()
    const { a, b } = setup
    const header = Buffer.alloc(48)
    header.writeUInt32BE(0xffffff, 4)
    b.sendBytes(header)
    await b.take(REJECT)
    await b.expectClosed()
    expect((await a.take(ASYNC_MESSAGE)).header.asyncEvent).toBe(ASYNC_EVENT.ALL_CONNECTIONS_DROPPED)
    await a.expectClosed()
    await sessionEnded(setup)
  })

  test('session reinstatement ends all of its connections without a word', async () => {
    const { all, built } = await connected(4)
    await built.connect({ isid: all[0]!.isid, initiatorName: all[0]!.initiatorName })
    for (const raw of all) {
      await raw.expectClosed()
      expect(raw.received).toEqual([])
    }
    expect(built.target.sessions.size).toBe(1)
  })
})
