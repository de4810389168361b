// PERSISTENT RESERVE where most commands are refused: with the medium out, on a write-protected LUN, through a port in standby
// (SPC-4 5.11.2.4.4); and PREEMPT AND ABORT of a nexus that prevents the removal of the medium (SPC-4 5.13.11.5).

import { describe, expect, test } from 'vitest'
import {
  ACCESS_STATE,
  encodeSetTargetPortGroups,
  PREVENT_ALLOW_MEDIUM_REMOVAL,
  READ_10,
  SENSE,
  SET_TARGET_PORT_GROUPS,
  START_STOP_UNIT,
  TEST_UNIT_READY,
} from '../../../protocol/index.ts'
import { arrayForTest, memory } from '../array.ts'
import { type Disk, expectGood, expectSense } from '../disk.ts'
import {
  afterNews,
  clear,
  diskOf,
  host,
  preempt,
  preemptAndAbort,
  readFullStatus,
  readKeys,
  readReservation,
  register,
  registerAndIgnore,
  release,
  reserve,
  TWO_PORTALS,
  TYPE,
} from './persistent-reserve.ts'

const eject = (disk: Disk) => disk.run(START_STOP_UNIT, { loej: true })

/** Every service action but REGISTER AND MOVE, all of them GOOD. */
async function everything(disk: Disk): Promise<void> {
  expectGood(await register(disk, 0n, 1n))
  expectGood(await registerAndIgnore(disk, 2n))
  expectGood(await reserve(disk, 2n, TYPE.EA))
  expect((await readReservation(disk)).reservation?.type).toBe(TYPE.EA)
  expect((await readFullStatus(disk)).registrations).toHaveLength(1)
  expectGood(await preempt(disk, 2n, 2n, TYPE.WE))
  expectGood(await preemptAndAbort(disk, 2n, 2n, TYPE.WE))
  expectGood(await release(disk, 2n, TYPE.WE))
  expectGood(await clear(disk, 2n))
  expect((await readKeys(disk)).keys).toEqual([])
}

describe('all of it is answered', () => {
  test('with the medium out', async () => {
    const disk = await (await arrayForTest([memory({ removable: true })])).disk()
    expectGood(await eject(disk))
    expectSense(await disk.run(TEST_UNIT_READY, {}), SENSE.MEDIUM_NOT_PRESENT)
    await everything(disk)
  })

  test('on a write-protected LUN', async () => {
    await everything(await (await arrayForTest([memory({ readOnly: true })])).disk())
  })

  test('through a port in standby, and it holds for the other port', async () => {
    const array = await arrayForTest([memory()], {}, TWO_PORTALS)
    const [a, b] = [await diskOf(array, host('a')), await diskOf(array, host('b'), 1)]
    const dataOut = encodeSetTargetPortGroups([{ group: 2, state: ACCESS_STATE.STANDBY }])
    expectGood(await a.run(SET_TARGET_PORT_GROUPS, { parameterListLength: dataOut.length }, { dataOut }))
    const inStandby = SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_STANDBY_STATE
    const read = await afterNews(() => b.run(READ_10, { blocks: 1 }, { dataInLength: 512 }))
    expectSense(read, inStandby)
    await everything(b)
    expectGood(await register(b, 0n, 1n))
    expectGood(await reserve(b, 1n, TYPE.EA))
    expect((await a.run(READ_10, { blocks: 1 }, { dataInLength: 512 })).status).toBe(0x18)
  })
})

test('PREEMPT AND ABORT, and not PREEMPT, ends the prevention of medium removal by the preempted', async () => {
  const array = await arrayForTest([memory({ removable: true })])
  const [a, b] = [await diskOf(array, host('a')), await diskOf(array, host('b'))]
  expectGood(await register(a, 0n, 1n))
  expectGood(await b.run(PREVENT_ALLOW_MEDIUM_REMOVAL, { prevent: 1 }))
  for (const way of [preempt, preemptAndAbort]) {
    expectGood(await afterNews(() => registerAndIgnore(b, 2n)))
    expectSense(await eject(a), SENSE.MEDIUM_REMOVAL_PREVENTED)
    expectGood(await way(a, 1n, 2n, TYPE.WE))
    if (way === preempt) expectSense(await eject(a), SENSE.MEDIUM_REMOVAL_PREVENTED)
    else expectGood(await eject(a))
  }
})
