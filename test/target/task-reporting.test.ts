// TaskReporting (RFC 7143 13.23): the response fence (4.2.2.3) of sessions with several connections, and FastAbort (4.2.3.4).

import { describe, expect, test } from 'vitest'
import {
  ASYNC_EVENT,
  encodeLun,
  encodePersistentReserveOut,
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  INITIATOR_OPCODE,
  PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT,
  PERSISTENT_RESERVE_OUT_REGISTER,
  REJECT_REASON,
  RESERVED_TAG,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'
import { members } from './members.ts'
import type { RawInitiator } from './raw.ts'
import { OUT, ones, send, WRITE } from './tasks.ts'

const { NOP_OUT, LOGOUT_REQUEST } = INITIATOR_OPCODE
const { NOP_IN, R2T, REJECT, SCSI_RESPONSE, ASYNC_MESSAGE, TASK_MANAGEMENT_RESPONSE, LOGOUT_RESPONSE } = TARGET_OPCODE
const TUR = TEST_UNIT_READY.encode({})
const FENCE = { TaskReporting: 'ResponseFence' }
const FAST = { TaskReporting: 'FastAbort' }

interface Setup {
  readonly built: HandBuilt
  readonly store: HeldStore
  readonly a: RawInitiator
  readonly b: RawInitiator
}

async function connected(keys: Record<string, string>): Promise<Setup> {
  const store = new HeldStore()
  const built = await handBuilt([store, new HeldStore()])
  const [a, b] = (await members(built, built.target.iqn, 2, keys, [0, 1])) as [RawInitiator, RawInitiator]
  return { built, store, a, b }
}

/** Tells the target that everything up to this status has been received; its own pings are taken first. */
function acknowledge(raw: RawInitiator, statSn: number, targetTransferTag = RESERVED_TAG): void {
  const { cmdSn } = raw
  const fields = { initiatorTaskTag: RESERVED_TAG, targetTransferTag, lun: encodeLun(0) }
  raw.send(NOP_OUT, { immediate: true, ...fields, cmdSn, expStatSn: (statSn + 1) >>> 0 })
}

/** The target's ping, which asks for an acknowledgement. */
async function pinged(raw: RawInitiator) {
  const { header } = await raw.take(NOP_IN)
  expect(header).toMatchObject({ initiatorTaskTag: RESERVED_TAG })
  expect(header.targetTransferTag).not.toBe(RESERVED_TAG)
  return header
}

/** One status on the connection that is not acknowledged; its StatSN. */
async function status(raw: RawInitiator): Promise<number> {
  raw.command(TUR)
  return (await raw.take(SCSI_RESPONSE)).header.statSn
}

describe('the response fence (RFC 7143 4.2.2.3)', () => {
  test('a response to ABORT TASK SET waits until all before it is acknowledged, those behind it until it is', async () => {
    const { a, b } = await connected(FENCE)
    const onA = await status(a)
    const onB = await status(b)
    const initiatorTaskTag = send(a, FUNCTION.ABORT_TASK_SET)
    const [pingA, pingB] = [await pinged(a), await pinged(b)]
    acknowledge(a, onA, pingA.targetTransferTag)
    await a.expectSilence(30)
    b.command(TUR, { expStatSn: onB }) // acknowledges what came before that status only
    await b.expectSilence(20)
    acknowledge(b, onB, pingB.targetTransferTag)
    const { header } = await a.take(TASK_MANAGEMENT_RESPONSE)
    expect(header).toMatchObject({ initiatorTaskTag, response: RESPONSE.FUNCTION_COMPLETE })
    await b.expectSilence(30) // its status stands behind the fence
    acknowledge(a, header.statSn, (await pinged(a)).targetTransferTag)
    expect((await b.take(SCSI_RESPONSE)).header.status).toBe(STATUS.GOOD)
  })

  test('what has been acknowledged already is not asked for', async () => {
    const { a, b } = await connected(FENCE)
    acknowledge(a, await status(a))
    acknowledge(b, await status(b))
    await b.expectSilence(20)
    send(a, FUNCTION.CLEAR_TASK_SET)
    expect((await a.take(TASK_MANAGEMENT_RESPONSE)).header.response).toBe(RESPONSE.FUNCTION_COMPLETE)
    await b.expectSilence(20)
  })

  test('ABORT TASK, and statuses without a fence, wait for nobody', async () => {
    const { a, b } = await connected(FENCE)
    await status(a)
    await status(b)
    send(a, FUNCTION.ABORT_TASK, { referencedTaskTag: 1 })
    expect((await a.take(TASK_MANAGEMENT_RESPONSE)).header.response).toBe(RESPONSE.TASK_DOES_NOT_EXIST)
    await status(b)
    await a.expectSilence(10)
  })

  test.each([
    ['RFC3720', 2],
    ['ResponseFence', 1],
  ])('TaskReporting %s, %i connections: no fence', async (TaskReporting, count) => {
    const built = await handBuilt([new HeldStore()])
    const all = await members(built, built.target.iqn, count, { TaskReporting })
    for (const raw of all) await status(raw)
    send(all[0]!, FUNCTION.LOGICAL_UNIT_RESET)
    await all[0]!.take(TASK_MANAGEMENT_RESPONSE)
    for (const raw of all) await raw.expectSilence(10)
    all[0]!.command(TUR)
    expect((await all[0]!.take(SCSI_RESPONSE)).header.status).toBe(STATUS.CHECK_CONDITION)
  })

  test('the unit attention of a reset by another session has one; then the others follow', async () => {
    const { built, a, b } = await connected(FENCE)
    acknowledge(a, await status(a))
    const onB = await status(b)
    const [other] = (await members(built, built.target.iqn, 1)) as [RawInitiator]
    send(other, FUNCTION.LOGICAL_UNIT_RESET)
    await other.take(TASK_MANAGEMENT_RESPONSE)
    a.command(TUR)
    const ping = await pinged(b)
    b.command(TUR)
    await a.expectSilence(20)
    acknowledge(b, onB, ping.targetTransferTag)
    const { header } = await a.take(SCSI_RESPONSE)
    expect(header.status).toBe(STATUS.CHECK_CONDITION)
    await b.expectSilence(20)
    acknowledge(a, header.statSn, (await pinged(a)).targetTransferTag)
    expect((await b.take(SCSI_RESPONSE)).header.status).toBe(STATUS.GOOD)
  })

  test('PREEMPT AND ABORT has one', async () => {
    const { a, b } = await connected(FENCE)
    const reserve = (cdb: Buffer, lists: { reservationKey: bigint; serviceActionReservationKey: bigint }): void => {
      const data = encodePersistentReserveOut(lists)
      a.command(cdb, { write: true, expectedDataTransferLength: data.length }, { data })
    }
    const parameterListLength = 24
    reserve(PERSISTENT_RESERVE_OUT_REGISTER.encode({ parameterListLength }), {
      reservationKey: 0n,
      serviceActionReservationKey: 1n,
    })
    acknowledge(a, (await a.take(SCSI_RESPONSE)).header.statSn)
    const onB = await status(b)
    reserve(PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT.encode({ parameterListLength, type: 1 }), {
      reservationKey: 1n,
      serviceActionReservationKey: 1n,
    })
    const ping = await pinged(b)
    await a.expectSilence(20)
    acknowledge(b, onB, ping.targetTransferTag)
    const pdus = [await a.takeAny(), await a.takeAny()].map(({ header }) => header.opcode)
    expect(pdus.sort()).toEqual([NOP_IN, SCSI_RESPONSE])
  })

  test('a connection that is logged out is not waited for', async () => {
    const { a, b } = await connected(FENCE)
    acknowledge(a, await status(a))
    await status(b)
    send(a, FUNCTION.ABORT_TASK_SET)
    await pinged(b)
    await a.expectSilence(20)
    b.send(LOGOUT_REQUEST, { immediate: true, reason: 1, cid: 1, initiatorTaskTag: b.takeTag(), cmdSn: b.cmdSn })
    await b.take(LOGOUT_RESPONSE)
    expect((await a.take(TASK_MANAGEMENT_RESPONSE)).header.response).toBe(RESPONSE.FUNCTION_COMPLETE)
    await status(a)
  })

  test('what waits behind it is bounded: the window closes, immediate commands are rejected', async () => {
    const { built, a, b } = await connected(FENCE)
    await status(b)
    send(a, FUNCTION.ABORT_TASK_SET)
    await pinged(b)
    for (let i = 0; i < 300; i++) b.command(TUR)
    for (let i = 0; i < 300; i++) b.command(TUR, { immediate: true })
    const reject = await b.take(REJECT)
    expect(reject.header).toMatchObject({ reason: REJECT_REASON.IMMEDIATE_COMMAND_REJECT })
    expect(reject.header.maxCmdSn).toBe((reject.header.expCmdSn - 1) >>> 0)
    b.destroy()
    await a.expectClosed()
    await built.close()
    expect(built.host.pool.used).toBe(0)
  })
})

describe('FastAbort (RFC 7143 4.2.3.4)', () => {
  /** A write that waits for its data on each connection, at LUN 1; its R2T. */
  async function waiting(raw: RawInitiator) {
    raw.command(WRITE, { ...OUT, lun: 1 })
    return (await raw.take(R2T)).header
  }

  const KEYS = { ImmediateData: 'No', InitialR2T: 'Yes' }

  test('connections other than the one of the function hear which logical unit’s tasks end', async () => {
    const { a, b } = await connected({ ...KEYS, ...FAST })
    await waiting(a)
    const r2t = await waiting(b)
    const tag = send(a, FUNCTION.ABORT_TASK_SET, { lun: 1 })
    const told = await b.take(ASYNC_MESSAGE)
    expect(told.header).toMatchObject({ asyncEvent: ASYNC_EVENT.TASKS_TERMINATED, statSn: b.expStatSn })
    expect(told.header.lun).toEqual(encodeLun(1))
    b.dataOut({ initiatorTaskTag: r2t.initiatorTaskTag, targetTransferTag: r2t.targetTransferTag }, ones)
    acknowledge(b, told.header.statSn)
    expect((await a.take(TASK_MANAGEMENT_RESPONSE)).header.initiatorTaskTag).toBe(tag)
    expect(b.received.filter(({ header }) => header.opcode !== NOP_IN)).toEqual([])
  })

  test('the other sessions whose tasks a reset ends hear it, if they have FastAbort', async () => {
    const { built, a } = await connected({ ...KEYS, ...FAST })
    const [fast] = (await members(built, built.target.iqn, 1, { ...KEYS, ...FAST }, [0, 1])) as [RawInitiator]
    const [idle] = (await members(built, built.target.iqn, 1, { ...KEYS, ...FAST }, [0, 1])) as [RawInitiator]
    const [fence] = (await members(built, built.target.iqn, 1, { ...KEYS, ...FENCE }, [0, 1])) as [RawInitiator]
    await waiting(fast)
    await waiting(fence)
    send(a, FUNCTION.TARGET_WARM_RESET)
    const { header } = await fast.take(ASYNC_MESSAGE)
    expect(header).toMatchObject({ asyncEvent: ASYNC_EVENT.TASKS_TERMINATED, lun: encodeLun(1) })
    for (const raw of [fast, idle, fence]) await raw.expectSilence(20)
  })

  test.each(['RFC3720', 'ResponseFence'])('TaskReporting %s: nobody hears anything', async (TaskReporting) => {
    const { a, b } = await connected({ ...KEYS, TaskReporting })
    await waiting(b)
    send(a, FUNCTION.LOGICAL_UNIT_RESET, { lun: 1 })
    await a.takeAny()
    for (const { header } of b.received) expect(header.opcode).toBe(NOP_IN)
  })

  test('ABORT TASK is not among the functions that tell', async () => {
    const { a, b, store } = await connected(FAST)
    store.hold()
    const referencedTaskTag = b.command(WRITE_10.encode({ blocks: 1 }), OUT, { data: ones })
    await store.untilWaiting(1)
    send(a, FUNCTION.ABORT_TASK, { referencedTaskTag })
    await a.expectSilence(20)
    store.release()
    expect((await a.take(TASK_MANAGEMENT_RESPONSE)).header.response).toBe(RESPONSE.FUNCTION_COMPLETE)
    await b.expectSilence(20)
  })
})
