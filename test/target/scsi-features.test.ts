// RFC 7144 (iSCSI SCSI Features Update) and SAM-5 7: QUERY TASK, QUERY TASK SET, I_T NEXUS RESET, QUERY ASYNCHRONOUS EVENT, for
// sessions with an iSCSIProtocolLevel of 2.

import { describe, expect, test } from 'vitest'
import {
  decodeSupportedTmfs,
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  INQUIRY,
  REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
  RESERVE_6,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../protocol/index.ts'
import { memory } from './array.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { members } from './members.ts'
import type { RawInitiator } from './raw.ts'
import { expectUp, manage, OUT, ones, send, WRITE } from './tasks.ts'

const { TASK_MANAGEMENT_RESPONSE } = TARGET_OPCODE
const LEVEL_2 = { iSCSIProtocolLevel: '2' }
const TUR = TEST_UNIT_READY.encode({})

async function connected(keys: Record<string, string> = LEVEL_2, count = 1) {
  const store = new HeldStore()
  const built = await handBuilt([store, new HeldStore()], memory())
  const all = await members(built, built.target.iqn, count, keys, [0, 1])
  return { built, store, all, raw: all[0]! }
}

async function query(raw: RawInitiator, lun = 0): Promise<{ response: number; information: number }> {
  send(raw, FUNCTION.QUERY_ASYNCHRONOUS_EVENT, { lun })
  const { header } = await raw.take(TASK_MANAGEMENT_RESPONSE)
  raw.expStatSn++
  return { response: header.response, information: header.additionalResponseInformation }
}

async function supported(raw: RawInitiator) {
  raw.command(REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS.encode({ allocationLength: 16 }), {
    read: true,
    expectedDataTransferLength: 16,
  })
  const { data } = await raw.take(TARGET_OPCODE.DATA_IN)
  raw.expStatSn++
  return decodeSupportedTmfs(data)
}

describe.each([
  ['not offered', {}, false],
  ['1', { iSCSIProtocolLevel: '1' }, false],
  ['2', LEVEL_2, true],
  ['31, of which 2 is left', { iSCSIProtocolLevel: '31' }, true],
])('iSCSIProtocolLevel %s', (_, keys, there) => {
  test(`the functions are ${there ? 'there' : 'not supported'}, and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS says so`, async () => {
    const { raw } = await connected(keys)
    for (const code of [FUNCTION.QUERY_TASK, FUNCTION.QUERY_TASK_SET, FUNCTION.QUERY_ASYNCHRONOUS_EVENT])
      expect(await manage(raw, code)).toBe(there ? RESPONSE.FUNCTION_COMPLETE : RESPONSE.FUNCTION_NOT_SUPPORTED)
    expect(await supported(raw)).toMatchObject({
      abortTask: true,
      abortTaskSet: true,
      clearTaskSet: true,
      logicalUnitReset: true,
      queryTask: there,
      queryTaskSet: there,
      queryAsynchronousEvent: there,
      iTNexusReset: there,
    })
    expect(await manage(raw, 13)).toBe(RESPONSE.FUNCTION_NOT_SUPPORTED)
  })
})

describe('QUERY TASK', () => {
  test('a task that runs, on this connection and on the other: succeeded; afterwards: complete', async () => {
    const { store, all } = await connected(LEVEL_2, 2)
    const [a, b] = all as [RawInitiator, RawInitiator]
    store.hold()
    const referencedTaskTag = a.command(WRITE, OUT, { data: ones })
    await store.untilWaiting(1)
    for (const raw of [a, b])
      expect(await manage(raw, FUNCTION.QUERY_TASK, { referencedTaskTag })).toBe(RESPONSE.FUNCTION_SUCCEEDED)
    expect(await manage(a, FUNCTION.QUERY_TASK, { referencedTaskTag, lun: 1 })).toBe(RESPONSE.FUNCTION_COMPLETE)
    expect(await manage(a, FUNCTION.QUERY_TASK, { referencedTaskTag: 1 })).toBe(RESPONSE.FUNCTION_COMPLETE)
    store.release()
    expect((await a.response()).header.status).toBe(STATUS.GOOD)
    expect(await manage(a, FUNCTION.QUERY_TASK, { referencedTaskTag })).toBe(RESPONSE.FUNCTION_COMPLETE)
  })

  test('a LUN that is not there: LUN does not exist', async () => {
    const { raw } = await connected()
    for (const code of [FUNCTION.QUERY_TASK, FUNCTION.QUERY_TASK_SET, FUNCTION.QUERY_ASYNCHRONOUS_EVENT])
      expect(await manage(raw, code, { lun: 9 })).toBe(RESPONSE.LUN_DOES_NOT_EXIST)
  })
})

describe('QUERY TASK SET', () => {
  test('tasks of this nexus at this logical unit, not of others', async () => {
    const { built, store, raw } = await connected()
    const other = (await members(built, built.target.iqn, 1, LEVEL_2))[0]!
    store.hold()
    raw.command(WRITE, OUT, { data: ones })
    await store.untilWaiting(1)
    expect(await manage(raw, FUNCTION.QUERY_TASK_SET)).toBe(RESPONSE.FUNCTION_SUCCEEDED)
    expect(await manage(raw, FUNCTION.QUERY_TASK_SET, { lun: 1 })).toBe(RESPONSE.FUNCTION_COMPLETE)
    expect(await manage(other, FUNCTION.QUERY_TASK_SET)).toBe(RESPONSE.FUNCTION_COMPLETE)
    store.release()
  })
})

describe('QUERY ASYNCHRONOUS EVENT', () => {
  test('the unit attention that is pending, and whether there are more; it stays', async () => {
    const { built, raw } = await connected()
    const other = (await members(built, built.target.iqn, 1, LEVEL_2))[0]!
    expect(await query(raw)).toEqual({ response: RESPONSE.FUNCTION_COMPLETE, information: 0 })
    await manage(other, FUNCTION.LOGICAL_UNIT_RESET)
    for (let times = 0; times < 2; times++)
      expect(await query(raw)).toEqual({ response: RESPONSE.FUNCTION_SUCCEEDED, information: 0x16_29_03 })
    await manage(other, FUNCTION.I_T_NEXUS_RESET)
    built.units[0]!.unitAttentions.establishForAll({ key: 6, asc: 0x2a, ascq: 0x01, text: '' })
    expect(await query(raw)).toEqual({ response: RESPONSE.FUNCTION_SUCCEEDED, information: 0x26_29_03 })
    raw.command(TUR)
    const { header, data } = await raw.response()
    expect([header.status, data[2 + 12], data[2 + 13]]).toEqual([STATUS.CHECK_CONDITION, 0x29, 0x03])
    expect(await query(raw)).toEqual({ response: RESPONSE.FUNCTION_SUCCEEDED, information: 0x16_2a_01 })
  })
})

describe('I_T NEXUS RESET', () => {
  test('the tasks of all connections end, at all logical units; 29h/07h at each; the session stays', async () => {
    const { store, all } = await connected(LEVEL_2, 2)
    const [a, b] = all as [RawInitiator, RawInitiator]
    store.hold()
    a.command(WRITE, OUT, { data: ones })
    b.command(WRITE_10.encode({ lba: 1, blocks: 1 }), OUT, { data: ones })
    await store.untilWaiting(2)
    const initiatorTaskTag = send(a, FUNCTION.I_T_NEXUS_RESET)
    await a.expectSilence(30)
    store.release()
    expect((await a.take(TASK_MANAGEMENT_RESPONSE)).header).toMatchObject({
      initiatorTaskTag,
      response: RESPONSE.FUNCTION_COMPLETE,
    })
    await b.expectSilence(20)
    for (const lun of [0, 1]) {
      b.command(TUR, { lun })
      const { header, data } = await b.response()
      expect([header.status, data[2 + 12], data[2 + 13]]).toEqual([STATUS.CHECK_CONDITION, 0x29, 0x07])
    }
    await expectUp(b)
  })

  test('a RESERVE of the nexus is released; another nexus keeps its own, and its tasks', async () => {
    const { built, store, raw } = await connected()
    const other = (await members(built, built.target.iqn, 1, LEVEL_2, [0, 1]))[0]!
    raw.command(RESERVE_6.encode({}), { lun: 1 })
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
    store.hold()
    const running = other.command(WRITE, OUT, { data: ones })
    await store.untilWaiting(1)
    expect(await manage(raw, FUNCTION.I_T_NEXUS_RESET)).toBe(RESPONSE.FUNCTION_COMPLETE)
    other.command(TUR, { lun: 1 })
    expect((await other.response()).header.status).toBe(STATUS.GOOD)
    store.release()
    expect((await other.response()).header).toMatchObject({ initiatorTaskTag: running, status: STATUS.GOOD })
    raw.command(INQUIRY.encode({ allocationLength: 36 }), { read: true, expectedDataTransferLength: 36 })
    expect((await raw.take(TARGET_OPCODE.DATA_IN)).header.status).toBe(STATUS.GOOD)
  })
})
