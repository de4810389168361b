// Asymmetric logical unit access (SPC-4 5.11): REPORT TARGET PORT GROUPS (A3h/0Ah, SPC-4 6.37), SET TARGET PORT GROUPS
// (A4h/0Ah, SPC-4 6.45), and what a port in each state lets through.

import { beforeEach, describe, expect, test } from 'vitest'
import {
  ACCESS_STATE,
  ASSOCIATION,
  COMPARE_AND_WRITE,
  DESIGNATOR_TYPE,
  decodeDeviceIdentification,
  decodeStandardInquiry,
  decodeTargetPortGroups,
  encodeSetTargetPortGroups,
  INQUIRY,
  type Layout,
  MODE_SENSE_6,
  PORT_GROUPS_FORMAT,
  READ_16,
  READ_CAPACITY_10,
  READ_CAPACITY_16,
  RECEIVE_DIAGNOSTIC_RESULTS,
  REPORT_TARGET_PORT_GROUPS as REPORT,
  REPORT_LUNS,
  REQUEST_SENSE,
  SEND_DIAGNOSTIC,
  SENSE,
  SET_TARGET_PORT_GROUPS as SET,
  SYNCHRONIZE_CACHE_10,
  type TargetPortGroup,
  TEST_UNIT_READY,
  UNMAP,
  VERIFY_10,
  VPD_PAGE,
  WRITE_16,
} from '../../../protocol/index.ts'
import type { CommandResult } from '../../../src/host/index.ts'
import { arrayForTest, memory, openArray, type TestArray } from '../array.ts'
import { Disk, expectCdbField, expectGood, expectParameter, expectSense } from '../disk.ts'
import { diskThrough, portals, portOf } from '../paths.ts'

const { ACTIVE_OPTIMIZED, ACTIVE_NON_OPTIMIZED, STANDBY, UNAVAILABLE, LBA_DEPENDENT, OFFLINE, TRANSITIONING } =
  ACCESS_STATE
const CHANGED = SENSE.ASYMMETRIC_ACCESS_STATE_CHANGED
const IN_STANDBY = SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_STANDBY_STATE
const IN_UNAVAILABLE = SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_UNAVAILABLE_STATE

let array: TestArray
let one: Disk
let two: Disk

beforeEach(async () => {
  array = await openArray([memory()], {}, portals(2))
  one = await diskThrough(array, 0)
  two = await diskThrough(array, 1)
  return () => array.close()
})

const report = async (on: Disk, parameterDataFormat = 0): Promise<TargetPortGroup[]> => {
  const fields = { parameterDataFormat, allocationLength: 256 }
  const { data } = expectGood(await on.run(REPORT, fields, { dataInLength: 256 }))
  return decodeTargetPortGroups(data, parameterDataFormat)
}

const set = (on: Disk, ...groups: [group: number, state: number][]): Promise<CommandResult> => {
  const dataOut = encodeSetTargetPortGroups(groups.map(([group, state]) => ({ group, state })))
  return on.run(SET, { parameterListLength: dataOut.length }, { dataOut })
}

const states = async (on: Disk): Promise<number[]> => (await report(on)).map(({ state }) => state)
const tur = (on: Disk) => on.run(TEST_UNIT_READY, {})

describe('REPORT TARGET PORT GROUPS (A3h/0Ah)', () => {
  test('a group for each portal, active/optimized, with its port and the states that it can have; equal on all paths', async () => {
    const supported = [ACTIVE_OPTIMIZED, ACTIVE_NON_OPTIMIZED, STANDBY, UNAVAILABLE]
    const group = { state: ACTIVE_OPTIMIZED, preferred: false, statusCode: 0, supported }
    const expected = [
      { ...group, group: 1, ports: [1] },
      { ...group, group: 2, ports: [2] },
    ]
    for (const on of [one, two]) {
      expect(await report(on)).toEqual(expected)
      expect(await report(on, PORT_GROUPS_FORMAT.EXTENDED)).toEqual(expected)
    }
  })

  test('PARAMETER DATA FORMAT 010b to 111b: INVALID FIELD IN CDB, pointer to byte 1 bit 7', async () => {
    for (let parameterDataFormat = 2; parameterDataFormat < 8; parameterDataFormat++) {
      const fields = { parameterDataFormat, allocationLength: 64 }
      expectCdbField(await one.run(REPORT, fields, { dataInLength: 64 }), REPORT, 'parameterDataFormat')
    }
  })

  test('allocation length: cut, the true length told', async () => {
    const whole = expectGood(await one.run(REPORT, { allocationLength: 64 }, { dataInLength: 64 })).data
    expect(whole.readUInt32BE(0)).toBe(whole.length - 4)
    for (const allocationLength of [0, 4, 5, 12, 20])
      expect(expectGood(await one.run(REPORT, { allocationLength }, { dataInLength: allocationLength })).data).toEqual(
        whole.subarray(0, allocationLength),
      )
  })

  test('INQUIRY says implicit and explicit access; VPD 83h names the group and the port of its path', async () => {
    for (const [index, on] of [one, two].entries()) {
      const standard = await on.run(INQUIRY, { allocationLength: 96 }, { dataInLength: 96 })
      expect(decodeStandardInquiry(expectGood(standard).data).tpgs).toBe(3)
      const fields = { evpd: true, pageCode: VPD_PAGE.DEVICE_IDENTIFICATION, allocationLength: 512 }
      const page = decodeDeviceIdentification(expectGood(await on.run(INQUIRY, fields, { dataInLength: 512 })).data)
      for (const type of [DESIGNATOR_TYPE.RELATIVE_TARGET_PORT, DESIGNATOR_TYPE.TARGET_PORT_GROUP]) {
        const [found] = page.filter((designator) => designator.type === type)
        expect(found).toMatchObject({ association: ASSOCIATION.TARGET_PORT, protocol: 5 })
        expect(found!.value.readUInt16BE(2)).toBe(index + 1)
      }
    }
  })

  test('a target that only some portals lead to has only their groups', async () => {
    const own = await arrayForTest(
      [],
      {},
      {
        ...portals(3),
        targets: [
          { iqn: 'iqn.2026-11.io.lunette:some', portals: [0, 2], luns: [memory()] },
          { iqn: 'iqn.2026-11.io.lunette:other', portals: [1], luns: [memory()] },
        ],
      },
    )
    const some = await diskThrough(own, 2, 0, 'iqn.2026-11.io.lunette:some')
    expect((await report(some)).map(({ group, ports }) => [group, ports])).toEqual([
      [1, [1]],
      [3, [3]],
    ])
    expectParameter(await set(some, [2, STANDBY]), 6)
    const other = await diskThrough(own, 1, 0, 'iqn.2026-11.io.lunette:other')
    expectGood(await set(other, [2, STANDBY]))
    expect(await states(some)).toEqual([ACTIVE_OPTIMIZED, ACTIVE_OPTIMIZED])
  })
})

describe('SET TARGET PORT GROUPS (A4h/0Ah)', () => {
  test('each state can be set from either path, is told on both, and says that it was set', async () => {
    for (const state of [ACTIVE_NON_OPTIMIZED, STANDBY, UNAVAILABLE, ACTIVE_OPTIMIZED])
      for (const on of [one, two]) {
        expectGood(await set(on, [1, state], [2, ACTIVE_OPTIMIZED]))
        await takeAll(one, two)
        for (const seen of [one, two]) {
          const [first] = await report(seen)
          expect(first).toMatchObject({ state, statusCode: 1 })
        }
      }
  })

  test('a group that is not named keeps its state', async () => {
    expectGood(await set(one, [2, STANDBY]))
    expect(await report(one)).toMatchObject([
      { state: ACTIVE_OPTIMIZED, statusCode: 0 },
      { state: STANDBY, statusCode: 1 },
    ])
  })

  test('states that cannot be set: INVALID FIELD IN PARAMETER LIST, pointer to the state; no group changes', async () => {
    for (const state of [LBA_DEPENDENT, 5, 13, OFFLINE, TRANSITIONING]) {
      expectParameter(await set(one, [1, state]), 4, 3)
      expectParameter(await set(one, [1, STANDBY], [2, state]), 8, 3)
    }
    expect(await states(two)).toEqual([ACTIVE_OPTIMIZED, ACTIVE_OPTIMIZED])
  })

  test('a group that is not there, or named twice: INVALID FIELD IN PARAMETER LIST, pointer to the group', async () => {
    for (const group of [0, 3, 0xffff]) {
      expectParameter(await set(one, [group, STANDBY]), 6)
      expectParameter(await set(one, [1, STANDBY], [group, STANDBY]), 10)
    }
    expectParameter(await set(one, [1, STANDBY], [1, STANDBY]), 10)
    expect(await states(two)).toEqual([ACTIVE_OPTIMIZED, ACTIVE_OPTIMIZED])
  })

  test('parameter list length: 0 and a header alone change nothing; what is cut is PARAMETER LIST LENGTH ERROR', async () => {
    expectGood(await one.run(SET, {}))
    expectGood(await set(one))
    const whole = encodeSetTargetPortGroups([{ group: 1, state: STANDBY }])
    for (const length of [1, 3, 5, 7]) {
      const dataOut = whole.subarray(0, length)
      expectSense(await one.run(SET, { parameterListLength: length }, { dataOut }), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    }
    expectSense(await one.run(SET, { parameterListLength: 12 }, { dataOut: whole }), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    expect(await states(one)).toEqual([ACTIVE_OPTIMIZED, ACTIVE_OPTIMIZED])
  })

  test('ASYMMETRIC ACCESS STATE CHANGED for every other nexus of the LUN, once, none for who asked', async () => {
    const own = await arrayForTest([memory()], {}, portals(2))
    const [asker, here, there] = [await diskThrough(own, 0), await diskThrough(own, 0), await diskThrough(own, 1)]
    expectGood(await set(asker, [2, ACTIVE_NON_OPTIMIZED]))
    for (const disk of [here, there]) {
      expectSense(await tur(disk), CHANGED)
      expectGood(await tur(disk))
    }
    expectGood(await tur(asker))
  })

  test('what is set for one LUN says nothing of another, which who asked may not even see', async () => {
    const own = await arrayForTest([memory(), memory({ id: 1 })], {}, portals(2))
    const asker = await diskThrough(own, 0)
    const other = new Disk((await diskThrough(own, 1)).session, 1)
    while ((await tur(other)).sense) await tur(other)
    expectGood(await set(asker, [2, UNAVAILABLE]))
    expectGood(await tur(other))
    expect(await states(other)).toEqual([ACTIVE_OPTIMIZED, ACTIVE_OPTIMIZED])
    expect(await states(asker)).toEqual([ACTIVE_OPTIMIZED, UNAVAILABLE])
  })

  test('no unit attention for a state that a group has already', async () => {
    expectGood(await set(one, [1, ACTIVE_OPTIMIZED], [2, ACTIVE_OPTIMIZED]))
    expectGood(await tur(two))
    expect(await report(two)).toMatchObject([{ statusCode: 0 }, { statusCode: 0 }])
  })
})

/** What a port in standby must take (SPC-4 5.11.2.4.3), and in unavailable (5.11.2.4.4). */
const ALWAYS: [Layout, object, number][] = [
  [INQUIRY, { allocationLength: 96 }, 96],
  [REPORT_LUNS, { allocationLength: 64 }, 64],
  [REQUEST_SENSE, { allocationLength: 18 }, 18],
  [REPORT, { allocationLength: 64 }, 64],
  [SET, {}, 0],
]
const IN_STANDBY_TOO: [Layout, object, number][] = [
  [MODE_SENSE_6, { pageCode: 0x3f, allocationLength: 255 }, 255],
  [RECEIVE_DIAGNOSTIC_RESULTS, { pcv: true, allocationLength: 64 }, 64],
  [SEND_DIAGNOSTIC, {}, 0],
]
const FOR_THE_MEDIUM: [Layout, object, number][] = [
  [TEST_UNIT_READY, {}, 0],
  [READ_CAPACITY_10, {}, 8],
  [READ_CAPACITY_16, { allocationLength: 32 }, 32],
  [READ_16, { blocks: 1 }, 512],
  [VERIFY_10, { blocks: 1 }, 0],
  [SYNCHRONIZE_CACHE_10, {}, 0],
  [UNMAP, {}, 0],
]
const run = (on: Disk, [cdb, fields, dataInLength]: [Layout, object, number]) =>
  on.run(cdb, fields, dataInLength > 0 ? { dataInLength } : {})

describe('a port whose group is not active', () => {
  test('active/non-optimized: everything works', async () => {
    expectGood(await set(two, [1, ACTIVE_NON_OPTIMIZED]))
    expectSense(await tur(one), CHANGED)
    for (const command of [...ALWAYS, ...IN_STANDBY_TOO, ...FOR_THE_MEDIUM]) expectGood(await run(one, command))
  })

  test('standby: what needs the medium is NOT READY, 04h/0Bh, the rest works; the other path is untouched', async () => {
    expectGood(await set(two, [1, STANDBY]))
    expectSense(await tur(one), CHANGED)
    for (const command of [...ALWAYS, ...IN_STANDBY_TOO]) expectGood(await run(one, command))
    for (const command of FOR_THE_MEDIUM) {
      expectSense(await run(one, command), IN_STANDBY)
      expectGood(await run(two, command))
    }
  })

  test('unavailable: all but the few is NOT READY, 04h/0Ch; the other path is untouched', async () => {
    expectGood(await set(two, [1, UNAVAILABLE]))
    expectSense(await tur(one), CHANGED)
    for (const command of ALWAYS) expectGood(await run(one, command))
    for (const command of [...IN_STANDBY_TOO, ...FOR_THE_MEDIUM]) {
      expectSense(await run(one, command), IN_UNAVAILABLE)
      expectGood(await run(two, command))
    }
  })

  test('nothing is written through it, by WRITE or by COMPARE AND WRITE', async () => {
    for (const [state, sense] of [
      [STANDBY, IN_STANDBY],
      [UNAVAILABLE, IN_UNAVAILABLE],
    ] as const) {
      expectGood(await set(one, [1, state]))
      expectSense(await one.run(WRITE_16, { blocks: 1 }, { dataOut: Buffer.alloc(512, 7) }), sense)
      const dataOut = Buffer.concat([Buffer.alloc(512), Buffer.alloc(512, 7)])
      expectSense(await one.run(COMPARE_AND_WRITE, { blocks: 1 }, { dataOut }), sense)
    }
    await takeAll(two)
    expect(await two.read(0, 1)).toEqual(Buffer.alloc(512))
  })

  test('every path unavailable: any of them can be made active again', async () => {
    expectGood(await set(one, [1, UNAVAILABLE], [2, UNAVAILABLE]))
    expectSense(await tur(two), CHANGED)
    expectSense(await tur(two), IN_UNAVAILABLE)
    expectGood(await set(two, [2, ACTIVE_OPTIMIZED]))
    expectGood(await tur(two))
    expectSense(await tur(one), CHANGED)
    expectSense(await tur(one), IN_UNAVAILABLE)
  })

  test('a new session on the port finds the state that it is in', async () => {
    expectGood(await set(two, [1, STANDBY]))
    const late = new Disk(await array.connect({ port: portOf(array, 0) }))
    expectSense(await tur(late), SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
    expectSense(await tur(late), IN_STANDBY)
  })
})

/** Takes the pending unit attention of a disk, if there is one. */
async function takeAll(...disks: Disk[]): Promise<void> {
  for (const on of disks) await on.run(REQUEST_SENSE, { allocationLength: 18 }, { dataInLength: 18 })
}
