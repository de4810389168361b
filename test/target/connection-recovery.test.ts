// Connection recovery (RFC 7143 7.1.4.3, 7.2.2, 11.5.6, 11.14) at ErrorRecoveryLevel 2: connections are cut at every stage of
// reads and writes; their tasks go on elsewhere, and every byte is what it should be.

import { describe, expect, test } from 'vitest'
import {
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  INITIATOR_OPCODE,
  LOGOUT_RESPONSE_CODE as LOGOUT,
  LOGOUT_REASON,
  READ_10,
  RESERVED_TAG,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
} from '../../protocol/index.ts'
import { LIMITS } from '../../src/target/limits.ts'
import { MIB } from './array.ts'
import { pattern } from './disk.ts'
import type { HeldStore } from './hand-built.ts'
import {
  BLOCK,
  connected,
  connectionKeys,
  everythingFreed,
  LENGTH,
  logout,
  medium,
  out,
  pass,
  reinstated,
  SECONDS,
  seen,
  write,
} from './losing-connections.ts'
import { join, tryJoin } from './members.ts'
import type { PduOf } from './pdu-socket.ts'
import type { RawInitiator } from './raw.ts'
import { acknowledge, read, reassign, snack, takeData, until, untilResponse } from './recovering.ts'
import { expectUp } from './tasks.ts'

const { R2T, DATA_IN, SCSI_RESPONSE, REJECT } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})
const data = pattern(LENGTH, 7)

async function expectMedium(store: HeldStore, expected: Buffer, offset: number): Promise<void> {
  const found = Buffer.alloc(expected.length)
  await store.read(found, 0, found.length, offset)
  expect(found.equals(expected)).toBe(true)
}

describe('a read whose connection is lost (RFC 7143 7.1.4.3, 7.2.2)', () => {
  test.each<[string, number, number]>([
    ['0: all of it', 0, 0],
    ['some of it was received: the rest', 5, 5],
    ['all of it was received: the status alone', 8, 8],
    ['more than was sent is ignored: all of it', 9, 0],
  ])('after its status, ExpDataSN %s', async (_, expDataSn, first) => {
    const setup = await connected()
    const initiatorTaskTag = read(setup.raw, 0, 16)
    const before = await untilResponse(setup.raw)
    await setup.store.write(Buffer.alloc(LENGTH, 0xee), 0, LENGTH, 0) // later writes do not show
    const raw = await reinstated(setup, setup.raw)
    expect(raw.tsih).toBe(setup.raw.tsih)
    expect(await reassign(raw, initiatorTaskTag, expDataSn)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const { data: again, response } = await untilResponse(raw)
    expect(again.map(({ header }) => header.dataSn)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].slice(first))
    expect(Buffer.concat(again.map((pdu) => pdu.data))).toEqual(medium.subarray(first * 1024, LENGTH))
    expect(response.header).toMatchObject({
      ...{ status: STATUS.GOOD, expDataSn: 8, snackTag: 0, residualCount: before.response.header.residualCount },
      statSn: raw.expStatSn,
    })
    raw.expStatSn++
    await expectUp(raw) // and no unit attention
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
  })

  test('what a DataACK has acknowledged is not sent again, whatever ExpDataSN says', async () => {
    const setup = await connected()
    const initiatorTaskTag = read(setup.raw, 0, 16)
    const { data: sent } = await untilResponse(setup.raw)
    snack(setup.raw, 2, { targetTransferTag: sent[3]!.header.targetTransferTag, begRun: 4 })
    const ping = setup.raw.takeTag()
    setup.raw.send(INITIATOR_OPCODE.NOP_OUT, {
      immediate: true,
      initiatorTaskTag: ping,
      targetTransferTag: RESERVED_TAG,
      cmdSn: setup.raw.cmdSn,
      expStatSn: setup.raw.expStatSn,
    })
    await setup.raw.take(TARGET_OPCODE.NOP_IN)
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 2)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const { data: again } = await untilResponse(raw)
    expect(again.map(({ header }) => header.dataSn)).toEqual([4, 5, 6, 7])
  })

  test('another MaxRecvDataSegmentLength: data are cut anew, numbered from ExpDataSN on', async () => {
    const setup = await connected()
    const initiatorTaskTag = read(setup.raw, 0, 16)
    await untilResponse(setup.raw)
    const raw = await reinstated(setup, setup.raw, { MaxRecvDataSegmentLength: '2048' })
    expect(await reassign(raw, initiatorTaskTag, 3)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const { data: again, response } = await untilResponse(raw)
    expect(again.map(({ header }) => [header.dataSn, header.bufferOffset, header.dataSegmentLength])).toEqual([
      [3, 3072, 1024],
      [4, 4096, 2048],
      [5, 6144, 2048],
    ])
    expect(Buffer.concat(again.map((pdu) => pdu.data))).toEqual(medium.subarray(3072, LENGTH))
    expect(response.header.expDataSn).toBe(6)
    snack(raw, 0, { initiatorTaskTag, begRun: 4, runLength: 1 })
    expect((await takeData(raw, 1))[0]!.data).toEqual(again[1]!.data)
  })

  test('before anything has come of it: it goes on when the medium answers', async () => {
    const setup = await connected()
    setup.store.hold()
    const initiatorTaskTag = read(setup.raw, 0, 16)
    await setup.store.untilWaiting(1)
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
    await raw.expectSilence()
    setup.store.release()
    const { data: sent, response } = await untilResponse(raw)
    expect(Buffer.concat(sent.map((pdu) => pdu.data))).toEqual(medium.subarray(0, LENGTH))
    expect(response.header).toMatchObject({ status: STATUS.GOOD, expDataSn: 8 })
  })

  test('the medium answers while nobody is there: no data are read ahead of their connection', async () => {
    const setup = await connected()
    setup.store.hold()
    const initiatorTaskTag = read(setup.raw, 0, 16)
    await setup.store.untilWaiting(1)
    setup.raw.destroy()
    await seen(setup, 0)
    setup.store.release()
    await until(() => setup.store.waiting === 0)
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const { data: sent, response } = await untilResponse(raw)
    expect(Buffer.concat(sent.map((pdu) => pdu.data))).toEqual(medium.subarray(0, LENGTH))
    expect(response.header.status).toBe(STATUS.GOOD)
  })

  test('in the middle, with megabytes on their way: nothing is missing, nothing comes twice', async () => {
    const keys = { MaxRecvDataSegmentLength: '65536', MaxBurstLength: '262144' }
    const setup = await connected(1, keys, { outputPerConnection: MIB })
    setup.raw.socket.pause()
    const initiatorTaskTag = read(setup.raw, 0, medium.length / BLOCK)
    await until(() => setup.built.host.retained.used > MIB)
    setup.raw.socket.resume()
    const before = await takeData(setup.raw, 7)
    const raw = await reinstated(setup, setup.raw, { MaxRecvDataSegmentLength: '65536' })
    expect(await reassign(raw, initiatorTaskTag, 7)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const { data: after, response } = await untilResponse(raw)
    expect(after.map(({ header }) => header.dataSn)).toEqual(after.map((_, i) => 7 + i))
    expect(Buffer.concat([...before, ...after].map((pdu) => pdu.data)).equals(medium)).toBe(true)
    expect(response.header).toMatchObject({ status: STATUS.GOOD, expDataSn: 64 })
  })

  test('data that are kept no more: the command fails, READ ERROR - FAILED RETRANSMISSION REQUEST', async () => {
    const setup = await connected(2, { MaxRecvDataSegmentLength: '262144', MaxBurstLength: '262144' })
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const initiatorTaskTag = read(b, 0, 16)
    await untilResponse(b)
    for (let reads = 0; reads * medium.length <= LIMITS.retainedPerSession; reads++) {
      read(a, 0, medium.length / BLOCK)
      await untilResponse(a)
    }
    a.expStatSn += 3
    b.destroy()
    await seen(setup, 1)
    expect((await logout(a, LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY, 1)).response).toBe(
      LOGOUT.CLOSED_SUCCESSFULLY,
    )
    expect(await reassign(a, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const { header, data: sense } = await a.response()
    const { asc, ascq } = SENSE.FAILED_RETRANSMISSION_REQUEST
    expect(header).toMatchObject({ initiatorTaskTag, status: STATUS.CHECK_CONDITION })
    expect([sense[2 + 12], sense[2 + 13]]).toEqual([asc, ascq])
  })
})

describe('a write whose connection is lost (RFC 7143 7.1.4.3, 7.2.2)', () => {
  type Asked = PduOf<typeof R2T>
  function answer(raw: RawInitiator, { header }: Asked, parts = 4): void {
    const { initiatorTaskTag, targetTransferTag, bufferOffset, desiredDataTransferLength: length } = header
    for (let at = 0, dataSn = 0; at < length && dataSn < parts; at += 1024, dataSn++) {
      const end = Math.min(length, at + 1024)
      const part = data.subarray(bufferOffset + at, bufferOffset + end)
      raw.dataOut(
        { initiatorTaskTag, targetTransferTag, bufferOffset: bufferOffset + at, dataSn, final: end === length },
        part,
      )
    }
  }
  const asked = ({ header }: Asked) => [header.r2tSn, header.bufferOffset, header.desiredDataTransferLength]

  test.each<[string, number, number[][]]>([
    [
      'before any data',
      0,
      [
        [0, 0, 4096],
        [1, 4096, 4096],
      ],
    ],
    [
      'in the middle of a sequence',
      2,
      [
        [0, 2048, 2048],
        [1, 4096, 4096],
      ],
    ],
    ['after the first sequence', 4, [[1, 4096, 4096]]],
  ])('%s: what is missing is asked for, and nothing else', async (_, parts, expected) => {
    const setup = await connected()
    const initiatorTaskTag = setup.raw.command(write, out)
    answer(setup.raw, await setup.raw.take(R2T), parts)
    if (parts === 4) await setup.raw.take(R2T)
    await acknowledge(setup.raw)
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
    for (const one of expected) {
      const r2t = await raw.take(R2T)
      expect(asked(r2t)).toEqual(one)
      answer(raw, r2t)
    }
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD, expDataSn: 2 })
    await expectMedium(setup.store, data, 8 * BLOCK)
    await expectUp(raw)
  })

  test('ExpDataSN tells which R2Ts were received: the next has that number', async () => {
    const setup = await connected()
    const initiatorTaskTag = setup.raw.command(write, out)
    answer(setup.raw, await setup.raw.take(R2T), 1)
    await acknowledge(setup.raw)
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 1)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const r2t = await raw.take(R2T)
    expect(asked(r2t)).toEqual([1, 1024, 3072])
    answer(raw, r2t)
    answer(raw, await raw.take(R2T))
    expect((await raw.response()).header).toMatchObject({ status: STATUS.GOOD, expDataSn: 3 })
    await expectMedium(setup.store, data, 8 * BLOCK)
  })

  test('several R2Ts outstanding, answered in part', async () => {
    const setup = await connected(1, { MaxOutstandingR2T: '2' })
    const initiatorTaskTag = setup.raw.command(write, out)
    const first = await setup.raw.take(R2T)
    const second = await setup.raw.take(R2T)
    answer(setup.raw, first, 1)
    answer(setup.raw, second, 2)
    await acknowledge(setup.raw)
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 2)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const again = [await raw.take(R2T), await raw.take(R2T)]
    expect(again.map(asked)).toEqual([
      [2, 1024, 3072],
      [3, 6144, 2048],
    ])
    for (const r2t of again.reverse()) answer(raw, r2t)
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    await expectMedium(setup.store, data, 8 * BLOCK)
  })

  test('in the middle of unsolicited data: the rest is asked for by R2T', async () => {
    const setup = await connected(1, { InitialR2T: 'No', ImmediateData: 'Yes', FirstBurstLength: '4096' })
    const initiatorTaskTag = setup.raw.command(write, { ...out, final: false }, { data: data.subarray(0, 1024) })
    setup.raw.dataOut({ initiatorTaskTag, bufferOffset: 1024, final: false }, data.subarray(1024, 2048))
    await acknowledge(setup.raw)
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
    for (const one of [
      [0, 2048, 4096],
      [1, 6144, 2048],
    ]) {
      const r2t = await raw.take(R2T)
      expect(asked(r2t)).toEqual(one)
      answer(raw, r2t)
    }
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    await expectMedium(setup.store, data, 8 * BLOCK)
  })

  test('at the medium: it is done without a connection, and its status is told on the next one', async () => {
    const setup = await connected()
    setup.store.hold()
    const initiatorTaskTag = setup.raw.command(write, out)
    answer(setup.raw, await setup.raw.take(R2T))
    answer(setup.raw, await setup.raw.take(R2T))
    await setup.store.untilWaiting(1)
    setup.raw.destroy()
    await seen(setup, 0)
    setup.store.release()
    await until(() => setup.store.writes.length > 0)
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 2)).toBe(RESPONSE.FUNCTION_COMPLETE)
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD, expDataSn: 2 })
    await expectMedium(setup.store, data, 8 * BLOCK)
    expect(setup.store.writes).toHaveLength(1)
  })

  test('after its status: the status again, and nothing is written twice', async () => {
    const setup = await connected()
    const initiatorTaskTag = setup.raw.command(write, out)
    answer(setup.raw, await setup.raw.take(R2T))
    answer(setup.raw, await setup.raw.take(R2T))
    await setup.raw.take(SCSI_RESPONSE)
    const raw = await reinstated(setup, setup.raw)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD, expDataSn: 2 })
    expect(setup.store.writes).toHaveLength(1)
    await expectUp(raw)
  })

  test('the connection that it was given to is lost too, and again', async () => {
    const setup = await connected()
    const initiatorTaskTag = setup.raw.command(write, out)
    answer(setup.raw, await setup.raw.take(R2T), 1)
    await acknowledge(setup.raw)
    let { raw } = setup
    for (let from = 1024; from < 4096; from += 1024) {
      raw = await reinstated(setup, raw)
      expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.FUNCTION_COMPLETE)
      const r2t = await raw.take(R2T)
      expect(asked(r2t)).toEqual([0, from, 4096 - from])
      answer(raw, r2t, 1)
      if (from < 3072) await acknowledge(raw)
    }
    answer(raw, await raw.take(R2T))
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    await expectMedium(setup.store, data, 8 * BLOCK)
  })
})

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

describe('TASK REASSIGN that cannot be (RFC 7143 7.2.2, 11.5.1)', () => {
  test('no such task: task does not exist', async () => {
    const { raw } = await connected()
    expect(await reassign(raw, 0xdead, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
    await expectUp(raw)
  })

  test('a task of this connection, or of another that is up: task still allegiant, and it goes on there', async () => {
    const setup = await connected(2)
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const initiatorTaskTag = b.command(write, out)
    await b.take(R2T)
    for (const raw of [a, b]) expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_STILL_ALLEGIANT)
    const done = read(b, 0, 1)
    await untilResponse(b)
    expect(await reassign(a, done, 0)).toBe(RESPONSE.TASK_STILL_ALLEGIANT)
  })

  test('its connection is lost and not logged out: task still allegiant', async () => {
    const setup = await connected(2)
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const initiatorTaskTag = b.command(write, out)
    await b.take(R2T)
    b.destroy()
    await seen(setup, 1)
    expect(await reassign(a, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_STILL_ALLEGIANT)
  })

  test('a status that was acknowledged, an immediate command: task does not exist', async () => {
    const setup = await connected()
    const acknowledged = read(setup.raw, 0, 1)
    await untilResponse(setup.raw)
    setup.raw.expStatSn++
    const immediate = setup.raw.command(write, { ...out, immediate: true })
    await setup.raw.take(R2T)
    const done = setup.raw.command(READ_10.encode({ lba: 0, blocks: 1 }), {
      immediate: true,
      read: true,
      expectedDataTransferLength: 512,
    })
    await setup.raw.take(DATA_IN)
    await setup.raw.take(SCSI_RESPONSE)
    const raw = await reinstated(setup, setup.raw)
    for (const tag of [acknowledged, immediate, done])
      expect(await reassign(raw, tag, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
    await expectUp(raw)
  })

  test.each(['0', '1'])('at ErrorRecoveryLevel %s: not supported', async (ErrorRecoveryLevel) => {
    const { raw } = await connected(1, { ErrorRecoveryLevel })
    const initiatorTaskTag = raw.command(write, out)
    await raw.take(R2T)
    expect(await reassign(raw, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_ALLEGIANCE_REASSIGNMENT_NOT_SUPPORTED)
  })

  test('a task that was aborted meanwhile: task does not exist', async () => {
    const setup = await connected(2)
    const [a, b] = setup.all as [RawInitiator, RawInitiator]
    const initiatorTaskTag = b.command(write, out)
    await b.take(R2T)
    await logout(a, LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY, 1)
    expect(await reassign(a, initiatorTaskTag, 0, FUNCTION.ABORT_TASK)).toBe(RESPONSE.FUNCTION_COMPLETE)
    expect(await reassign(a, initiatorTaskTag, 0)).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
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
