// CmdSN, ExpCmdSN and MaxCmdSN (RFC 7143 4.2.2.1): what is outside the window or there already is dropped in silence, order is
// kept, immediate commands stand beside it; and task tags that are in use (11.2.1.8).

import { beforeAll, describe, expect, test } from 'vitest'
import {
  distance,
  INITIATOR_OPCODE,
  lessThan,
  READ_10,
  REJECT_REASON,
  RESERVED_TAG,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import type { RawInitiator } from './raw.ts'

const TUR = TEST_UNIT_READY.encode({})
const { SCSI_RESPONSE, REJECT, R2T, NOP_IN } = TARGET_OPCODE

let array: TestArray

beforeAll(async () => {
  array = await openArray([memory()])
  return () => array.close()
})

async function expectGood(raw: RawInitiator): Promise<void> {
  const initiatorTaskTag = raw.command(TUR)
  expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
}

/** ExpCmdSN and MaxCmdSN as they stand. */
async function windowOf(raw: RawInitiator): Promise<{ expCmdSn: number; maxCmdSn: number }> {
  raw.send(INITIATOR_OPCODE.NOP_OUT, {
    immediate: true,
    initiatorTaskTag: raw.takeTag(),
    targetTransferTag: RESERVED_TAG,
    cmdSn: raw.cmdSn,
  })
  return (await raw.take(NOP_IN)).header
}

describe('outside the window (RFC 7143 4.2.2.1)', () => {
  test('CmdSN too high, MaxCmdSN + 1: no answer, the connection stays, the next one is GOOD', async () => {
    const raw = await array.rawSession()
    const { maxCmdSn } = await windowOf(raw)
    for (const ahead of [1, 2, 1000, 2 ** 31 - 1]) raw.command(TUR, { cmdSn: (maxCmdSn + ahead) >>> 0 })
    await raw.expectSilence()
    await expectGood(raw)
  })

  test('CmdSN too low, ExpCmdSN - 1: the same', async () => {
    const raw = await array.rawSession()
    for (const behind of [1, 2, 1000]) raw.command(TUR, { cmdSn: (raw.cmdSn - behind) >>> 0 })
    await raw.expectSilence()
    await expectGood(raw)
  })

  test('its data are dropped with it: immediate data, and Data-Out after it', async () => {
    const raw = await array.rawSession()
    const write = WRITE_10.encode({ blocks: 2 })
    const fields = { write: true, final: false, expectedDataTransferLength: 1024, cmdSn: (raw.cmdSn - 1) >>> 0 }
    const initiatorTaskTag = raw.command(write, fields, { data: Buffer.alloc(512, 1) })
    raw.dataOut({ initiatorTaskTag, bufferOffset: 512 }, Buffer.alloc(512, 1))
    await raw.expectSilence()
    raw.command(READ_10.encode({ blocks: 2 }), { read: true, expectedDataTransferLength: 1024 })
    expect((await raw.take(TARGET_OPCODE.DATA_IN)).data).toEqual(Buffer.alloc(1024))
  })

  test('a CmdSN twice: the second is dropped', async () => {
    const raw = await array.rawSession()
    const { cmdSn } = raw
    await expectGood(raw)
    raw.command(TUR, { cmdSn })
    await raw.expectSilence()
    await expectGood(raw)
  })

  test('NOP-Out, Text and Task Management that are not immediate obey it too', async () => {
    const raw = await array.rawSession()
    const cmdSn = (raw.cmdSn - 1) >>> 0
    raw.send(INITIATOR_OPCODE.NOP_OUT, { initiatorTaskTag: 1, targetTransferTag: RESERVED_TAG, cmdSn })
    raw.send(INITIATOR_OPCODE.TEXT_REQUEST, {
      final: true,
      initiatorTaskTag: 2,
      targetTransferTag: RESERVED_TAG,
      cmdSn,
    })
    raw.send(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, { function: 5, initiatorTaskTag: 3, cmdSn })
    await raw.expectSilence()
    raw.send(INITIATOR_OPCODE.NOP_OUT, { initiatorTaskTag: 4, targetTransferTag: RESERVED_TAG, cmdSn: raw.cmdSn++ })
    expect((await raw.take(NOP_IN)).header).toMatchObject({ initiatorTaskTag: 4, expCmdSn: raw.cmdSn })
    await expectGood(raw)
  })
})

describe('order', () => {
  test('nothing is carried out before its turn; what came early is answered when the gap closes', async () => {
    const raw = await array.rawSession()
    const first = raw.cmdSn
    const early = raw.command(TUR, { cmdSn: first + 1 })
    await raw.expectSilence()
    const late = raw.command(TUR, { cmdSn: first })
    expect((await raw.response()).header.initiatorTaskTag).toBe(late)
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag: early, expCmdSn: first + 2 })
    raw.cmdSn = first + 2
    await expectGood(raw)
  })

  test('many commands in one segment: StatSN and ExpCmdSN count them one by one', async () => {
    const raw = await array.rawSession()
    const count = 100
    const { expStatSn } = raw
    raw.socket.cork()
    for (let i = 0; i < count; i++) raw.command(TUR)
    raw.socket.uncork()
    for (let i = 0; i < count; i++) {
      const { header } = await raw.response()
      expect(header.statSn).toBe((expStatSn + i) >>> 0)
      expect(lessThan(header.maxCmdSn + 1, header.expCmdSn)).toBe(false)
    }
    expect((await windowOf(raw)).expCmdSn).toBe(raw.cmdSn)
  })
})

describe('immediate commands (RFC 7143 4.2.2.1)', () => {
  test('are carried out at once and leave ExpCmdSN alone', async () => {
    const raw = await array.rawSession()
    for (const cmdSn of [raw.cmdSn, raw.cmdSn + 7]) {
      raw.command(TUR, { immediate: true, cmdSn })
      expect((await raw.response()).header).toMatchObject({ status: STATUS.GOOD, expCmdSn: raw.cmdSn })
    }
    await expectGood(raw)
  })
})

describe('a window that closes', () => {
  test('MaxCmdSN lets in no more than it said, never goes back, and opens as commands end (RFC 7143 4.2.2.1)', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const raw = await built.raw()
    await raw.login(built.target.iqn)
    raw.command(TUR)
    await raw.response() // the unit attention
    const { expCmdSn, maxCmdSn } = await windowOf(raw)
    const size = distance(expCmdSn, maxCmdSn) + 1
    store.hold()
    const read = { read: true, expectedDataTransferLength: 512 }
    for (let i = 0; i < size + 20; i++) raw.command(READ_10.encode({ lba: i, blocks: 1 }), read)
    await store.untilWaiting(size)
    const closed = await windowOf(raw)
    expect(closed.maxCmdSn).toBe(maxCmdSn)
    expect(closed.expCmdSn).toBe((maxCmdSn + 1) >>> 0)
    expect(store.waiting).toBe(size)
    store.release()
    let last = maxCmdSn
    for (let ended = 0; ended < size; ) {
      const { header } = await raw.takeAny()
      if (!('maxCmdSn' in header)) throw new Error('not a PDU of a target')
      expect(lessThan(header.maxCmdSn, last)).toBe(false)
      last = header.maxCmdSn
      if (header.opcode === SCSI_RESPONSE || (header.opcode === TARGET_OPCODE.DATA_IN && header.hasStatus)) ended++
    }
    await raw.expectSilence() // the 20 that were outside
    const open = await windowOf(raw)
    expect(distance(open.expCmdSn, open.maxCmdSn) + 1).toBe(size)
    raw.cmdSn = open.expCmdSn
    await expectGood(raw)
  })
})

describe('initiator task tags', () => {
  test('a tag in use by a command that waits for data: Reject, task in progress; the first one goes on', async () => {
    const raw = await array.rawSession({ ImmediateData: 'No', InitialR2T: 'Yes' })
    const write = { write: true, expectedDataTransferLength: 512 }
    const initiatorTaskTag = raw.command(WRITE_10.encode({ blocks: 1 }), write)
    const r2t = await raw.take(R2T)
    raw.command(TUR, { initiatorTaskTag })
    const reject = await raw.take(REJECT)
    expect(reject.header.reason).toBe(REJECT_REASON.TASK_IN_PROGRESS)
    expect(reject.data.readUInt32BE(16)).toBe(initiatorTaskTag)
    raw.expStatSn++
    raw.dataOut({ initiatorTaskTag, targetTransferTag: r2t.header.targetTransferTag }, Buffer.alloc(512, 3))
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag, status: STATUS.GOOD })
    raw.cmdSn = (await windowOf(raw)).expCmdSn
    await expectGood(raw)
  })

  test('a tag can be used again once its command has ended', async () => {
    const raw = await array.rawSession()
    for (let i = 0; i < 5; i++) {
      raw.command(TUR, { initiatorTaskTag: 77 })
      expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    }
  })

  test('the reserved tag on a command: Reject', async () => {
    const raw = await array.rawSession()
    raw.command(TUR, { initiatorTaskTag: RESERVED_TAG })
    expect((await raw.take(REJECT)).data.length).toBe(48)
    raw.cmdSn = (await windowOf(raw)).expCmdSn
    raw.expStatSn++
    await expectGood(raw)
  })
})

test('StatSN: one for each status, none for R2T and Data-In without status (RFC 7143 4.2.2.2)', async () => {
  const raw = await array.rawSession({ ImmediateData: 'No', InitialR2T: 'Yes' })
  const write = { write: true, expectedDataTransferLength: 512 }
  const initiatorTaskTag = raw.command(WRITE_10.encode({ blocks: 1 }), write)
  const { header } = await raw.take(R2T)
  expect(header.statSn).toBe(raw.expStatSn) // the next one, not taken
  raw.dataOut({ initiatorTaskTag, targetTransferTag: header.targetTransferTag }, Buffer.alloc(512))
  const { statSn } = (await raw.take(SCSI_RESPONSE)).header
  expect(statSn).toBe(header.statSn)
})
