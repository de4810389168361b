// What a session of ErrorRecoveryLevel 2 keeps of the connections that it has lost (RFC 7143 7.1.4.3, 7.2.2, 13.15, 13.16):
// bounded however often they are lost, and no longer than agreed; what others see of it meanwhile.

import { describe, expect, test } from 'vitest'
import {
  decodeSense,
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  LOGOUT_RESPONSE_CODE as LOGOUT,
  LOGOUT_REASON,
  RELEASE_6,
  RESERVE_6,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TASK_ATTRIBUTE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { LIMITS } from '../../src/target/limits.ts'
import type { Session } from '../../src/target/session.ts'
import { arrayForTest, memory } from './array.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import {
  connected,
  everythingFreed,
  LENGTH,
  logout,
  medium,
  out,
  pass,
  reinstated,
  SECONDS,
  seen,
  sessionOf,
  write,
} from './losing-connections.ts'
import { join, members } from './members.ts'
import type { RawInitiator } from './raw.ts'
import { change } from './reconfiguring.ts'
import { acknowledge, read, reassign, until, untilResponse } from './recovering.ts'
import { expectUp, loggedIn, manage } from './tasks.ts'

const { R2T, SCSI_RESPONSE } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})
const LONG_WRITE = WRITE_10.encode({ lba: 0, blocks: 512 })

describe('what is kept has a bound', () => {
  test('connections that are lost again and again: the tasks of the first are given up', async () => {
    const setup = await connected()
    const tags: number[] = []
    let raw = setup.raw
    for (let lost = 0; lost <= LIMITS.lostConnectionsPerSession; lost++) {
      tags.push(raw.command(write, out))
      await raw.take(R2T)
      raw = await reinstated(setup, raw)
    }
    expect(sessionOf(setup).tasks.size).toBe(LIMITS.lostConnectionsPerSession)
    expect(await reassign(raw, tags[0]!, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
    for (const tag of tags.slice(1)) {
      expect(await reassign(raw, tag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
      expect((await raw.take(R2T)).header.initiatorTaskTag).toBe(tag)
    }
  })

  test('a task that is aborted after it was reassigned leaves nothing behind', async () => {
    const setup = await connected()
    const initiatorTaskTag = setup.raw.command(write, out)
    await setup.raw.take(R2T)
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
    await raw.take(R2T)
    expect(await reassign(raw, initiatorTaskTag, 0, FUNCTION.ABORT_TASK)).toBe(RESPONSE.FUNCTION_COMPLETE)
    await acknowledge(raw)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
  })

  test('data of many sessions that are waited for: the oldest are given up', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const keys = { ErrorRecoveryLevel: '2', InitialR2T: 'No', FirstBurstLength: '262144' }
    const sessions: Session[] = []
    for (let count = 0; count < 3; count++) {
      const [raw] = (await members(built, built.target.iqn, 1, keys)) as [RawInitiator]
      const session = [...built.target.sessions].at(-1) as Session
      for (let commands = 0; commands < 100; commands++)
        raw.command(LONG_WRITE, { write: true, expectedDataTransferLength: 262_144, final: false })
      await acknowledge(raw)
      raw.destroy()
      await until(() => session.isAbandoned)
      sessions.push(session)
    }
    expect(built.host.pool.used).toBeGreaterThan(LIMITS.lostConnectionBytes)
    built.host.tick()
    await until(() => built.host.pool.used <= LIMITS.lostConnectionBytes)
    built.host.tick()
    expect(sessions.map(({ closed }) => closed)).toEqual([true, false, false])
  })

  test('Time2Wait longer than the array waits: nothing is retained, and whoever logs out is told', async () => {
    const DefaultTime2Wait = `${LIMITS.time2WaitSeconds + 1}`
    const setup = await connected(2, { DefaultTime2Wait })
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const initiatorTaskTag = b.command(write, out)
    await b.take(R2T)
    const { response, time2Retain } = await logout(a, LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY, 1)
    expect({ response, time2Retain }).toEqual({ response: LOGOUT.CLOSED_SUCCESSFULLY, time2Retain: 0 })
    expect(await reassign(a, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
    a.destroy()
    await everythingFreed(setup)
  })
})

describe('another initiator, while a session has no connection', () => {
  test('finds a reservation until the session ends, not earlier and not later', async () => {
    const setup = await connected()
    const other = await loggedIn(setup.built)
    setup.raw.command(RESERVE_6.encode({}))
    expect((await setup.raw.response()).header.status).toBe(STATUS.GOOD)
    setup.raw.destroy()
    await until(() => setup.built.target.sessions.size === 2 && sessionOf(setup).isAbandoned)
    const statusOfOther = async (): Promise<number> => {
      other.command(TUR)
      return (await other.response()).header.status
    }
    pass(setup, SECONDS - 1)
    expect(await statusOfOther()).toBe(STATUS.RESERVATION_CONFLICT)
    pass(setup, 1)
    expect(await statusOfOther()).toBe(STATUS.GOOD)
  })

  test('a reservation that the session finds again is still its own', async () => {
    const setup = await connected()
    const other = await loggedIn(setup.built)
    setup.raw.command(RESERVE_6.encode({}))
    await setup.raw.response()
    const raw = await reinstated(setup, setup.raw)
    pass(setup, SECONDS)
    other.command(TUR)
    expect((await other.response()).header.status).toBe(STATUS.RESERVATION_CONFLICT)
    raw.command(RELEASE_6.encode({}))
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    await expectUp(other)
  })

  test('resets the logical unit: its tasks and its reservation are gone at once', async () => {
    const setup = await connected()
    const { store, built } = setup
    const other = await loggedIn(built)
    const waiting = setup.raw.command(write, out)
    await setup.raw.take(R2T)
    store.hold()
    const reading = read(setup.raw, 0, 16)
    await store.untilWaiting(1)
    setup.raw.destroy()
    await until(() => sessionOf(setup).isAbandoned)
    store.release()
    await until(() => store.waiting === 0)
    expect(sessionOf(setup).tasks.size).toBe(2)
    expect(await manage(other, FUNCTION.LOGICAL_UNIT_RESET)).toBe(RESPONSE.FUNCTION_COMPLETE)
    expect(sessionOf(setup).tasks.size).toBe(0)
    const raw = await reinstated(setup, setup.raw)
    for (const tag of [waiting, reading]) expect(await reassign(raw, tag, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
    raw.command(TUR)
    expect((await raw.response()).header.status).toBe(STATUS.CHECK_CONDITION)
    await expectUp(raw)
    expect(store.writes).toEqual([])
  })

  test('waits behind an ORDERED write of it, until the session ends', async () => {
    const setup = await connected()
    const other = await loggedIn(setup.built)
    setup.raw.command(write, { ...out, attributes: TASK_ATTRIBUTE.ORDERED })
    await setup.raw.take(R2T)
    setup.raw.destroy()
    await until(() => sessionOf(setup).isAbandoned)
    other.command(TUR)
    pass(setup, SECONDS - 1)
    await other.expectSilence()
    pass(setup, 1)
    expect((await other.response()).header.status).toBe(STATUS.GOOD)
  })
})

test('a connection with digests takes the tasks of one without: what is sent again has them', async () => {
  const setup = await connected()
  const initiatorTaskTag = read(setup.raw, 0, 16)
  await untilResponse(setup.raw)
  const raw = await reinstated(setup, setup.raw, {
    MaxRecvDataSegmentLength: '1024',
    HeaderDigest: 'CRC32C',
    DataDigest: 'CRC32C',
  })
  expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
  await expectRead(raw)
  await expectUp(raw)
})

test('8 connections, all busy, each lost in its turn: its tasks go on elsewhere, those of the others where they are', async () => {
  const setup = await connected(8)
  const { built, store } = setup
  const all = [...setup.all]
  for (let lost = 1; lost < all.length; lost++) {
    store.hold()
    const tags = all.map((raw) => read(raw, 0, 16))
    await store.untilWaiting(all.length)
    all[lost]!.destroy()
    await seen(setup, all.length - 1)
    store.release()
    for (const [cid, raw] of all.entries()) if (cid !== lost) await expectRead(raw)
    const to = all[0]!
    const { response } = await logout(to, LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY, lost)
    expect(response).toBe(LOGOUT.CLOSED_SUCCESSFULLY)
    expect(await reassign(to, tags[lost]!, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
    await expectRead(to)
    all[lost] = await join(built, to, built.target.iqn, lost, { MaxRecvDataSegmentLength: '1024' })
  }
  for (const raw of all) await expectUp(raw)
  for (const raw of all) raw.destroy()
  await seen(setup, 0)
  pass(setup, SECONDS)
  await everythingFreed(setup)
})

async function expectRead(raw: RawInitiator): Promise<void> {
  const { data, response } = await untilResponse(raw)
  raw.expStatSn = (response.header.statSn + 1) >>> 0
  expect(response.header.status).toBe(STATUS.GOOD)
  expect(Buffer.concat(data.map((pdu) => pdu.data))).toEqual(medium.subarray(0, LENGTH))
}

test('the array closes: who has lost all connections is not waited for', async () => {
  const array = await arrayForTest()
  const raw = await array.rawSession({ ErrorRecoveryLevel: '2', ImmediateData: 'No', InitialR2T: 'Yes' })
  raw.command(write, out)
  await raw.take(R2T)
  raw.destroy()
  await raw.closed
  await array.running.close()
})

test('a LUN is removed: what has no connection ends with it, and its status waits', async () => {
  const array = await arrayForTest([memory(), memory({ id: 1 })])
  const lost = await array.rawSession({ ErrorRecoveryLevel: '2', ImmediateData: 'No', InitialR2T: 'Yes' })
  lost.command(TUR, { lun: 1 }) // takes the unit attention
  await lost.response()
  const initiatorTaskTag = lost.command(write, { ...out, lun: 1 })
  await lost.take(R2T)
  lost.destroy()
  await change(array, [memory()])
  const raw = await join(array, lost, array.iqn, lost.cid)
  expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
  const { header, data } = await raw.take(SCSI_RESPONSE)
  expect(header).toMatchObject({ initiatorTaskTag, status: STATUS.CHECK_CONDITION })
  expect(decodeSense(data.subarray(2)).sense).toBe(SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
})
