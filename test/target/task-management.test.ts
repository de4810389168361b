// Task management functions over many tasks (RFC 7143 11.5, 11.6; SAM-5 7), those that are not there, and their order.

import { describe, expect, test } from 'vitest'
import {
  ASYNC_EVENT,
  encodeLun,
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  INITIATOR_OPCODE,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { TaskAbortedError } from '../../src/host/index.ts'
import { arrayForTest, drainUnitAttentions } from './array.ts'
import { Disk, expectGood, expectSense } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import type { RawInitiator } from './raw.ts'
import { expectUp, loggedIn, manage, OUT, ones, send, taken, WRITE } from './tasks.ts'

const { TASK_MANAGEMENT_RESPONSE, SCSI_RESPONSE, R2T } = TARGET_OPCODE

/** Two sessions on two logical units, each with a write held on both. */
async function held() {
  const stores = [new HeldStore(), new HeldStore()]
  const built = await handBuilt(stores)
  const mine = await loggedIn(built)
  const other = await loggedIn(built)
  for (const store of stores) store.hold()
  const tags = [mine, other].map((raw) => [0, 1].map((lun) => raw.command(WRITE, { ...OUT, lun }, { data: ones })))
  for (const store of stores) await store.untilWaiting(2)
  const release = (): void => {
    for (const store of stores) store.release()
  }
  return { stores, built, mine, other, tags, release }
}

/** The tags of the commands that are answered, all GOOD. */
async function responses(raw: RawInitiator, count: number): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < count; i++) {
    const { header } = await raw.response()
    expect(header.status).toBe(STATUS.GOOD)
    found.push(header.initiatorTaskTag)
  }
  return found.sort((a, b) => a - b)
}

describe('functions over many tasks (RFC 7143 4.2.3.3, 11.5.1)', () => {
  test('ABORT TASK SET: the tasks of this nexus on this logical unit, and no others', async () => {
    const { mine, other, tags, release } = await held()
    const tag = send(mine, FUNCTION.ABORT_TASK_SET, { lun: 0 })
    await mine.expectSilence(30)
    release()
    const pdus = [await mine.takeAny(), await mine.takeAny()]
    const [first, second] = [
      pdus.find(({ header }) => header.opcode === TASK_MANAGEMENT_RESPONSE),
      pdus.find(({ header }) => header.opcode === SCSI_RESPONSE),
    ]
    expect(first?.header).toMatchObject({ initiatorTaskTag: tag, response: RESPONSE.FUNCTION_COMPLETE })
    expect(second?.header).toMatchObject({ initiatorTaskTag: tags[0]![1], status: STATUS.GOOD })
    expect(await responses(other, 2)).toEqual(tags[1])
    await mine.expectSilence(30)
  })

  test('CLEAR TASK SET: the tasks of every nexus on this logical unit; 2Fh/00h for the others', async () => {
    const { mine, other, tags, release } = await held()
    send(mine, FUNCTION.CLEAR_TASK_SET, { lun: 0 })
    await taken(mine)
    release()
    for (let i = 0; i < 2; i++) {
      const { header } = await mine.takeAny()
      if (header.opcode === SCSI_RESPONSE) expect(header.initiatorTaskTag).toBe(tags[0]![1])
      else expect(header).toMatchObject({ opcode: TASK_MANAGEMENT_RESPONSE, response: RESPONSE.FUNCTION_COMPLETE })
    }
    expect(await responses(other, 1)).toEqual([tags[1]![1]])
    await other.expectSilence(30)
    other.command(TEST_UNIT_READY.encode({}))
    const { header, data } = await other.response()
    expect(header.status).toBe(STATUS.CHECK_CONDITION)
    expect([data[2 + 12], data[2 + 13]]).toEqual([SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR.asc, 0])
    await mine.expectSilence(30)
    await expectUp(mine)
  })

  test('CLEAR TASK SET with no task of another nexus: no unit attention for it', async () => {
    const built = await handBuilt([new HeldStore()])
    const [mine, other] = [await loggedIn(built), await loggedIn(built)]
    expect(await manage(mine, FUNCTION.CLEAR_TASK_SET)).toBe(RESPONSE.FUNCTION_COMPLETE)
    await expectUp(other)
  })

  test.each([
    ['LOGICAL UNIT RESET', FUNCTION.LOGICAL_UNIT_RESET, 1],
    ['TARGET WARM RESET', FUNCTION.TARGET_WARM_RESET, 2],
  ])('%s: the tasks of every nexus; the sessions stay', async (_, code, units) => {
    const { mine, other, release, stores } = await held()
    const tag = send(mine, code, { lun: 0 })
    await mine.expectSilence(30)
    release()
    let seen = 0
    for (let i = 0; i < (units === 1 ? 2 : 1); i++) {
      const { header } = await mine.takeAny()
      if (header.opcode === TASK_MANAGEMENT_RESPONSE)
        expect(header).toMatchObject({ initiatorTaskTag: tag, response: RESPONSE.FUNCTION_COMPLETE })
      else seen++
    }
    expect(seen).toBe(units === 1 ? 1 : 0)
    await responses(other, units === 1 ? 1 : 0)
    const writes = stores.map((store) => store.writes.length)
    await other.expectSilence(40)
    await mine.expectSilence(10)
    expect(stores.map((store) => store.writes.length)).toEqual(writes)
    for (const raw of [mine, other]) {
      raw.command(TEST_UNIT_READY.encode({}))
      expect((await raw.response()).header.status).toBe(STATUS.CHECK_CONDITION)
      await expectUp(raw)
    }
  })

  test('TARGET COLD RESET: every session of the target ends; the next has 29h/00h', async () => {
    const { mine, other, built, release } = await held()
    send(mine, FUNCTION.TARGET_COLD_RESET)
    await taken(mine)
    release()
    await mine.expectClosed()
    await other.expectClosed()
    const dropped = { opcode: TARGET_OPCODE.ASYNC_MESSAGE, asyncEvent: ASYNC_EVENT.ALL_CONNECTIONS_DROPPED }
    expect(mine.received.map(({ header }) => header)).toMatchObject([{ opcode: TASK_MANAGEMENT_RESPONSE }, dropped])
    expect(other.received.map(({ header }) => header)).toMatchObject([dropped])
    const fresh = new Disk(await built.connect())
    expectSense(await fresh.run(TEST_UNIT_READY, {}), SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
    expectGood(await fresh.run(TEST_UNIT_READY, {}))
  })
})

describe('what is not there (RFC 7143 11.5.1)', () => {
  test('a LUN that is not there: LUN does not exist', async () => {
    const raw = await (await arrayForTest()).rawSession()
    for (const code of [FUNCTION.ABORT_TASK_SET, FUNCTION.CLEAR_TASK_SET, FUNCTION.LOGICAL_UNIT_RESET])
      expect(await manage(raw, code, { lun: 5 })).toBe(RESPONSE.LUN_DOES_NOT_EXIST)
  })

  test('TASK REASSIGN: not supported; CLEAR ACA, RFC 7144 at iSCSIProtocolLevel 1 and unknown functions: not supported', async () => {
    const raw = await (await arrayForTest()).rawSession()
    expect(await manage(raw, FUNCTION.TASK_REASSIGN)).toBe(RESPONSE.TASK_ALLEGIANCE_REASSIGNMENT_NOT_SUPPORTED)
    for (const code of [
      0,
      FUNCTION.CLEAR_ACA,
      FUNCTION.QUERY_TASK,
      FUNCTION.QUERY_TASK_SET,
      FUNCTION.I_T_NEXUS_RESET,
      100,
      127,
    ])
      expect([RESPONSE.FUNCTION_NOT_SUPPORTED, RESPONSE.FUNCTION_REJECTED]).toContain(await manage(raw, code))
    await expectUp(raw)
  })
})

describe('order', () => {
  test('a function that is not immediate takes a CmdSN and its turn', async () => {
    const array = await arrayForTest()
    const raw = await array.rawSession({ ImmediateData: 'No', InitialR2T: 'Yes' })
    const referencedTaskTag = raw.command(WRITE, OUT)
    await raw.take(R2T)
    const initiatorTaskTag = raw.takeTag()
    const fields = {
      function: FUNCTION.ABORT_TASK,
      initiatorTaskTag,
      cmdSn: raw.cmdSn++,
      referencedTaskTag,
      lun: encodeLun(0),
    }
    raw.send(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, fields)
    const { header } = await raw.take(TASK_MANAGEMENT_RESPONSE)
    expect(header).toMatchObject({ initiatorTaskTag, response: RESPONSE.FUNCTION_COMPLETE, expCmdSn: raw.cmdSn })
  })

  test('functions that pile up are bounded: past the limit a Reject, and the session goes on', async () => {
    const store = new HeldStore()
    const raw = await loggedIn(await handBuilt([store]))
    store.hold()
    raw.command(WRITE, OUT, { data: ones })
    await store.untilWaiting(1)
    for (let i = 0; i < 500; i++) send(raw, FUNCTION.ABORT_TASK_SET, { lun: 0 })
    const rejected = await raw.take(TARGET_OPCODE.REJECT)
    expect(rejected.data[0]! & 0x3f).toBe(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST)
    store.release()
    const counts = { rejected: 1, complete: 0 }
    while (counts.rejected + counts.complete < 500) {
      const { header } = await raw.takeAny()
      if (header.opcode === TASK_MANAGEMENT_RESPONSE) counts.complete++
      else if (header.opcode === TARGET_OPCODE.REJECT) counts.rejected++
      else throw new Error(`PDU ${header.opcode}`)
    }
    expect(counts.complete).toBeGreaterThan(0)
  })

  test('the initiator of this package hears of its aborted tasks', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const disk = await built.disk()
    store.hold()
    const tasks = Array.from({ length: 20 }, (_, lba) =>
      disk.session.submit({ lun: 0, cdb: WRITE_10.encode({ lba, blocks: 1 }), dataOut: ones }),
    )
    await store.untilWaiting(20)
    const reset = disk.session.manage(FUNCTION.LOGICAL_UNIT_RESET, { lun: 0 })
    await disk.session.nop()
    store.release()
    expect(await reset).toBe(RESPONSE.FUNCTION_COMPLETE)
    for (const { result } of tasks) await expect(result).rejects.toBeInstanceOf(TaskAbortedError)
    await drainUnitAttentions(disk)
  })
})
