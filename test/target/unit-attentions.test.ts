// Unit attention conditions (SAM-5 5.14): one queue an I_T nexus and logical unit, reported once, oldest first; INQUIRY, REPORT
// LUNS and REQUEST SENSE are not stopped by one.

import { describe, expect, test } from 'vitest'
import {
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  INQUIRY,
  READ_10,
  REPORT_LUNS,
  REQUEST_SENSE,
  SENSE,
  STATUS,
  TEST_UNIT_READY,
  WRITE_16,
} from '../../protocol/index.ts'
import { arrayForTest, memory } from './array.ts'
import { Disk, expectGood, expectSense } from './disk.ts'

const TWO = [memory(), memory({ id: 1 })]
const tur = (disk: Disk) => disk.run(TEST_UNIT_READY, {})

describe('a new I_T nexus', () => {
  test('29h/00h on each logical unit, once', async () => {
    const array = await arrayForTest(TWO)
    const session = await array.connect()
    for (const lun of [1, 0]) {
      const disk = new Disk(session, lun)
      expectSense(await tur(disk), SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
      expectGood(await tur(disk))
    }
  })

  test('INQUIRY and REPORT LUNS neither wait for it nor clear it', async () => {
    const array = await arrayForTest(TWO)
    const disk = new Disk(await array.connect())
    expectGood(await disk.run(INQUIRY, { allocationLength: 36 }, { dataInLength: 36 }))
    expectGood(await disk.run(REPORT_LUNS, { allocationLength: 64 }, { dataInLength: 64 }))
    expectSense(await tur(disk), SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
    expectGood(await tur(disk))
  })

  test('REQUEST SENSE reports and clears it', async () => {
    const array = await arrayForTest(TWO)
    const disk = new Disk(await array.connect())
    expectGood(await disk.run(REQUEST_SENSE, { allocationLength: 18 }, { dataInLength: 18 }))
    expectGood(await tur(disk))
  })

  test('a command that is stopped does nothing, its data go nowhere, by every way they can come', async () => {
    for (const parameters of [{}, { immediateData: false }, { initialR2T: true, immediateData: false }]) {
      const array = await arrayForTest(TWO)
      const disk = new Disk(await array.connect({ parameters }))
      const write = { dataOut: Buffer.alloc(512 * 1024, 7) }
      expectSense(await disk.run(WRITE_16, { blocks: 1024 }, write), SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
      expect(await disk.read(0, 1)).toEqual(Buffer.alloc(512))
    }
  })

  test('of many commands at once exactly one reports it', async () => {
    const array = await arrayForTest(TWO)
    const disk = new Disk(await array.connect())
    const results = await Promise.all(
      Array.from({ length: 50 }, () => disk.run(READ_10, { blocks: 1 }, { dataInLength: 512 })),
    )
    expect(results.filter(({ status }) => status === STATUS.CHECK_CONDITION)).toHaveLength(1)
  })
})

describe('events', () => {
  test('session reinstatement: 29h/07h I_T NEXUS LOSS, for that initiator port alone (RFC 7143 6.3.5.1)', async () => {
    const array = await arrayForTest(TWO)
    const [disk, other] = [await array.disk(), await array.disk()]
    const again = new Disk(await array.connect({ isid: disk.session.isid }))
    expectSense(await tur(again), SENSE.I_T_NEXUS_LOSS_OCCURRED)
    expectGood(await tur(again))
    expectGood(await tur(other))
  })

  test('LOGICAL UNIT RESET: 29h/03h for every nexus, the requester too, of that logical unit alone', async () => {
    const array = await arrayForTest(TWO)
    const [disk, other] = [await array.disk(), await array.disk()]
    const beside = await array.disk(1)
    await disk.session.manage(FUNCTION.LOGICAL_UNIT_RESET, { lun: 0 })
    for (const on of [disk, other]) {
      expectSense(await tur(on), SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED)
      expectGood(await tur(on))
    }
    expectGood(await tur(beside))
  })

  test('TARGET WARM RESET: 29h for every nexus and logical unit', async () => {
    const array = await arrayForTest(TWO)
    const disks = [await array.disk(0), await array.disk(1), await array.disk(0)]
    await disks[0]!.session.manage(FUNCTION.TARGET_WARM_RESET)
    for (const on of disks) {
      const { sense } = await tur(on)
      expect(sense?.sense).toMatchObject({ key: 6, asc: 0x29 })
      expect([0, 2, 3]).toContain(sense?.sense.ascq)
      expectGood(await tur(on))
    }
  })

  test('a reset leaves one condition where there were others', async () => {
    const array = await arrayForTest(TWO)
    const disk = await array.disk()
    const fresh = new Disk(await array.connect())
    for (let i = 0; i < 3; i++) await disk.session.manage(FUNCTION.LOGICAL_UNIT_RESET, { lun: 0 })
    expectSense(await tur(fresh), SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED)
    expectGood(await tur(fresh))
  })

  test('a nexus that is gone leaves nothing behind', async () => {
    const array = await arrayForTest(TWO)
    const isid = Buffer.from('800000001234', 'hex')
    const disk = await array.disk()
    const leaving = await array.disk(0, { isid })
    await leaving.session.logout()
    await disk.session.manage(FUNCTION.LOGICAL_UNIT_RESET, { lun: 0 })
    const again = new Disk(await array.connect({ isid }))
    expectSense(await tur(again), SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
    expectGood(await tur(again))
  })
})
