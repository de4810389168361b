// Persistent reservations that outlive a restart (APTPL, SPC-4 5.13.5): what is kept, when, and what is done where it cannot
// be kept or has been damaged. One PERSISTENT RESERVE OUT after the other, each on stable storage before its status.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  decodeReportCapabilities,
  encodeRegisterAndMove,
  PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES,
  PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE,
  READ_10,
  RELEASE_6,
  RESERVE_6,
  SENSE,
} from '../../protocol/index.ts'
import { OperatorError, startArray } from '../../src/index.ts'
import { arrayForTest, TestArray } from './array.ts'
import {
  clear,
  diskOf,
  expectConflict,
  host,
  outBytes,
  preempt,
  readFullStatus,
  readKeys,
  readReservation,
  register,
  registerAndIgnore,
  release,
  reserve,
  TWO_PORTALS,
  TYPES,
} from './commands/persistent-reserve.ts'
import { type Disk, expectGood, expectSense } from './disk.ts'

const APTPL = { aptpl: true }

let data: string
let array: TestArray

const start = async (portals = TWO_PORTALS.portals): Promise<TestArray> => {
  const luns = [{ id: 0, store: { type: 'sparse' as const, path: 'lun0.img' }, size: 1024 * 1024 }]
  return new TestArray(
    await startArray({ data, portals, targets: [{ iqn: 'iqn.2026-11.io.lunette:kept', luns }] }),
    data,
  )
}

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'lunette-aptpl-'))
  array = await start()
  return async () => {
    await array.running.close().catch(() => {})
    await rm(data, { recursive: true, force: true })
  }
})

async function restart(portals?: string[]): Promise<void> {
  await array.running.close()
  array = await start(portals)
}

const file = async (): Promise<string> => join(data, 'units', (await readdir(join(data, 'units')))[0] as string)

async function capabilities(disk: Disk) {
  const cdb = PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES
  return decodeReportCapabilities(expectGood(await disk.run(cdb, { allocationLength: 8 }, { dataInLength: 8 })).data)
}

describe('over a restart', () => {
  test.each(TYPES)('$name stays: keys, holder, type; PRGENERATION begins again', async ({ type }) => {
    let a = await diskOf(array, host('a'))
    let b = await diskOf(array, host('b'), 1)
    expect(await capabilities(a)).toMatchObject({ ptplC: true, ptplA: false })
    expectGood(await register(a, 0n, 0xffff_ffff_ffff_ffffn, APTPL))
    expectGood(await register(b, 0n, 2n, APTPL))
    expectGood(await reserve(b, 2n, type))
    expect(await capabilities(a)).toMatchObject({ ptplA: true })
    const { registrations } = await readFullStatus(a)
    const { reservation } = await readReservation(a)
    await restart()
    a = await diskOf(array, host('a'))
    expect(await capabilities(a)).toMatchObject({ ptplC: true, ptplA: true })
    expect(await readFullStatus(a)).toEqual({ generation: 0, registrations })
    expect(await readReservation(a)).toEqual({ generation: 0, reservation })
    const stranger = await diskOf(array, host('a'), 1)
    if ([3, 6, 8].includes(type)) expectConflict(await stranger.run(READ_10, { blocks: 1 }, { dataInLength: 512 }))
    b = await diskOf(array, host('b'), 1)
    await b.write(0, Buffer.alloc(512, 1))
    expectGood(await release(b, 2n, type))
  })

  test('every service action that changes something is kept', async () => {
    const a = (): Promise<Disk> => diskOf(array, host('a'))
    const b = (): Promise<Disk> => diskOf(array, host('b'))
    const state = async () => {
      const { registrations } = await readFullStatus(await a())
      return registrations.map(({ key, type }) => [Number(key), type])
    }
    const steps: [() => Promise<unknown>, number[][]][] = [
      [async () => expectGood(await register(await a(), 0n, 1n, APTPL)), [[1, 0]]],
      [async () => expectGood(await registerAndIgnore(await b(), 2n, APTPL)), [[1, 0], [2, 0]]],
      [async () => expectGood(await reserve(await a(), 1n, 1)), [[1, 1], [2, 0]]],
      [async () => expectGood(await preempt(await b(), 2n, 1n, 3)), [[2, 3]]],
      [async () => expectGood(await registerAndIgnore(await a(), 1n, APTPL)), [[2, 3], [1, 0]]],
      [async () => expectGood(await moveToA(await b())), [[2, 0], [7, 3]]],
      [async () => expectGood(await release(await a(), 7n, 3)), [[2, 0], [7, 0]]],
      [async () => expectGood(await register(await a(), 7n, 0n, APTPL)), [[2, 0]]],
      [async () => expectGood(await clear(await b(), 2n)), []],
    ] // biome-ignore format: a step a line
    for (const [step, expected] of steps) {
      await step()
      expect(await state()).toEqual(expected)
      await restart()
      expect(await state()).toEqual(expected)
    }
  })

  const moveToA = (from: Disk) => {
    const keys = { reservationKey: 2n, serviceActionReservationKey: 7n, unreg: false, aptpl: true }
    const list = encodeRegisterAndMove({ ...keys, relativeTargetPort: 1, transportId: host('a') })
    return outBytes(from, PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE, list)
  }

  test('without APTPL nothing is; the last valid APTPL counts, whoever sends it', async () => {
    let a = await diskOf(array, host('a'))
    expectGood(await register(a, 0n, 1n))
    expectGood(await reserve(a, 1n, 1))
    await restart()
    a = await diskOf(array, host('a'))
    expect((await readKeys(a)).keys).toEqual([])
    expectGood(await register(a, 0n, 1n, APTPL))
    expectGood(await reserve(a, 1n, 1))
    expectGood(await register(await diskOf(array, host('b')), 0n, 2n))
    expect(await capabilities(a)).toMatchObject({ ptplA: false })
    await restart()
    a = await diskOf(array, host('a'))
    expect(await readFullStatus(a)).toEqual({ generation: 0, registrations: [] })
    expect(await readReservation(a)).toEqual({ generation: 0 })
  })

  test('a target port that is there no longer keeps its registrations, and has them when it is there again', async () => {
    expectGood(await register(await diskOf(array, host('b'), 1), 0n, 2n, APTPL))
    expectGood(await reserve(await diskOf(array, host('b'), 1), 2n, 3))
    await restart(['127.0.0.1:0'])
    const a = await diskOf(array, host('a'))
    expect((await readFullStatus(a)).registrations).toMatchObject([{ relativeTargetPort: 2, rHolder: true }])
    expectConflict(await a.run(READ_10, { blocks: 1 }, { dataInLength: 512 }))
    expectGood(await registerAndIgnore(a, 1n, APTPL)) // rewrites what is kept
    await restart()
    await (await diskOf(array, host('b'), 1)).read(0, 1)
  })
})

describe('where it cannot be kept', () => {
  test('CHECK CONDITION, HARDWARE ERROR; nothing has changed, and the next one that can be kept is', async () => {
    const a = await diskOf(array, host('a'))
    const b = await diskOf(array, host('b'))
    expectGood(await register(a, 0n, 1n, APTPL))
    // Nothing can be written aside where a directory is in the way.
    const aside = `${await file()}.tmp`
    await mkdir(join(aside, 'in the way'), { recursive: true })
    const before = await readFullStatus(a)
    for (const result of [
      await register(b, 0n, 2n, APTPL),
      await register(b, 0n, 2n),
      await reserve(a, 1n, 3),
      await register(a, 1n, 0n),
      await clear(a, 1n),
    ])
      expectSense(result, SENSE.INTERNAL_TARGET_FAILURE)
    expect(await readFullStatus(a)).toEqual(before)
    expect(await readReservation(a)).toEqual({ generation: before.generation })
    await b.write(0, Buffer.alloc(512, 1))
    await rm(aside, { recursive: true })
    expectGood(await reserve(a, 1n, 3))
    expect((await readKeys(a)).generation).toBe(before.generation)
    await restart()
    expect((await readReservation(await diskOf(array, host('b')))).reservation?.type).toBe(3)
  })

  test('a damaged file is refused at the start with its cure, and left as it is', async () => {
    const a = await diskOf(array, host('a'))
    expectGood(await register(a, 0n, 0xabcdn, APTPL))
    await array.running.close()
    const path = await file()
    const text = await readFile(path, 'utf8')
    for (const damaged of [text.replace('abcd', 'abce'), text.slice(0, -20), '']) {
      await writeFile(path, damaged)
      const error = await start().catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(OperatorError)
      expect((error as Error).message).toMatch(/damaged.*restore it from a backup/)
      expect(await readFile(path, 'utf8')).toBe(damaged)
    }
    await writeFile(path, text)
    array = await start()
    expect((await readKeys(await diskOf(array, host('a')))).keys).toEqual([0xabcdn])
  })
})

describe('one after the other', () => {
  test('many at once: each sees what the one before left, also over a restart', async () => {
    const hosts = Array.from({ length: 20 }, (_, i) => host(`h${i}`))
    const disks = await Promise.all(hosts.map((one) => diskOf(array, one)))
    for (const result of await Promise.all(disks.map((disk, i) => register(disk, 0n, BigInt(i + 1), APTPL))))
      expectGood(result)
    const results = await Promise.all(disks.map((disk, i) => reserve(disk, BigInt(i + 1), 1)))
    const winners = results.flatMap((result, i) => (result.status === 0 ? [i] : []))
    expect(winners).toHaveLength(1)
    for (const [i, result] of results.entries()) if (!winners.includes(i)) expectConflict(result)
    const { generation, registrations } = await readFullStatus(disks[0]!)
    expect({ generation, count: registrations.length }).toEqual({ generation: 20, count: 20 })
    await restart()
    const a = await diskOf(array, hosts[0]!)
    expect((await readFullStatus(a)).registrations).toEqual(registrations)
    expect((await readReservation(a)).reservation?.key).toBe(BigInt(winners[0]! + 1))
  })

  test('RESERVE(6) while a REGISTER is being kept: one of the two has the unit, never both', async () => {
    const a = await diskOf(array, host('a'))
    const b = await diskOf(array, host('b'))
    for (let round = 0; round < 20; round++) {
      const [registered, reserved] = await Promise.all([register(a, 0n, 1n, APTPL), b.run(RESERVE_6, {})])
      expect([registered.status, reserved.status].sort()).toEqual([0x00, 0x18])
      if (registered.status === 0) expectGood(await register(a, 1n, 0n, APTPL))
      else expectGood(await b.run(RELEASE_6, {}))
    }
  })
})

test('a LUN without an image has nothing to keep it in: PTPL_C is zero', async () => {
  const a = await (await arrayForTest()).disk()
  expect(await capabilities(a)).toMatchObject({ ptplC: false, ptplA: false })
})
