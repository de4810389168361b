// One host, one LUN, two portals: what must not depend on the path, by libiscsi's MultipathIO, and what must.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  ASSOCIATION,
  COMPARE_AND_WRITE,
  decodeDeviceIdentification,
  decodeScsiPorts,
  designatorText,
  INQUIRY,
  SENSE,
  STATUS,
  TASK_MANAGEMENT_FUNCTION,
  TEST_UNIT_READY,
  VPD_PAGE,
} from '../../protocol/index.ts'
import { memory, openArray, type TestArray } from './array.ts'
import { type Disk, expectGood, expectSense, pattern } from './disk.ts'
import { diskThrough, portals } from './paths.ts'

let array: TestArray
let paths: [Disk, Disk]

beforeAll(async () => {
  array = await openArray([memory()], {}, portals(2))
  paths = [await diskThrough(array, 0), await diskThrough(array, 1)]
  return () => array.close()
})

const page = async (on: Disk, pageCode: number): Promise<Buffer> =>
  expectGood(await on.run(INQUIRY, { evpd: true, pageCode, allocationLength: 1024 }, { dataInLength: 1024 })).data

const compareAndWrite = (on: Disk, lba: number, expected: Buffer, replacement: Buffer) =>
  on.run(COMPARE_AND_WRITE, { lba: BigInt(lba), blocks: 1 }, { dataOut: Buffer.concat([expected, replacement]) })

describe('two paths to one LUN', () => {
  test('simple: what is written on one path is read on the other', async () => {
    const [a, b] = paths
    for (const [writer, reader, seed] of [
      [a, b, 1],
      [b, a, 2],
    ] as const) {
      await writer.write(8, pattern(256 * 512, seed))
      expect((await reader.read(8, 256)).equals(pattern(256 * 512, seed))).toBe(true)
    }
  })

  test('reset: a LUN reset on one path is a unit attention on every path', async () => {
    for (const path of paths) {
      await path.session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET)
      for (const each of paths) {
        expectSense(await each.run(TEST_UNIT_READY, {}), SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED)
        expectGood(await each.run(TEST_UNIT_READY, {}))
      }
    }
  })

  test('compare and write: in turn on both paths, each sees the other', async () => {
    const zero = Buffer.alloc(512)
    for (let lba = 1000; lba < 1064; lba++) {
      const [a, b] = lba % 2 === 0 ? paths : ([paths[1], paths[0]] as const)
      expectGood(await compareAndWrite(a, lba, zero, pattern(512, lba)))
      const lost = await compareAndWrite(b, lba, zero, pattern(512, 0))
      expect(lost.sense?.sense).toEqual(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION)
      expectGood(await compareAndWrite(b, lba, pattern(512, lba), zero))
    }
  })

  test('compare and write, racing: each round has one winner', async () => {
    const lba = 2000
    let current = await paths[0].read(lba, 1)
    for (let round = 1; round <= 200; round++) {
      const racing = [0, 1].map((path) => compareAndWrite(paths[path]!, lba, current, pattern(512, 2 * round + path)))
      const results = await Promise.all(racing)
      const winners = [0, 1].filter((path) => results[path]!.status === STATUS.GOOD)
      expect(winners).toHaveLength(1)
      const loser = results[1 - winners[0]!]!
      expect(loser.sense?.sense).toEqual(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION)
      current = pattern(512, 2 * round + winners[0]!)
    }
    for (const path of paths) expect((await path.read(lba, 1)).equals(current)).toBe(true)
  })

  test('the names of the LUN are the same on both paths, those of the port are not', async () => {
    const [a, b] = await Promise.all(
      paths.map(async (path) => decodeDeviceIdentification(await page(path, VPD_PAGE.DEVICE_IDENTIFICATION))),
    )
    const of = (designators: typeof a, association: number) =>
      designators!.filter((designator) => designator.association === association).map(designatorText)
    for (const same of [ASSOCIATION.LOGICAL_UNIT, ASSOCIATION.TARGET_DEVICE]) expect(of(a, same)).toEqual(of(b, same))
    expect(of(a, ASSOCIATION.TARGET_PORT)).toEqual([
      'relative target port 1',
      'target port group 1',
      `${array.iqn},t,0x0001`,
    ])
    expect(of(b, ASSOCIATION.TARGET_PORT)).toEqual([
      'relative target port 2',
      'target port group 2',
      `${array.iqn},t,0x0002`,
    ])
  })

  test('SCSI Ports (88h): both ports with their names, on either path', async () => {
    for (const path of paths) {
      const ports = decodeScsiPorts(await page(path, VPD_PAGE.SCSI_PORTS))
      expect(ports.map(({ relativePort, designators }) => [relativePort, designators.map(designatorText)])).toEqual([
        [1, [`${array.iqn},t,0x0001`]],
        [2, [`${array.iqn},t,0x0002`]],
      ])
    }
  })

  test('all other pages are the same on both paths', async () => {
    const codes = [...(await page(paths[0], VPD_PAGE.SUPPORTED_PAGES)).subarray(4)]
    expect(codes).toEqual([...codes].sort((a, b) => a - b))
    for (const code of codes)
      if (code !== VPD_PAGE.DEVICE_IDENTIFICATION)
        expect(await page(paths[0], code)).toEqual(await page(paths[1], code))
  })
})
