// Connection recovery (RFC 7143 7.1.4.3, 7.2.2) of writes at ErrorRecoveryLevel 2: their connections are cut at every stage;
// they go on elsewhere, and every byte of the medium is what it should be.

import { describe, expect, test } from 'vitest'
import { TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE, STATUS, TARGET_OPCODE } from '../../protocol/index.ts'
import { pattern } from './disk.ts'
import type { HeldStore } from './hand-built.ts'
import { BLOCK, connected, LENGTH, out, reinstated, seen, write } from './losing-connections.ts'
import type { PduOf } from './pdu-socket.ts'
import type { RawInitiator } from './raw.ts'
import { acknowledge, reassign, until } from './recovering.ts'
import { expectUp } from './tasks.ts'

const { R2T, SCSI_RESPONSE } = TARGET_OPCODE
const data = pattern(LENGTH, 7)

async function expectMedium(store: HeldStore, expected: Buffer, offset: number): Promise<void> {
  const found = Buffer.alloc(expected.length)
  await store.read(found, 0, found.length, offset)
  expect(found.equals(expected)).toBe(true)
}

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
