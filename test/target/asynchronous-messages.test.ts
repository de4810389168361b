// Asynchronous Messages (RFC 7143 11.9): who is asked to log out, and when; who leaves, and who is dropped; what a dropped
// session hears.

import { describe, expect, test } from 'vitest'
import {
  ASYNC_EVENT,
  INITIATOR_OPCODE,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
} from '../../protocol/index.ts'
import { arrayForTest, memory, type TestArray } from './array.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { join, members } from './members.ts'
import type { RawInitiator } from './raw.ts'
import { change } from './reconfiguring.ts'
import { expectUp, OUT, ones, WRITE } from './tasks.ts'

const { LOGOUT_REQUEST, NOP_OUT } = INITIATOR_OPCODE
const { ASYNC_MESSAGE, LOGOUT_RESPONSE, NOP_IN, SCSI_RESPONSE } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})
const ONE = 'iqn.2026-11.io.lunette:one'
const TWO = 'iqn.2026-11.io.lunette:two'

function sendLogout(raw: RawInitiator, fields: object = {}): void {
  const usual = { immediate: true, reason: 0, cid: raw.cid, initiatorTaskTag: raw.takeTag(), cmdSn: raw.cmdSn }
  raw.send(LOGOUT_REQUEST, { ...usual, ...fields })
}

/** What is asked of the initiator: Parameter3 says how many seconds it has. */
async function askedToLogOut(raw: RawInitiator): Promise<void> {
  const { header } = await raw.take(ASYNC_MESSAGE)
  expect(header).toMatchObject({ asyncEvent: ASYNC_EVENT.LOGOUT_REQUESTED, statSn: raw.expStatSn++, parameter3: 2 })
}

async function dropped(raw: RawInitiator): Promise<void> {
  const { header } = await raw.take(ASYNC_MESSAGE)
  expect(header).toMatchObject({ asyncEvent: ASYNC_EVENT.ALL_CONNECTIONS_DROPPED, statSn: raw.expStatSn })
  await raw.expectClosed()
  expect(raw.received).toEqual([])
}

const twoTargets = (): Promise<TestArray> =>
  arrayForTest([], {}, { targets: [ONE, TWO].map((iqn) => ({ iqn, luns: [memory()] })) })

describe('an array that is closed (RFC 7143 11.9.1)', () => {
  test('every connection is asked to log out; who does leaves with its response', async () => {
    const array = await arrayForTest()
    const lead = await array.rawSession({ MaxConnections: '2' })
    const second = await join(array, lead, array.iqn, 1)
    const started = performance.now()
    const closing = array.running.close()
    await askedToLogOut(lead)
    await askedToLogOut(second)
    sendLogout(lead)
    await lead.take(LOGOUT_RESPONSE)
    await lead.expectClosed()
    await second.expectClosed()
    expect([...lead.received, ...second.received]).toEqual([])
    await closing
    expect(performance.now() - started).toBeLessThan(1900)
  })

  test('connection by connection, too', async () => {
    const array = await arrayForTest()
    const lead = await array.rawSession({ MaxConnections: '2' })
    const second = await join(array, lead, array.iqn, 1)
    const closing = array.running.close()
    for (const raw of [lead, second]) {
      await askedToLogOut(raw)
      sendLogout(raw, { reason: 1 })
      await raw.take(LOGOUT_RESPONSE)
      await raw.expectClosed()
    }
    await closing
  })

  test('who does not is dropped when the time is over, and is told', async () => {
    const array = await arrayForTest()
    const raw = await array.rawSession()
    const closing = array.running.close()
    await askedToLogOut(raw)
    await dropped(raw)
    await closing
  })

  test('until then commands that run go on to their end', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const [raw] = (await members(built, built.target.iqn, 1)) as [RawInitiator]
    store.hold()
    const running = raw.command(WRITE, OUT, { data: ones })
    await store.untilWaiting(1)
    const closing = built.host.close()
    await askedToLogOut(raw)
    store.release()
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag: running, status: STATUS.GOOD })
    sendLogout(raw)
    await raw.take(LOGOUT_RESPONSE)
    await closing
  })
})

describe('a target that is not offered any more', () => {
  test('removed: its sessions are asked to log out, the others are not', async () => {
    const array = await twoTargets()
    const [gone, stays] = [await array.raw(), await array.raw()]
    await gone.login(TWO)
    await stays.login(ONE)
    const changing = change(array, [memory()], { iqn: ONE })
    expect((await gone.take(ASYNC_MESSAGE)).header).toMatchObject({ asyncEvent: ASYNC_EVENT.LOGOUT_REQUESTED })
    gone.expStatSn++
    const ping = { initiatorTaskTag: gone.takeTag(), targetTransferTag: RESERVED_TAG }
    gone.send(NOP_OUT, { immediate: true, ...ping, cmdSn: gone.cmdSn })
    expect((await gone.take(NOP_IN)).header.initiatorTaskTag).toBe(ping.initiatorTaskTag)
    gone.command(TUR)
    gone.command(TUR, { cmdSn: gone.cmdSn + 1 })
    await gone.expectSilence(20)
    sendLogout(gone, { immediate: false })
    expect((await gone.take(LOGOUT_RESPONSE)).header.expCmdSn).toBe(gone.cmdSn + 2)
    await gone.expectClosed()
    await changing
    expect(stays.received).toEqual([])
    stays.command(TUR)
    expect((await stays.take(SCSI_RESPONSE)).header.status).toBe(STATUS.CHECK_CONDITION)
    await expectUp(stays)
  })

  test('removed, and nobody logs out: dropped', async () => {
    const array = await twoTargets()
    const gone = await array.raw()
    await gone.login(TWO)
    const changing = change(array, [memory()], { iqn: ONE })
    expect((await gone.take(ASYNC_MESSAGE)).header).toMatchObject({ asyncEvent: ASYNC_EVENT.LOGOUT_REQUESTED })
    expect((await gone.take(ASYNC_MESSAGE)).header).toMatchObject({ asyncEvent: ASYNC_EVENT.ALL_CONNECTIONS_DROPPED })
    await gone.expectClosed()
    await changing
  })

  test('an initiator that is no longer admitted', async () => {
    const array = await arrayForTest()
    const raw = await array.rawSession()
    const other = await array.connect({ initiatorName: 'iqn.2026-11.io.lunette:friend' })
    const changing = change(array, [memory()], { initiators: ['iqn.2026-11.io.lunette:friend'] })
    await askedToLogOut(raw)
    sendLogout(raw)
    await raw.take(LOGOUT_RESPONSE)
    await raw.expectClosed()
    await changing
    await other.nop()
  })
})

describe('a connection that the array drops, of a session that goes on without it (RFC 7143 11.9.1)', () => {
  const KEYS = { MaxConnections: '3', ErrorRecoveryLevel: '2', DefaultTime2Wait: '3', DefaultTime2Retain: '7' }

  /** CID 1 has header digests. */
  async function three() {
    const array = await arrayForTest()
    const lead = await array.rawSession(KEYS)
    const second = await join(array, lead, array.iqn, 1, { HeaderDigest: 'CRC32C' })
    const third = await join(array, lead, array.iqn, 2)
    return { lead, second, third }
  }

  test('the others hear which one, with Time2Wait and Time2Retain', async () => {
    const { lead, second, third } = await three()
    second.sendBytes(Buffer.alloc(52)) // a NOP-Out with a header digest that is wrong
    for (const raw of [lead, third]) {
      const { header } = await raw.take(ASYNC_MESSAGE)
      const settled = { parameter1: 1, parameter2: 3, parameter3: 7 }
      expect(header).toMatchObject({ asyncEvent: ASYNC_EVENT.CONNECTION_DROPPED, statSn: raw.expStatSn++, ...settled })
    }
    await second.expectClosed()
    await expectUp(lead)
    expect([...lead.received, ...third.received]).toEqual([])
  })

  test('one that the initiator has closed itself is no news', async () => {
    const { lead, second, third } = await three()
    second.destroy()
    await expectUp(lead)
    await third.expectSilence(20)
    expect([...lead.received, ...third.received]).toEqual([])
  })

  test('where the session ends with it, they hear that alone', async () => {
    const { lead, second, third } = await three()
    third.command(TUR, { attributes: 7 }) // a format error (RFC 7143 7.7)
    for (const raw of [lead, second]) await dropped(raw)
  })
})
