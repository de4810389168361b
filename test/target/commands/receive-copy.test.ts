// RECEIVE COPY OPERATING PARAMETERS (84h/03h, SPC-4 6.23) and RECEIVE COPY STATUS(LID1) (84h/00h, SPC-4 6.24): what the copy
// manager accepts, and what became of a copy.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  COPY_STATUS,
  type Designator,
  decodeCopyStatus,
  decodeOperatingParameters,
  LIST_ID_USAGE,
  type OperatingParameters,
  RECEIVE_COPY_OPERATING_PARAMETERS,
  RECEIVE_COPY_STATUS_LID1,
  SENSE,
  TASK_MANAGEMENT_FUNCTION,
} from '../../../protocol/index.ts'
import { drainUnitAttentions, memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectParameter } from '../disk.ts'
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

const copy = (listId: number, listIdUsage: number, on = disk, source = 0) =>
  sendCopy(on, copyList([cscd(here)], [segment(0, 1, 1), segment(0, 2, 7, { source })], { listId, listIdUsage }))

describe('RECEIVE COPY OPERATING PARAMETERS', () => {
  test('SNLID, two CSCDs and one segment at least, E4h and 02h ascending; segments of 16 MiB at least (ESXi)', async () => {
    for (const on of [disk, await array.disk(1)]) {
      const parameters = await parametersOf(on)
      expect(parameters.snlid).toBe(true)
      expect(parameters.implementedDescriptors).toEqual([0x02, 0xe4])
      expect(parameters.maximumCscdDescriptorCount).toBeGreaterThanOrEqual(2)
      expect(parameters.maximumSegmentDescriptorCount).toBeGreaterThanOrEqual(1)
      expect(parameters.maximumSegmentLength).toBeGreaterThanOrEqual(16 * 2 ** 20)
      expect(parameters.dataSegmentGranularity).toBe(9)
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
    expectParameter(await sendCopy(mine, list(7)), 0)
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

describe('84h', () => {
  test('service actions that are none: INVALID FIELD IN CDB, pointer to byte 1 bit 4', async () => {
    const cdb = RECEIVE_COPY_OPERATING_PARAMETERS.encode({ allocationLength: 255 })
    for (const action of [1, 2, 4, 5, 0x1f]) {
      cdb[1] = action
      const { sense } = await disk.send(cdb, { dataInLength: 255 })
      expect(sense).toEqual({ sense: SENSE.INVALID_FIELD_IN_CDB, field: { in: 'cdb', byte: 1, bit: 4 } })
    }
  })

  test('switched off with the clone primitive: INVALID COMMAND OPERATION CODE', async () => {
    const off = await array.disk(2)
    for (const cdb of [RECEIVE_COPY_OPERATING_PARAMETERS, RECEIVE_COPY_STATUS_LID1])
      expect((await off.run(cdb, {})).sense?.sense).toEqual(SENSE.INVALID_COMMAND_OPERATION_CODE)
  })
})
