// Connection recovery (RFC 7143 7.1.4.3, 7.2.2) of reads at ErrorRecoveryLevel 2: their connections are cut at every stage;
// they go on elsewhere, and every byte comes once.

import { describe, expect, test } from 'vitest'
import {
  INITIATOR_OPCODE,
  LOGOUT_RESPONSE_CODE as LOGOUT,
  LOGOUT_REASON,
  RESERVED_TAG,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  SENSE,
  STATUS,
  TARGET_OPCODE,
} from '../../protocol/index.ts'
import { LIMITS } from '../../src/target/limits.ts'
import { MIB } from './array.ts'
import { BLOCK, connected, LENGTH, logout, medium, reinstated, seen } from './losing-connections.ts'
import type { RawInitiator } from './raw.ts'
import { read, reassign, snack, takeData, until, untilResponse } from './recovering.ts'
import { expectUp } from './tasks.ts'

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
