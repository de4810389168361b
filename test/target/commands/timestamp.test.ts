// REPORT TIMESTAMP (A3h/0Fh, SPC-4 6.38) and SET TIMESTAMP (A4h/0Fh, SPC-4 6.46).

import { beforeAll, describe, expect, test } from 'vitest'
import {
  decodeTimestamp,
  encodeTimestampList,
  REPORT_TIMESTAMP,
  SENSE,
  SET_TIMESTAMP,
  TASK_MANAGEMENT_FUNCTION,
  TEST_UNIT_READY,
  TIMESTAMP_ORIGIN,
  type Timestamp,
} from '../../../protocol/index.ts'
import { UnitClock } from '../../../src/target/unit-clock.ts'
import { arrayForTest, drainUnitAttentions, memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectGood, expectSense } from '../disk.ts'

/** 2026-11-20 20:00 UTC. */
const NOW = 1_795_204_800_000

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([memory()])
  disk = await array.disk()
  return () => array.close()
})

const report = async (on = disk): Promise<Timestamp> =>
  decodeTimestamp(expectGood(await on.run(REPORT_TIMESTAMP, { allocationLength: 12 }, { dataInLength: 12 })).data)

const set = (milliseconds: number, on = disk) => {
  const dataOut = encodeTimestampList(milliseconds)
  return on.run(SET_TIMESTAMP, { parameterListLength: dataOut.length }, { dataOut })
}

describe('the clock of a logical unit (SPC-4 5.2)', () => {
  test('from zero when the array starts; after SET TIMESTAMP from there', () => {
    let elapsed = 5000
    const clock = new UnitClock(() => elapsed)
    expect(clock.read()).toEqual({ origin: TIMESTAMP_ORIGIN.POWER_ON, milliseconds: 0 })
    elapsed += 1234.9
    expect(clock.read()).toEqual({ origin: TIMESTAMP_ORIGIN.POWER_ON, milliseconds: 1234 })
    clock.set(NOW)
    expect(clock.read()).toEqual({ origin: TIMESTAMP_ORIGIN.SET_TIMESTAMP, milliseconds: NOW })
    elapsed += 60_000
    expect(clock.read().milliseconds).toBe(NOW + 60_000)
    clock.set(0)
    expect(clock.read().milliseconds).toBe(0)
  })

  test('past 48 bits it begins again', () => {
    let elapsed = 0
    const clock = new UnitClock(() => elapsed)
    clock.set(2 ** 48 - 1)
    elapsed = 1
    expect(clock.read().milliseconds).toBe(0)
  })
})

describe('REPORT TIMESTAMP and SET TIMESTAMP', () => {
  test('origin 000b until it is set, 010b from then on; it never goes back', async () => {
    const own = await arrayForTest([memory()])
    const on = await own.disk()
    expect((await report(on)).origin).toBe(TIMESTAMP_ORIGIN.POWER_ON)
    expectGood(await set(NOW, on))
    let last = NOW
    for (let n = 0; n < 10; n++) {
      const { origin, milliseconds } = await report(on)
      expect(origin).toBe(TIMESTAMP_ORIGIN.SET_TIMESTAMP)
      expect(milliseconds).toBeGreaterThanOrEqual(last)
      last = milliseconds
    }
  })

  test('all of 48 bits can be set', async () => {
    expectGood(await set(2 ** 47))
    expect((await report()).milliseconds).toBeGreaterThanOrEqual(2 ** 47)
  })

  test('TIMESTAMP CHANGED for every other nexus, once; none for who set it', async () => {
    const other = await array.disk()
    expectGood(await set(NOW))
    expectSense(await other.run(TEST_UNIT_READY, {}), SENSE.TIMESTAMP_CHANGED)
    expectGood(await other.run(TEST_UNIT_READY, {}))
    expectGood(await disk.run(TEST_UNIT_READY, {}))
  })

  test('parameter list length: 0 changes nothing, 1 to 11 are PARAMETER LIST LENGTH ERROR', async () => {
    expectGood(await set(NOW))
    expectGood(await disk.run(SET_TIMESTAMP, {}))
    for (let length = 1; length < 12; length++) {
      const io = { dataOut: Buffer.alloc(length) }
      const result = await disk.run(SET_TIMESTAMP, { parameterListLength: length }, io)
      expectSense(result, SENSE.PARAMETER_LIST_LENGTH_ERROR)
    }
    expect((await report()).milliseconds).toBeGreaterThanOrEqual(NOW)
  })

  test('allocation length cuts', async () => {
    for (const length of [0, 2, 11]) {
      const result = await disk.run(REPORT_TIMESTAMP, { allocationLength: length }, { dataInLength: length })
      expect(expectGood(result).data.length).toBe(length)
    }
  })

  test('a logical unit reset does not touch it', async () => {
    const own = await arrayForTest([memory()])
    const on = await own.disk()
    expectGood(await set(NOW, on))
    await on.session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET)
    await drainUnitAttentions(on)
    expect((await report(on)).origin).toBe(TIMESTAMP_ORIGIN.SET_TIMESTAMP)
    expect((await report(on)).milliseconds).toBeGreaterThanOrEqual(NOW)
  })
})
