// REZERO UNIT, SEEK(6) and SEEK(10) (SCSI-2 9.2.13, 9.2.15), which LIO answers.

import { beforeAll, describe, expect, test } from 'vitest'
import { REZERO_UNIT, SEEK_6, SEEK_10 } from '../../../protocol/index.ts'
import { memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectGood } from '../disk.ts'
import { expectOutOfRange } from './matrix.ts'

const BLOCKS = SIZE / 512

let array: TestArray
let disk: Disk
beforeAll(async () => {
  array = await openArray([memory()])
  disk = await array.disk()
  return () => array.close()
})

describe.each([
  ['SEEK(6)', SEEK_6, 0x1f_ffff],
  ['SEEK(10)', SEEK_10, 0xffff_ffff],
] as const)('%s', (_, cdb, last) => {
  test('an LBA that exists: GOOD, and no data', async () => {
    for (const lba of [0, BLOCKS - 1]) expect(expectGood(await disk.run(cdb, { lba })).data.length).toBe(0)
  })

  test('one that does not: LBA OUT OF RANGE', async () => {
    for (const lba of [BLOCKS, last]) expectOutOfRange(await disk.run(cdb, { lba }), BLOCKS)
  })
})

test('REZERO UNIT: GOOD', async () => {
  expectGood(await disk.run(REZERO_UNIT, {}))
})
