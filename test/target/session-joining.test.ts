// Logins that name a session by its TSIH (RFC 7143 6.3.1, 6.3.4, 11.13.5): which connections may join, which take the place of
// another one, what each connection has for itself.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  INITIATOR_OPCODE,
  LOGIN_STATUS,
  type LoginStatus,
  READ_10,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { join, members, tryJoin } from './members.ts'
import { portals, portOf } from './paths.ts'
import { RawInitiator } from './raw.ts'
import { expectUp, OUT, ones, WRITE } from './tasks.ts'

const { NOP_OUT } = INITIATOR_OPCODE
const { NOP_IN, R2T } = TARGET_OPCODE

let array: TestArray

beforeAll(async () => {
  array = await openArray([memory()], {}, portals(2))
  return () => array.close()
})

const statusOf = ({ header }: { header: { statusClass: number; statusDetail: number } }) => ({
  statusClass: header.statusClass,
  statusDetail: header.statusDetail,
})
const expectRefused = (response: Parameters<typeof statusOf>[0], { statusClass, statusDetail }: LoginStatus): void =>
  expect(statusOf(response)).toEqual({ statusClass, statusDetail })

async function lead(keys: Record<string, string> = {}): Promise<RawInitiator> {
  return array.rawSession({ MaxConnections: '8', ...keys })
}

describe('joining', () => {
  test('a new CID: the TSIH of the session, its command numbers, a StatSN of its own', async () => {
    const first = await lead()
    await expectUp(first)
    const { raw, response } = await tryJoin(array, first, array.iqn)
    expect(response.header).toMatchObject({ tsih: first.tsih, transit: true, nextStage: 3, expCmdSn: first.cmdSn })
    expect(response.header.statSn).toBe(1)
    await expectUp(raw)
    await expectUp(first)
    raw.send(NOP_OUT, { immediate: true, initiatorTaskTag: 9, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn })
    expect((await raw.take(NOP_IN)).header).toMatchObject({ statSn: 3, expCmdSn: first.cmdSn })
  })

  test('digests and MaxRecvDataSegmentLength are the connection’s, the rest is the session’s', async () => {
    const first = await lead({ MaxBurstLength: '4096', MaxRecvDataSegmentLength: '4096' })
    const second = await join(array, first, array.iqn, 1, {
      HeaderDigest: 'CRC32C',
      DataDigest: 'CRC32C',
      MaxRecvDataSegmentLength: '512',
    })
    for (const [raw, lengths] of [
      [first, [4096, 4096]],
      [second, Array(16).fill(512)],
    ] as const) {
      raw.command(READ_10.encode({ blocks: 16 }), { read: true, expectedDataTransferLength: 8192 })
      for (const length of lengths) expect((await raw.take(TARGET_OPCODE.DATA_IN)).data.length).toBe(length)
    }
  })

  test('8 connections, none more: too many connections, and the session goes on', async () => {
    const all = await members(array, array.iqn, 8)
    const { raw, response } = await tryJoin(array, all[0]!, array.iqn, { cid: 8 })
    expectRefused(response, LOGIN_STATUS.TOO_MANY_CONNECTIONS)
    await raw.expectClosed()
    for (const one of all) await expectUp(one)
  })

  test.each([
    ['not offered: 1', {}, 1],
    ['2', { MaxConnections: '2' }, 2],
  ])('MaxConnections %s: one more is too many (RFC 7143 13.2)', async (_, keys, count) => {
    const first = await array.rawSession(keys)
    for (let cid = 1; cid < count; cid++) await join(array, first, array.iqn, cid)
    expectRefused((await tryJoin(array, first, array.iqn, { cid: count })).response, LOGIN_STATUS.TOO_MANY_CONNECTIONS)
    await expectUp(first)
  })

  test('a connection that has been logged out leaves room', async () => {
    const first = await lead({ MaxConnections: '2' })
    const second = await join(array, first, array.iqn, 1)
    second.send(INITIATOR_OPCODE.LOGOUT_REQUEST, { immediate: true, reason: 1, cid: 1, cmdSn: first.cmdSn })
    await second.take(TARGET_OPCODE.LOGOUT_RESPONSE)
    await expectUp(await join(array, first, array.iqn, 2))
    await expectUp(first)
  })
})

describe('what does not join (RFC 7143 6.3.1)', () => {
  test.each([
    ['a TSIH that is not there', { tsih: 0xfffe }],
    ['another ISID', { isid: Buffer.from('800000aabbcc', 'hex') }],
  ])('%s: session does not exist', async (_, fields) => {
    const first = await lead()
    const { raw, response } = await tryJoin(array, first, array.iqn, fields)
    expectRefused(response, LOGIN_STATUS.SESSION_DOES_NOT_EXIST)
    await raw.expectClosed()
    await expectUp(first)
  })

  test('another initiator name: session does not exist', async () => {
    const first = await lead()
    const { response } = await tryJoin(array, first, array.iqn, {}, { InitiatorName: 'iqn.2026-11.io.lunette:else' })
    expectRefused(response, LOGIN_STATUS.SESSION_DOES_NOT_EXIST)
    await expectUp(first)
  })

  test('another target: session does not exist', async () => {
    const two = await openArray(
      [memory()],
      {},
      {
        targets: [
          { iqn: 'iqn.2026-11.io.lunette:one', luns: [memory()] },
          { iqn: 'iqn.2026-11.io.lunette:two', luns: [memory()] },
        ],
      },
    )
    const first = await two.rawSession({ MaxConnections: '8' })
    const { response } = await tryJoin(two, first, two.running.targets[1]!)
    expectRefused(response, LOGIN_STATUS.SESSION_DOES_NOT_EXIST)
    await expectUp(first)
    await two.close()
  })

  test('another portal group: cannot include in session', async () => {
    const first = await lead()
    const elsewhere = { raw: () => RawInitiator.open(portOf(array, 1)) }
    const { raw, response } = await tryJoin(elsewhere, first, array.iqn)
    expectRefused(response, LOGIN_STATUS.CANNOT_INCLUDE_IN_SESSION)
    await raw.expectClosed()
    await expectUp(first)
  })

  test.each([
    ['MaxConnections', '8'],
    ['InitialR2T', 'No'],
    ['ImmediateData', 'Yes'],
    ['MaxBurstLength', '65536'],
    ['FirstBurstLength', '4096'],
    ['MaxOutstandingR2T', '2'],
    ['DefaultTime2Wait', '0'],
    ['ErrorRecoveryLevel', '0'],
    ['TaskReporting', 'RFC3720'],
    ['SessionType', 'Normal'],
  ])('%s, for the leading connection only: initiator error', async (key, value) => {
    const first = await lead()
    const { response } = await tryJoin(array, first, array.iqn, {}, { [key]: value })
    expectRefused(response, LOGIN_STATUS.INITIATOR_ERROR)
    await expectUp(first)
  })

  test('a login that is broken off leaves the session alone', async () => {
    const first = await lead()
    const raw = await array.raw()
    raw.sendLogin(Buffer.from(`InitiatorName=${raw.initiatorName}\0TargetName=${array.iqn}\0`), {
      tsih: first.tsih,
      isid: first.isid,
      cid: 1,
      currentStage: 1,
    })
    await raw.take(TARGET_OPCODE.LOGIN_RESPONSE)
    raw.destroy()
    await raw.closed
    await expectUp(first)
    await expectUp(await join(array, first, array.iqn, 1))
  })
})

describe('reinstatement of one connection of two (RFC 7143 6.3.4)', () => {
  test('the old one closes; the other one, its tasks and the session stay', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const [first, second] = (await members(built, built.target.iqn, 2)) as [RawInitiator, RawInitiator]
    store.hold()
    const running = first.command(WRITE, OUT, { data: ones })
    await store.untilWaiting(1)
    const third = await join(built, first, built.target.iqn, 1)
    await second.expectClosed()
    expect(second.received).toEqual([])
    store.release()
    expect((await first.response()).header).toMatchObject({ initiatorTaskTag: running, status: STATUS.GOOD })
    await expectUp(third)
    await expectUp(first)
    expect(built.target.sessions.size).toBe(1)
  })

  test('its tasks end without a word; 47h/7Fh once, on whatever connection asks first (RFC 7143 7.6)', async () => {
    const [first, second] = (await members(array, array.iqn, 2, { ImmediateData: 'No', InitialR2T: 'Yes' })) as [
      RawInitiator,
      RawInitiator,
    ]
    second.command(WRITE_10.encode({ lba: 77, blocks: 1 }), OUT)
    await second.take(R2T)
    const third = await join(array, first, array.iqn, 1)
    first.command(TEST_UNIT_READY.encode({}))
    const { header, data } = await first.response()
    expect(header.status).toBe(STATUS.CHECK_CONDITION)
    expect([data[2 + 2]! & 0xf, data[2 + 12], data[2 + 13]]).toEqual([6, 0x47, 0x7f])
    await expectUp(third)
    await third.expectSilence(20)
    expect(await (await array.disk()).read(77, 1)).toEqual(Buffer.alloc(512))
  })

  test('what came early on the old one has not come: its number can be sent again', async () => {
    const [first, second] = (await members(array, array.iqn, 2)) as [RawInitiator, RawInitiator]
    const due = first.cmdSn
    second.command(TEST_UNIT_READY.encode({}), { cmdSn: due + 1 })
    second.send(NOP_OUT, { initiatorTaskTag: 5, targetTransferTag: RESERVED_TAG, cmdSn: due + 2 })
    await second.expectSilence(20)
    const third = await join(array, first, array.iqn, 1)
    first.command(TEST_UNIT_READY.encode({}), { cmdSn: due })
    expect((await first.response()).header).toMatchObject({ status: STATUS.GOOD, expCmdSn: due + 1 })
    third.command(TEST_UNIT_READY.encode({}), { cmdSn: due + 1 })
    expect((await third.response()).header).toMatchObject({ status: STATUS.GOOD, expCmdSn: due + 2 })
  })

  test('100 times in a row, with a command under way each: the session and its other connection stay', async () => {
    const built = await handBuilt([new HeldStore()])
    const [first, second] = (await members(built, built.target.iqn, 2, { InitialR2T: 'Yes' })) as [
      RawInitiator,
      RawInitiator,
    ]
    let last = second
    for (let round = 0; round < 100; round++) {
      last.command(WRITE, { ...OUT, immediate: true })
      last = await join(built, first, built.target.iqn, 1)
    }
    await second.expectClosed()
    for (let tries = 0; tries < 3; tries++) {
      first.command(TEST_UNIT_READY.encode({}))
      await first.response()
    }
    await expectUp(first)
    await expectUp(last)
    expect(built.target.sessions.size).toBe(1)
    await built.close()
    expect(built.host.pool.used).toBe(0)
  })
})
