// RECEIVE COPY OPERATING PARAMETERS (84h/03h, SPC-4 6.23), RECEIVE COPY STATUS, DATA and FAILURE DETAILS (84h/00h, 01h, 04h, 05h,
// 06h, SPC-4 6.20 to 6.25): what the copy manager accepts, and what became of a copy.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  COPY_STATUS,
  COPY_STATUS_LID4,
  type Designator,
  decodeCopyData,
  decodeCopyDataLid4,
  decodeCopyFailure,
  decodeCopyStatus,
  decodeCopyStatusLid4,
  decodeOperatingParameters,
  decodeSense,
  decodeThirdPartyCopy,
  EXTENDED_COPY_LID4,
  encodeCopyListLid4,
  INQUIRY,
  LIST_ID_USAGE,
  type OperatingParameters,
  RECEIVE_COPY_DATA_LID1,
  RECEIVE_COPY_DATA_LID4,
  RECEIVE_COPY_FAILURE_DETAILS_LID1,
  RECEIVE_COPY_OPERATING_PARAMETERS,
  RECEIVE_COPY_STATUS_LID1,
  RECEIVE_COPY_STATUS_LID4,
  SENSE,
  STATUS,
  TASK_MANAGEMENT_FUNCTION,
  VPD_PAGE,
} from '../../../protocol/index.ts'
import { drainUnitAttentions, memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectSense } from '../disk.ts'
import { HeldStore, handBuilt } from '../hand-built.ts'
import { copyList, cscd, naaOf, segment, sendCopy } from './copy-list.ts'

let array: TestArray
let disk: Disk
let here: Designator

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1, limits: { copySegmentBytes: '16MiB' } }),
    memory({ id: 2, vaai: { clone: false } }),
  ])
  disk = await array.disk()
  here = await naaOf(disk)
  return () => array.close()
})

async function parametersOf(on: Disk): Promise<OperatingParameters> {
  const io = { dataInLength: 255 }
  const result = await on.run(RECEIVE_COPY_OPERATING_PARAMETERS, { allocationLength: 255 }, io)
  return decodeOperatingParameters(expectGood(result).data)
}

const statusOf = (listId: number, on = disk) =>
  on.run(RECEIVE_COPY_STATUS_LID1, { listId, allocationLength: 12 }, { dataInLength: 12 })

const detailsOf = (listId: number) =>
  disk.run(RECEIVE_COPY_FAILURE_DETAILS_LID1, { listId, allocationLength: 255 }, { dataInLength: 255 })

const lid4 = (cdb: typeof RECEIVE_COPY_STATUS_LID4 | typeof RECEIVE_COPY_DATA_LID4, listId: number, on = disk) =>
  on.run(cdb, { listId, allocationLength: 255 } as never, { dataInLength: 255 })

const LID4 = { str: false, listIdUsage: LIST_ID_USAGE.HOLD, priority: 0, gSense: false, immed: false }

const copy = (listId: number, listIdUsage: number, on = disk, source = 0) =>
  sendCopy(on, copyList([cscd(here)], [segment(0, 1, 1), segment(0, 2, 7, { source })], { listId, listIdUsage }))

describe('RECEIVE COPY OPERATING PARAMETERS', () => {
  test('SNLID, two CSCDs and one segment at least, 02h, 07h, 0Ah, 14h and E4h ascending; segments of 16 MiB at least (ESXi)', async () => {
    for (const on of [disk, await array.disk(1)]) {
      const parameters = await parametersOf(on)
      expect(parameters.snlid).toBe(true)
      expect(parameters.implementedDescriptors).toEqual([0x02, 0x07, 0x0a, 0x14, 0xe4])
      expect(parameters.maximumCscdDescriptorCount).toBeGreaterThanOrEqual(2)
      expect(parameters.maximumSegmentDescriptorCount).toBeGreaterThanOrEqual(1)
      expect(parameters.maximumSegmentLength).toBeGreaterThanOrEqual(16 * 2 ** 20)
      expect(parameters.dataSegmentGranularity).toBe(0)
      expect(parameters.totalConcurrentCopies).toBeGreaterThanOrEqual(parameters.maximumConcurrentCopies)
      expect(parameters.maximumConcurrentCopies).toBeGreaterThanOrEqual(1)
    }
  })

  test('the limits are those that EXTENDED COPY enforces: at each of them GOOD, one more refused', async () => {
    const {
      maximumCscdDescriptorCount: cscds,
      maximumSegmentDescriptorCount: segments,
      maximumDescriptorListLength,
    } = await parametersOf(disk)
    const send = (c: number, s: number) =>
      sendCopy(disk, copyList(Array(c).fill(cscd(here)), Array(s).fill(segment(0, 0, 0))))
    expectGood(await send(cscds, 1))
    expectGood(await send(1, segments))
    expect((await send(cscds + 1, 1)).sense?.sense).toEqual(SENSE.TOO_MANY_CSCD_DESCRIPTORS)
    expect((await send(1, segments + 1)).sense?.sense).toEqual(SENSE.TOO_MANY_SEGMENT_DESCRIPTORS)
    // What libiscsi sends must not hit the length first (conformance.md, DescrLimits).
    expect(maximumDescriptorListLength).toBeGreaterThanOrEqual(32 * (cscds + 1) + 28)
    expect(maximumDescriptorListLength).toBeGreaterThanOrEqual(32 + 28 * (segments + 1))
  })

  test('the data is as long as it says, whatever the allocation length cuts', async () => {
    const all = expectGood(
      await disk.run(RECEIVE_COPY_OPERATING_PARAMETERS, { allocationLength: 1000 }, { dataInLength: 1000 }),
    ).data
    expect(all.readUInt32BE(0)).toBe(all.length - 4)
    expect(all.readUInt32BE(0)).toBeGreaterThanOrEqual(40)
    for (const allocationLength of [0, 4, 43]) {
      const io = { dataInLength: allocationLength }
      const { data } = expectGood(await disk.run(RECEIVE_COPY_OPERATING_PARAMETERS, { allocationLength }, io))
      expect(data).toEqual(all.subarray(0, allocationLength))
    }
  })
})

describe('RECEIVE COPY STATUS(LID1)', () => {
  test('a list identifier that was never used: INVALID FIELD IN CDB, pointer to byte 2', async () => {
    expectCdbField(await statusOf(200), RECEIVE_COPY_STATUS_LID1, 'listId')
  })

  test.each([
    ['hold', LIST_ID_USAGE.HOLD],
    ['may discard', LIST_ID_USAGE.DISCARD],
  ])('completed, usage %s: segments and bytes', async (_, usage) => {
    expectGood(await copy(1, usage))
    const { data } = expectGood(await statusOf(1))
    expect(data.readUInt32BE(0)).toBeGreaterThanOrEqual(8)
    expect(decodeCopyStatus(data)).toEqual({ status: COPY_STATUS.completed, segments: 2, transferred: 4096 })
  })

  test('failed: the segments done before', async () => {
    expect((await copy(2, LIST_ID_USAGE.HOLD, disk, 5)).sense?.sense).toEqual(SENSE.UNREACHABLE_COPY_TARGET)
    const { data } = expectGood(await statusOf(2))
    expect(decodeCopyStatus(data)).toEqual({ status: COPY_STATUS.failed, segments: 1, transferred: 512 })
  })

  test('a list identifier used again: the latest copy counts', async () => {
    await copy(3, LIST_ID_USAGE.HOLD, disk, 5)
    expectGood(await copy(3, LIST_ID_USAGE.HOLD))
    expect(decodeCopyStatus((await statusOf(3)).data).status).toBe(COPY_STATUS.completed)
  })

  test('the results are of the I_T nexus alone, and end with it', async () => {
    expectGood(await copy(4, LIST_ID_USAGE.HOLD))
    const isid = Buffer.from('800000000042', 'hex')
    const other = await array.disk(0, { isid })
    expectCdbField(await statusOf(4, other), RECEIVE_COPY_STATUS_LID1, 'listId')
    expectGood(await copy(5, LIST_ID_USAGE.HOLD, other))
    expectGood(await statusOf(5, other))
    await other.session.logout()
    const again = await array.disk(0, { isid })
    expectCdbField(await statusOf(5, again), RECEIVE_COPY_STATUS_LID1, 'listId')
  })

  test('they are dropped at logical unit reset', async () => {
    expectGood(await copy(6, LIST_ID_USAGE.HOLD))
    await disk.session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET, { lun: 0 })
    await drainUnitAttentions(disk)
    expectCdbField(await statusOf(6), RECEIVE_COPY_STATUS_LID1, 'listId')
  })

  test('running: told as such; its list identifier is in use for this nexus, not for another', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const [mine, other] = [await built.disk(), await built.disk()]
    await mine.write(0, Buffer.alloc(512, 1))
    const naa = await naaOf(mine)
    const list = (listId: number) =>
      copyList([cscd(naa)], [segment(0, 1, 1)], { listId, listIdUsage: LIST_ID_USAGE.HOLD })
    store.hold()
    const copying = sendCopy(mine, list(7))
    await store.untilWaiting(1)
    expect(decodeCopyStatus(expectGood(await statusOf(7, mine)).data)).toMatchObject({ status: COPY_STATUS.running })
    expectSense(await sendCopy(mine, list(7)), SENSE.OPERATION_IN_PROGRESS)
    const another = sendCopy(other, list(7))
    await other.session.nop()
    store.release()
    expectGood(await copying)
    expectGood(await another)
    expect(decodeCopyStatus((await statusOf(7, mine)).data).status).toBe(COPY_STATUS.completed)
  })

  test('usage 11b leaves nothing', async () => {
    expectGood(await sendCopy(disk, copyList([cscd(here)], [segment(0, 1, 1)])))
    expectCdbField(await statusOf(0), RECEIVE_COPY_STATUS_LID1, 'listId')
  })
})

describe('each account is given once (SPC-4 6.24, 6.22)', () => {
  test('LID1: the status of a copy that has ended, however much of it is taken; LID4: as often as it is asked for', async () => {
    expectGood(await copy(20, LIST_ID_USAGE.HOLD))
    for (const allocationLength of [0, 4, 11, 12]) {
      const io = { dataInLength: 12 }
      const { data } = expectGood(await disk.run(RECEIVE_COPY_STATUS_LID1, { listId: 20, allocationLength }, io))
      expect(data.length).toBe(allocationLength)
      expectCdbField(await statusOf(20), RECEIVE_COPY_STATUS_LID1, 'listId')
      expectGood(await copy(20, LIST_ID_USAGE.HOLD))
    }
    for (let i = 0; i < 3; i++) expectGood(await lid4(RECEIVE_COPY_STATUS_LID4, 20))
  })

  test('failure details: the status and the sense data that the copy ended with, beside its status', async () => {
    const failed = await copy(21, LIST_ID_USAGE.HOLD, disk, 5)
    expectGood(await statusOf(21))
    const { status, sense } = decodeCopyFailure(expectGood(await detailsOf(21)).data)!
    expect(status).toBe(STATUS.CHECK_CONDITION)
    expect(decodeSense(sense)).toEqual(failed.sense)
    expect(decodeSense(sense).commandSpecific).toBe(1n)
    expect(expectGood(await detailsOf(21)).data).toEqual(Buffer.alloc(4))
  })

  test('failure details of a copy that has not failed: AVAILABLE DATA of zero; of one that is not known', async () => {
    expectGood(await copy(22, LIST_ID_USAGE.HOLD))
    for (let i = 0; i < 2; i++) expect(expectGood(await detailsOf(22)).data).toEqual(Buffer.alloc(4))
    expectCdbField(await detailsOf(99), RECEIVE_COPY_FAILURE_DETAILS_LID1, 'listId')
  })

  test('255 results are kept for a nexus; the oldest makes room', async () => {
    const own = await array.disk()
    for (let listId = 1; listId <= 255; listId++) expectGood(await copy(listId, LIST_ID_USAGE.HOLD, own))
    const lid4List = encodeCopyListLid4({ ...LID4, listId: 256, segments: [segment(0, 1, 1)], cscds: [cscd(here)] })
    expectGood(await own.run(EXTENDED_COPY_LID4, { parameterListLength: lid4List.length }, { dataOut: lid4List }))
    expectCdbField(await statusOf(1, own), RECEIVE_COPY_STATUS_LID1, 'listId')
    expectGood(await statusOf(2, own))
    expectGood(await lid4(RECEIVE_COPY_STATUS_LID4, 256, own))
  })
})

describe('RECEIVE COPY DATA(LID1) and (LID4): no segment here holds data', () => {
  test('of a copy that has ended: none, as often as asked while it is known', async () => {
    expectGood(await copy(30, LIST_ID_USAGE.HOLD))
    for (let i = 0; i < 2; i++) {
      const io = { dataInLength: 64 }
      const one = expectGood(await disk.run(RECEIVE_COPY_DATA_LID1, { listId: 30, allocationLength: 64 }, io))
      expect(decodeCopyData(one.data)).toEqual(Buffer.alloc(0))
      const four = expectGood(await lid4(RECEIVE_COPY_DATA_LID4, 30))
      expect(decodeCopyDataLid4(four.data)).toMatchObject({
        status: COPY_STATUS_LID4.completed,
        held: Buffer.alloc(0),
      })
    }
  })

  test('of one that is not known', async () => {
    const io = { dataInLength: 64 }
    const one = await disk.run(RECEIVE_COPY_DATA_LID1, { listId: 99, allocationLength: 64 }, io)
    expectCdbField(one, RECEIVE_COPY_DATA_LID1, 'listId')
    expectCdbField(await lid4(RECEIVE_COPY_DATA_LID4, 99), RECEIVE_COPY_DATA_LID4, 'listId')
  })
})

describe('RECEIVE COPY STATUS(LID4)', () => {
  test('of an EXTENDED COPY(LID1), by the same number: bytes, segments, the service action it answers for', async () => {
    expectGood(await copy(40, LIST_ID_USAGE.HOLD))
    const { data } = expectGood(await lid4(RECEIVE_COPY_STATUS_LID4, 40))
    expect(data.readUInt32BE(0)).toBe(data.length - 4)
    expect(decodeCopyStatusLid4(data)).toMatchObject({
      responseToServiceAction: 0,
      status: COPY_STATUS_LID4.completed,
      completionStatus: STATUS.GOOD,
      unit: 0,
      transferCount: 4096n,
      segments: 2,
      sense: Buffer.alloc(0),
    })
  })

  test('failed: with the sense data that the command ended with', async () => {
    const failed = await copy(41, LIST_ID_USAGE.HOLD, disk, 5)
    const { data } = expectGood(await lid4(RECEIVE_COPY_STATUS_LID4, 41))
    expect([data.readUInt32BE(8), data[13]! % 4]).toEqual([0xffff_fffe, 0]) // SPC-4 6.25
    const status = decodeCopyStatusLid4(data)
    expect(status).toMatchObject({ status: COPY_STATUS_LID4.failed, completionStatus: 2, segments: 1 })
    expect(decodeSense(status.sense)).toEqual(failed.sense)
  })

  test('a list identifier that was never used: INVALID FIELD IN CDB, pointer to byte 2', async () => {
    expectCdbField(await lid4(RECEIVE_COPY_STATUS_LID4, 0x12345678), RECEIVE_COPY_STATUS_LID4, 'listId')
  })
})

describe('the Third-Party Copy VPD page (8Fh) says the same', () => {
  test('as the operating parameters and the command table', async () => {
    const parameters = await parametersOf(disk)
    const vpd = { evpd: true, pageCode: VPD_PAGE.THIRD_PARTY_COPY, allocationLength: 1024 }
    const page = decodeThirdPartyCopy(expectGood(await disk.run(INQUIRY, vpd, { dataInLength: 1024 })).data)
    expect(page.parameterData).toEqual({
      maximumCscdDescriptorCount: parameters.maximumCscdDescriptorCount,
      maximumSegmentDescriptorCount: parameters.maximumSegmentDescriptorCount,
      maximumDescriptorListLength: parameters.maximumDescriptorListLength,
      maximumInlineDataLength: parameters.maximumInlineDataLength,
    })
    expect(page.supportedDescriptors).toEqual(parameters.implementedDescriptors)
    expect(page.supportedCscdIds).toEqual([0xffff])
    expect(page.generalCopyOperations).toEqual({
      totalConcurrentCopies: parameters.totalConcurrentCopies,
      maximumIdentifiedConcurrentCopies: parameters.maximumConcurrentCopies,
      maximumSegmentLength: parameters.maximumSegmentLength,
      dataSegmentGranularity: parameters.dataSegmentGranularity,
      inlineDataGranularity: parameters.inlineDataGranularity,
    })
    expect(page.heldData).toEqual({ heldDataLimit: 0, heldDataGranularity: 0 })
    expect(page.supportedCommands).toEqual([
      { opcode: 0x83, serviceActions: [0x00, 0x01, 0x10, 0x11, 0x1c] },
      { opcode: 0x84, serviceActions: [0x00, 0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08] },
    ])
  })

  test('switched off with the clone primitive: no such page', async () => {
    const off = await array.disk(2)
    const ask = (pageCode: number) =>
      off.run(INQUIRY, { evpd: true, pageCode, allocationLength: 255 }, { dataInLength: 255 })
    expectCdbField(await ask(VPD_PAGE.THIRD_PARTY_COPY), INQUIRY, 'pageCode')
    expect([...expectGood(await ask(VPD_PAGE.SUPPORTED_PAGES)).data]).not.toContain(VPD_PAGE.THIRD_PARTY_COPY)
    expect([
      ...expectGood(await disk.run(INQUIRY, { evpd: true, allocationLength: 255 }, { dataInLength: 255 })).data,
    ]).toContain(VPD_PAGE.THIRD_PARTY_COPY)
  })
})

describe('84h', () => {
  test('service actions that are none: INVALID FIELD IN CDB, pointer to byte 1 bit 4', async () => {
    const cdb = RECEIVE_COPY_OPERATING_PARAMETERS.encode({ allocationLength: 255 })
    for (const action of [2, 9, 0x1f]) {
      cdb[1] = action
      const { sense } = await disk.send(cdb, { dataInLength: 255 })
      expect(sense).toEqual({ sense: SENSE.INVALID_FIELD_IN_CDB, field: { in: 'cdb', byte: 1, bit: 4 } })
    }
  })

  test('switched off with the clone primitive: INVALID COMMAND OPERATION CODE', async () => {
    const off = await array.disk(2)
    for (const cdb of [RECEIVE_COPY_OPERATING_PARAMETERS, RECEIVE_COPY_STATUS_LID1, RECEIVE_COPY_STATUS_LID4])
      expect((await off.run(cdb, {})).sense?.sense).toEqual(SENSE.INVALID_COMMAND_OPERATION_CODE)
  })
})
