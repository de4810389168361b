// Connection recovery (RFC 7143 7.2.2, 11.14, 6.3.6) at ErrorRecoveryLevel 2: logout for recovery, how long a session lives
// without connections, and what goes with a connection that is lost.

import { describe, expect, test } from 'vitest'
import {
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  INITIATOR_OPCODE,
  LOGOUT_RESPONSE_CODE as LOGOUT,
  LOGOUT_REASON,
  RESERVED_TAG,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
} from '../../protocol/index.ts'
import {
  connected,
  connectionKeys,
  everythingFreed,
  logout,
  out,
  pass,
  reinstated,
  SECONDS,
  seen,
  write,
} from './losing-connections.ts'
import { join, tryJoin } from './members.ts'
import type { RawInitiator } from './raw.ts'
import { acknowledge, read, reassign, until, untilResponse } from './recovering.ts'
import { expectUp } from './tasks.ts'

const { R2T, SCSI_RESPONSE, REJECT } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})

describe('logout for recovery (RFC 7143 7.2.2, 11.14, 11.15)', () => {
  const FOR_RECOVERY = LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY

  test('of a connection that is up, by another: it closes, its tasks can be reassigned; Time2Wait and Time2Retain are told', async () => {
    const setup = await connected(2)
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const initiatorTaskTag = b.command(write, out)
    await b.take(R2T)
    expect(await logout(a, FOR_RECOVERY, 1)).toMatchObject({
      response: LOGOUT.CLOSED_SUCCESSFULLY,
      time2Wait: 2,
      time2Retain: 5,
    })
    await b.expectClosed()
    expect(await reassign(a, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
    await a.take(R2T)
  })

  test('of itself, the only one: the session waits, and goes on with another CID', async () => {
    const setup = await connected()
    const initiatorTaskTag = read(setup.raw, 0, 2)
    await untilResponse(setup.raw)
    expect((await logout(setup.raw, FOR_RECOVERY, 0)).response).toBe(LOGOUT.CLOSED_SUCCESSFULLY)
    await setup.raw.expectClosed()
    expect(setup.built.target.sessions.size).toBe(1)
    const raw = await join(setup.built, setup.raw, setup.built.target.iqn, 6, connectionKeys)
    expect(await reassign(raw, initiatorTaskTag, 1)).toBe(RESPONSE.FUNCTION_COMPLETE)
    expect((await untilResponse(raw)).response.header.status).toBe(STATUS.GOOD)
  })

  test('of a lost one, once: then its CID is not found', async () => {
    const setup = await connected(2)
    setup.all[1]!.destroy()
    await seen(setup, 1)
    expect((await logout(setup.raw, FOR_RECOVERY, 1)).response).toBe(LOGOUT.CLOSED_SUCCESSFULLY)
    expect((await logout(setup.raw, FOR_RECOVERY, 1)).response).toBe(LOGOUT.CID_NOT_FOUND)
    await expectUp(setup.raw)
  })

  test('of a lost one for good: its tasks end, and the logical unit says so', async () => {
    const setup = await connected(2)
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const initiatorTaskTag = b.command(write, out)
    await b.take(R2T)
    b.destroy()
    await seen(setup, 1)
    expect((await logout(a, LOGOUT_REASON.CLOSE_THE_CONNECTION, 1)).response).toBe(LOGOUT.CLOSED_SUCCESSFULLY)
    expect(await reassign(a, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
    a.command(TUR)
    const { data: sense } = await a.response()
    expect([sense[2 + 12], sense[2 + 13]]).toEqual([0x47, 0x7f])
  })
})

describe('a session without connections (RFC 7143 6.3.6, 13.15, 13.16)', () => {
  test('lives for Time2Wait and Time2Retain, and no longer: everything is freed, nothing is written', async () => {
    const setup = await connected()
    const { raw, built, store } = setup
    raw.command(write, out)
    await raw.take(R2T)
    read(raw, 0, 16)
    await untilResponse(raw)
    raw.destroy()
    await seen(setup, 0)
    pass(setup, SECONDS - 2)
    expect(built.target.sessions.size).toBe(1)
    expect(built.host.retained.used).toBeGreaterThan(0)
    pass(setup, 2)
    await everythingFreed(setup)
    expect(store.writes).toEqual([])
    const { response } = await tryJoin(built, raw, built.target.iqn, { cid: 0 }, connectionKeys)
    expect(response.header).toMatchObject({ statusClass: 2, statusDetail: 0x0a })
  })

  test('a connection in time: the session stays, but for the tasks that nobody has reassigned', async () => {
    const setup = await connected()
    const initiatorTaskTag = setup.raw.command(write, out)
    await setup.raw.take(R2T)
    const raw = await reinstated(setup, setup.raw)
    pass(setup, SECONDS)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
    raw.command(TUR)
    const { data: sense } = await raw.response()
    expect([sense[2 + 12], sense[2 + 13]]).toEqual([0x47, 0x7f])
    await expectUp(raw)
    expect(setup.built.host.retained.used).toBeLessThan(1024) // the last status alone
  })

  test('session reinstatement ends it at once', async () => {
    const setup = await connected()
    setup.raw.command(write, out)
    await setup.raw.take(R2T)
    setup.raw.destroy()
    await seen(setup, 0)
    await setup.built.connect({ isid: setup.raw.isid, initiatorName: setup.raw.initiatorName })
    await until(() => setup.built.target.sessions.size === 1 && setup.built.host.pool.used === 0)
    const { response } = await tryJoin(setup.built, setup.raw, setup.built.target.iqn, { cid: 0 }, connectionKeys)
    expect(response.header).toMatchObject({ statusClass: 2, statusDetail: 0x0a })
  })

  test.each<[string, Record<string, string>]>([
    ['Time2Retain 0', { DefaultTime2Retain: '0' }],
    ['ErrorRecoveryLevel 1', { ErrorRecoveryLevel: '1' }],
  ])('%s: nothing is retained', async (_, keys) => {
    const setup = await connected(1, keys)
    setup.raw.command(write, out)
    await setup.raw.take(R2T)
    setup.raw.destroy()
    await everythingFreed(setup)
  })

  test('makes room when there are too many sessions', async () => {
    const setup = await connected(1, {}, { sessions: 1 })
    setup.raw.destroy()
    await seen(setup, 0)
    await setup.built.connect()
    expect(setup.built.target.sessions.size).toBe(1)
  })

  test('the array closes without waiting for it', async () => {
    const setup = await connected()
    setup.raw.command(write, out)
    await setup.raw.take(R2T)
    setup.raw.destroy()
    await seen(setup, 0)
    await setup.built.close()
    await everythingFreed(setup)
  })
})

describe('what goes with a connection, and what does not', () => {
  test('commands whose turn had not come are due again; the others go on (RFC 7143 11.14)', async () => {
    const setup = await connected(2)
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const first = a.cmdSn
    const initiatorTaskTag = b.command(write, { ...out, cmdSn: first + 1 })
    await b.expectSilence()
    b.destroy()
    await seen(setup, 1)
    await logout(a, LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY, 1)
    a.command(TUR, { cmdSn: first })
    expect((await a.response()).header.expCmdSn).toBe(first + 1)
    a.command(write, { ...out, cmdSn: first + 1, initiatorTaskTag })
    expect((await a.take(R2T)).header.initiatorTaskTag).toBe(initiatorTaskTag)
  })

  test('a damaged header costs the connection, not the session (RFC 7143 7.8)', async () => {
    const setup = await connected(1, { HeaderDigest: 'CRC32C' })
    setup.raw.digests = { header: true, data: false }
    const initiatorTaskTag = setup.raw.command(write, out)
    await setup.raw.take(R2T)
    const header = Buffer.alloc(52)
    setup.raw.sendBytes(header)
    await setup.raw.expectClosed()
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
    await raw.take(R2T)
  })

  test('a malformed PDU costs the session (RFC 7143 7.7)', async () => {
    const setup = await connected(2)
    const header = Buffer.alloc(48)
    header.writeUInt32BE(0xffffff, 4)
    setup.all[1]!.sendBytes(header)
    await setup.all[1]!.take(REJECT)
    await setup.raw.expectClosed()
    await everythingFreed(setup)
  })

  test('immediate commands under way end (RFC 7143 7.14)', async () => {
    const setup = await connected()
    setup.raw.command(write, { ...out, immediate: true })
    await setup.raw.take(R2T)
    setup.raw.destroy()
    await seen(setup, 0)
    const [session] = setup.built.target.sessions
    await until(() => session?.tasks.size === 0)
  })

  test('responses with a fence do not wait for a connection that is lost', async () => {
    const setup = await connected(3, { TaskReporting: 'ResponseFence' })
    const { store } = setup
    const [a, b, c] = setup.all as [RawInitiator, RawInitiator, RawInitiator]
    store.hold()
    read(a, 0, 2)
    await store.untilWaiting(1)
    const { cmdSn, expStatSn } = b
    const reset = { immediate: true, function: FUNCTION.LOGICAL_UNIT_RESET, initiatorTaskTag: b.takeTag() }
    b.send(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, { ...reset, referencedTaskTag: RESERVED_TAG, cmdSn, expStatSn })
    await acknowledge(b)
    b.destroy()
    await seen(setup, 2)
    store.release()
    c.command(TUR)
    await responseBesidePings(c)
  })

  async function responseBesidePings(raw: RawInitiator): Promise<void> {
    for (let { header } = await raw.takeAny(); header.opcode !== SCSI_RESPONSE; { header } = await raw.takeAny()) {
      if (header.opcode !== TARGET_OPCODE.NOP_IN) throw new Error(JSON.stringify(header))
      const { cmdSn, expStatSn } = raw
      const answer = { immediate: true, initiatorTaskTag: RESERVED_TAG, targetTransferTag: header.targetTransferTag }
      raw.send(INITIATOR_OPCODE.NOP_OUT, { ...answer, cmdSn, expStatSn })
    }
  }
})
