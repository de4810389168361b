// The typed commands of a logical unit, against an array over loopback: what each sends is what the array understands, and what
// the array answers is what they return.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  ASSOCIATION,
  DESIGNATOR_TYPE,
  LIST_ID_USAGE,
  PERSISTENT_RESERVATION_TYPE,
  PROVISIONING_STATUS,
  READ_10,
  ROD_TYPE,
  SEGMENT_TYPE,
  SENSE,
  STATUS,
  TASK_MANAGEMENT_RESPONSE_CODE,
} from '../../protocol/index.ts'
import {
  CommandError,
  type LogicalUnit,
  MiscompareError,
  openLogicalUnit,
  ReservationConflictError,
  UnreachableError,
} from '../../src/host/index.ts'
import { memory, openArray, SIZE, type TestArray } from '../target/array.ts'

const BLOCK = 512
const filled = (byte: number, blocks = 1): Buffer => Buffer.alloc(blocks * BLOCK, byte)

let array: TestArray
let unit: LogicalUnit

const urlOf = (lun: number, host = `127.0.0.1:${array.port}`): string => `iscsi://${host}/${array.iqn}/${lun}`

beforeAll(async () => {
  array = await openArray([memory({ id: 0 }), memory({ id: 1 }), memory({ id: 2, readOnly: true })])
  unit = await openLogicalUnit(urlOf(0))
  return async () => {
    await unit.close()
    await array.close()
  }
})

describe('openLogicalUnit', () => {
  test('by URL, with the name that messages use', () => {
    expect(unit).toMatchObject({ lun: 0, name: `${array.iqn}/0` })
  })

  test('by options', async () => {
    const other = await openLogicalUnit({ host: '127.0.0.1', port: array.port, targetName: array.iqn, lun: 1 })
    await expect(other.testUnitReady()).resolves.toBeUndefined()
    await other.close()
  })

  test('what is no URL, and a portal where nobody listens', async () => {
    await expect(openLogicalUnit('iscsi://somewhere')).rejects.toThrow('is not of the form')
    await expect(openLogicalUnit(urlOf(0, '127.0.0.1:1'))).rejects.toBeInstanceOf(UnreachableError)
  })

  test('a LUN that is none: LOGICAL UNIT NOT SUPPORTED from the first command on', async () => {
    const none = await openLogicalUnit(urlOf(7))
    const error = await none.capacity().catch((e: unknown) => e)
    expect(error).toBeInstanceOf(CommandError)
    expect((error as CommandError).is(SENSE.LOGICAL_UNIT_NOT_SUPPORTED)).toBe(true)
    await none.close()
  })
})

describe('what a logical unit says of itself', () => {
  test('INQUIRY and VPD pages', async () => {
    expect(await unit.inquiry()).toMatchObject({ vendor: 'LUNETTE', peripheralDeviceType: 0, threePc: true })
    const pages = await unit.vpdPage('supportedPages')
    expect(pages).toContain(0xb0)
    expect((await unit.vpd(0xb0)).readUInt16BE(2)).toBe(0x3c)
    expect((await unit.vpdPage('blockLimits')).maximumCompareAndWriteLength).toBe(255)
    expect(await unit.vpdPage('logicalBlockProvisioning')).toMatchObject({ lbpu: true })
    const names = await unit.vpdPage('deviceIdentification')
    expect(names.map(({ type }) => type)).toContain(DESIGNATOR_TYPE.NAA)
    await expect(unit.vpd(0x99)).rejects.toThrow('INQUIRY: CHECK CONDITION: ILLEGAL REQUEST: INVALID FIELD IN CDB')
  })

  test('REPORT LUNS, READ CAPACITY, REQUEST SENSE', async () => {
    expect(await unit.reportLuns()).toEqual({ total: 3, luns: [0, 1, 2] })
    const lastLba = BigInt(SIZE / BLOCK) - 1n
    expect(await unit.readCapacity10()).toEqual({ lastLba, blockLength: BLOCK })
    expect(await unit.readCapacity16()).toMatchObject({ lastLba, blockLength: BLOCK, lbpme: true })
    expect(await unit.capacity()).toMatchObject({ lastLba, blockLength: BLOCK })
    expect((await unit.requestSense()).sense).toEqual(SENSE.NO_SENSE)
  })

  test('MODE SENSE, LOG SENSE', async () => {
    expect((await unit.modeSense(0x08)).pages).toMatchObject([{ pageCode: 0x08 }])
    expect((await unit.modeSense6(0x08, { dbd: true })).blockDescriptor).toBeUndefined()
    expect((await unit.logSense(0x00)).body.length).toBeGreaterThan(1)
  })

  test('REPORT SUPPORTED OPERATION CODES, one and all; task management functions; target port groups', async () => {
    const all = await unit.reportSupportedOperationCodes({ timeouts: true })
    expect(all.map(({ opcode }) => opcode)).toContain(0x89)
    expect((await unit.reportSupportedOperationCode(0x89)).usage.length).toBe(16)
    expect((await unit.reportSupportedOperationCode(0x9e, 0x10)).support).toBe(3)
    expect((await unit.reportSupportedOperationCode(0xff)).support).toBe(1)
    expect(await unit.reportSupportedTaskManagementFunctions()).toMatchObject({ abortTask: true })
    expect((await unit.reportTargetPortGroups()).length).toBeGreaterThan(0)
  })
})

describe('blocks', () => {
  test('write and read, by both lengths of CDB', async () => {
    await unit.write16(10, Buffer.concat([filled(1), filled(2)]))
    await unit.write10(12, filled(3), { fua: true })
    const read = await unit.read16(10n, 3)
    expect([read[0], read[BLOCK], read[2 * BLOCK], read.length]).toEqual([1, 2, 3, 3 * BLOCK])
    expect(await unit.read10(12, 1)).toEqual(filled(3))
    await unit.synchronizeCache16()
    await unit.synchronizeCache10(10, 3)
  })

  test('WRITE SAME with a block and without one, UNMAP, GET LBA STATUS', async () => {
    await unit.writeSame16(100, 50, filled(7))
    expect(await unit.read16(149, 2)).toEqual(Buffer.concat([filled(7), filled(0)]))
    await unit.writeSame16(100, 10, undefined)
    expect(await unit.read16(109, 2)).toEqual(Buffer.concat([filled(0), filled(7)]))
    await unit.unmap([
      { lba: 120n, blocks: 10 },
      { lba: 140n, blocks: 10 },
    ])
    expect(await unit.read16(119, 2)).toEqual(Buffer.concat([filled(7), filled(0)]))
    const { descriptors } = await unit.getLbaStatus(4000)
    expect(descriptors[0]).toMatchObject({ lba: 4000n, provisioningStatus: PROVISIONING_STATUS.DEALLOCATED })
  })

  test('COMPARE AND WRITE: MiscompareError with the offset, nothing written', async () => {
    const different = filled(9)
    different[300] = 1
    await unit.write16(200, filled(9))
    const error = await unit.compareAndWrite(200, different, filled(8)).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(MiscompareError)
    expect(error).toMatchObject({ command: 'COMPARE AND WRITE', status: STATUS.CHECK_CONDITION, offset: 300 })
    expect((error as Error).message).toContain('MISCOMPARE DURING VERIFY OPERATION')
    expect(await unit.read16(200, 1)).toEqual(filled(9))
    await unit.compareAndWrite(200, filled(9), filled(8))
    expect(await unit.read16(200, 1)).toEqual(filled(8))
    await expect(unit.compareAndWrite(200, filled(8), filled(7, 2))).rejects.toBeInstanceOf(RangeError)
  })

  test('VERIFY: nothing, all blocks, each with one block', async () => {
    await unit.writeSame16(300, 4, filled(5))
    await unit.verify16(300, 4)
    await unit.verify16(300, 4, filled(5, 4))
    await unit.verify16(300, 4, filled(5))
    await expect(unit.verify16(300, 4, filled(6))).rejects.toBeInstanceOf(MiscompareError)
    await expect(unit.verify16(300, 4, filled(6, 2))).rejects.toBeInstanceOf(RangeError)
  })

  test('what cannot be sent is a RangeError, what is out of range a CommandError', async () => {
    await expect(unit.write16(0, Buffer.alloc(100))).rejects.toThrow('no blocks of 512')
    await expect(unit.read16(-1, 1)).rejects.toBeInstanceOf(RangeError)
    await expect(unit.read16(1.5, 1)).rejects.toBeInstanceOf(RangeError)
    await expect(unit.read16(2n ** 64n, 1)).rejects.toBeInstanceOf(RangeError)
    await expect(unit.read10(2 ** 32, 1)).rejects.toBeInstanceOf(RangeError)
    await expect(unit.read16(SIZE / BLOCK, 1)).rejects.toThrow('LOGICAL BLOCK ADDRESS OUT OF RANGE')
  })

  test('START STOP UNIT and a raw CDB, whose status is its result', async () => {
    await unit.startStopUnit({ start: true })
    const raw = await unit.execute(READ_10.encode({ lba: 0, blocks: 1 }), { dataInLength: BLOCK })
    expect(raw).toMatchObject({ status: STATUS.GOOD })
    expect(raw.data.length).toBe(BLOCK)
    const refused = await unit.execute(Buffer.from('ff0000000000', 'hex'))
    expect(refused.sense?.sense).toEqual(SENSE.INVALID_COMMAND_OPERATION_CODE)
  })
})

describe('copies', () => {
  test('EXTENDED COPY from one logical unit to another, and what tells of it', async () => {
    const other = await openLogicalUnit(urlOf(1))
    await unit.write16(0, Buffer.concat([filled(0x61), filled(0x62)]))
    const cscd = async (of: LogicalUnit) => {
      const names = await of.vpdPage('deviceIdentification')
      const designator = names.find(
        ({ association, type }) => association === ASSOCIATION.LOGICAL_UNIT && type === DESIGNATOR_TYPE.NAA,
      )!
      return {
        luIdType: 0,
        nul: false,
        peripheralDeviceType: 0,
        relativeInitiatorPortId: 0,
        pad: false,
        blockLength: BLOCK,
        designator,
      }
    }
    expect(await unit.receiveCopyOperatingParameters()).toMatchObject({ snlid: true })
    await unit.extendedCopy({
      listId: 7,
      str: false,
      listIdUsage: LIST_ID_USAGE.HOLD,
      priority: 0,
      cscds: [await cscd(unit), await cscd(other)],
      segments: [
        {
          type: SEGMENT_TYPE.BLOCK_TO_BLOCK,
          dc: false,
          cat: false,
          source: 0,
          destination: 1,
          blocks: 2,
          sourceLba: 0n,
          destinationLba: 50n,
        },
      ],
    })
    expect(await other.read16(50, 2)).toEqual(Buffer.concat([filled(0x61), filled(0x62)]))
    expect(await unit.receiveCopyStatus(7)).toMatchObject({ status: 1, segments: 1 })
    expect(await unit.receiveCopyFailureDetails(7)).toBeUndefined()
    await other.close()
  })

  test('POPULATE TOKEN, RECEIVE ROD TOKEN INFORMATION', async () => {
    await unit.populateToken(9, {
      rtv: false,
      immed: false,
      inactivityTimeout: 0,
      rodType: ROD_TYPE.POINT_IN_TIME_DEFAULT,
      ranges: [{ lba: 0n, blocks: 2 }],
    })
    expect((await unit.receiveRodTokenInformation(9)).length).toBeGreaterThan(512)
  })
})

describe('reservations', () => {
  test('RESERVE(6): the other I_T nexus gets a ReservationConflictError until RELEASE(6)', async () => {
    const other = await openLogicalUnit(urlOf(0), { initiatorName: 'iqn.2026-11.io.lunette:other' })
    await other.testUnitReady()
    await unit.reserve6()
    const error = await other.read16(0, 1).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ReservationConflictError)
    expect(error).toMatchObject({ command: 'READ(16)', statusName: 'RESERVATION CONFLICT' })
    await unit.release6()
    expect((await other.read16(0, 1)).length).toBe(BLOCK)
    await other.close()
  })

  test('persistent reservations: registered, reserved, read, moved on, cleared', async () => {
    const [one, two] = await Promise.all([1, 2].map(() => openLogicalUnit(urlOf(1))))
    await one!.persistentReserveOut('register', { serviceActionKey: 1n })
    await two!.persistentReserveOut('registerAndIgnoreExistingKey', { serviceActionKey: 2n })
    const type = PERSISTENT_RESERVATION_TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY
    await one!.persistentReserveOut('reserve', { key: 1n, type })
    expect((await two!.persistentReserveIn('readKeys')).keys).toEqual([1n, 2n])
    expect((await two!.persistentReserveIn('readReservation')).reservation).toMatchObject({ key: 1n, type })
    expect(await two!.persistentReserveIn('reportCapabilities')).toMatchObject({ wrExRo: true })
    const full = await two!.persistentReserveIn('readFullStatus')
    expect(full.registrations).toHaveLength(2)
    await one!.persistentReserveOut('release', { key: 1n, type })
    await two!.persistentReserveOut('preempt', { key: 2n, serviceActionKey: 1n, type })
    const error = await one!.write16(0, filled(1)).catch((e: unknown) => e)
    expect((error as CommandError).is(SENSE.REGISTRATIONS_PREEMPTED)).toBe(true)
    await two!.persistentReserveOut('clear', { key: 2n })
    for (const each of [one, two]) await each!.close()
  })
})

describe('task management', () => {
  test('ABORT TASK SET and LOGICAL UNIT RESET', async () => {
    expect(await unit.abortTaskSet()).toBe(TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_COMPLETE)
    expect(await unit.reset()).toBe(TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_COMPLETE)
    await unit.testUnitReady()
  })
})
