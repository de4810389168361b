// PERSISTENT RESERVE IN (SPC-4 6.15): the four service actions, allocation lengths, and what is no service action.

import { beforeEach, describe, expect, test } from 'vitest'
import { decodeReportCapabilities, INQUIRY, type Layout, SENSE } from '../../../protocol/index.ts'
import * as CDB from '../../../protocol/scsi/commands/index.ts'
import { memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectGood, expectPointer, expectSense } from '../disk.ts'
import {
  diskOf,
  expectConflict,
  host,
  readFullStatus,
  readKeys,
  readReservation,
  register,
  release,
  reserve,
  TWO_PORTALS,
  TYPES,
} from './persistent-reserve.ts'

const ACTIONS: readonly Layout[] = [
  CDB.PERSISTENT_RESERVE_IN_READ_KEYS,
  CDB.PERSISTENT_RESERVE_IN_READ_RESERVATION,
  CDB.PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES,
  CDB.PERSISTENT_RESERVE_IN_READ_FULL_STATUS,
]

let array: TestArray
let a: Disk
let b: Disk

beforeEach(async () => {
  array = await openArray([memory()], {}, TWO_PORTALS)
  a = await diskOf(array, host('a'))
  b = await diskOf(array, host('b'), 1)
  return () => array.close()
})

const read = (cdb: Layout, allocationLength: number) => a.run(cdb, { allocationLength } as never, { dataInLength: 512 })

describe('PERSISTENT RESERVE IN (5Eh)', () => {
  test('READ KEYS: none, then each registration by its key, also the same one twice', async () => {
    expect(await readKeys(a)).toEqual({ generation: 0, keys: [] })
    expectGood(await register(a, 0n, 7n))
    expectGood(await register(b, 0n, 7n))
    expect(await readKeys(b)).toEqual({ generation: 2, keys: [7n, 7n] })
  })

  test.each(TYPES)(
    'READ RESERVATION of $name: the key of the holder, or zero where all hold it',
    async ({ name, type }) => {
      expectGood(await register(a, 0n, 0x1122334455667788n))
      expect(await readReservation(a)).toEqual({ generation: 1 })
      expectGood(await reserve(a, 0x1122334455667788n, type))
      const key = name.endsWith('AR') ? 0n : 0x1122334455667788n
      expect(await readReservation(b)).toEqual({ generation: 1, reservation: { key, scope: 0, type } })
      expectGood(await release(a, 0x1122334455667788n, type))
      expect(await readReservation(b)).toEqual({ generation: 1 })
    },
  )

  test('REPORT CAPABILITIES: all but what needs an image', async () => {
    const { data } = expectGood(await read(CDB.PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES, 8))
    expect(decodeReportCapabilities(data)).toEqual({
      ...{ crh: true, sipC: true, atpC: true, ptplC: false, ptplA: false, rlrC: false, tmv: true, allowCommands: 3 },
      ...{ wrEx: true, exAc: true, wrExRo: true, exAcRo: true, wrExAr: true, exAcAr: true },
    })
  })

  test('READ FULL STATUS: initiator port, target port, key, and who holds the reservation', async () => {
    expect(await readFullStatus(a)).toEqual({ generation: 0, registrations: [] })
    expectGood(await register(a, 0n, 1n))
    expectGood(await register(b, 0n, 2n))
    expectGood(await reserve(b, 2n, 6))
    const common = { allTgPt: false, scope: 0 }
    const ofA = { ...common, key: 1n, relativeTargetPort: 1, transportId: host('a'), rHolder: false, type: 0 }
    const ofB = { ...common, key: 2n, relativeTargetPort: 2, transportId: host('b'), rHolder: true, type: 6 }
    expect(await readFullStatus(a)).toEqual({ generation: 2, registrations: [ofA, ofB] })
    expectGood(await release(b, 2n, 6))
    expectGood(await reserve(b, 2n, 8))
    expect((await readFullStatus(b)).registrations).toEqual([
      { ...ofA, rHolder: true, type: 8 },
      { ...ofB, type: 8 },
    ])
  })

  test('a cut allocation length: as much as that of the same data, ADDITIONAL LENGTH that of all', async () => {
    expectGood(await register(a, 0n, 1n))
    expectGood(await register(b, 0n, 2n))
    expectGood(await reserve(a, 1n, 1))
    for (const cdb of ACTIONS) {
      const { data: whole } = expectGood(await read(cdb, 0xffff))
      expect(whole.length).toBeGreaterThanOrEqual(8)
      for (let length = 0; length <= whole.length; length++)
        expect(expectGood(await read(cdb, length)).data).toEqual(whole.subarray(0, length))
    }
    const { data } = expectGood(await read(CDB.PERSISTENT_RESERVE_IN_READ_KEYS, 8))
    expect(data.readUInt32BE(4)).toBe(16)
  })

  test('service actions 04h to 1Fh: INVALID FIELD IN CDB', async () => {
    for (let action = 4; action < 32; action++) {
      const result = await a.send(Buffer.from([0x5e, action, 0, 0, 0, 0, 0, 2, 0, 0]), { dataInLength: 512 })
      expectSense(result, SENSE.INVALID_FIELD_IN_CDB)
      expectPointer(result, 'cdb', 1, 4)
    }
  })

  test('answered under every persistent reservation; a conflict under RESERVE, also to its holder (SPC-2 5.5.1)', async () => {
    expectGood(await a.run(CDB.RESERVE_6, {}))
    for (const cdb of ACTIONS)
      for (const disk of [a, b])
        expectConflict(await disk.run(cdb, { allocationLength: 64 } as never, { dataInLength: 64 }))
    expectGood(await a.run(CDB.RELEASE_6, {}))
    expectGood(await register(a, 0n, 1n))
    for (const { type } of TYPES) {
      expectGood(await reserve(a, 1n, type))
      for (const cdb of ACTIONS) expectGood(await b.run(cdb, { allocationLength: 64 } as never, { dataInLength: 64 }))
      expectGood(await release(a, 1n, type))
    }
  })

  test('a unit attention stands before it, and INQUIRY changes nothing of that', async () => {
    const fresh = await array.connect({ initiatorName: host('c').initiatorName })
    const inquiry = { lun: 0, cdb: INQUIRY.encode({ allocationLength: 36 }), dataInLength: 36 }
    expectGood(await fresh.execute(inquiry))
    const cdb = CDB.PERSISTENT_RESERVE_IN_READ_KEYS.encode({ allocationLength: 8 })
    const result = await fresh.execute({ lun: 0, cdb, dataInLength: 8 })
    expectSense(result, SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
    expectGood(await fresh.execute({ lun: 0, cdb, dataInLength: 8 }))
  })
})
