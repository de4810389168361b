// GET LBA STATUS(16) (SBC-4 5.5): report types, completion conditions, what it tells after writes, unmaps and anchoring; in
// memory and on a sparse image.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  COMPLETION_CONDITION,
  type Decoded,
  decodeLbaStatus,
  encodeUnmapList,
  GET_LBA_STATUS,
  PROVISIONING_STATUS,
  REPORT_TYPE,
  SENSE,
  UNMAP,
  WRITE_SAME_16,
} from '../../../protocol/index.ts'
import { type LunInput, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, pattern } from '../disk.ts'
import { expectOutOfRange } from './matrix.ts'

const BLOCKS = SIZE / 512
/** Runs that every file system and every store keeps apart. */
const RUN = 2048
const { MAPPED, DEALLOCATED } = PROVISIONING_STATUS
const { ALL, NOT_MAPPED, MAPPED: ONLY_MAPPED, DEALLOCATED: ONLY_DEALLOCATED, ANCHORED } = REPORT_TYPE

const STORES: [string, LunInput][] = [
  ['in memory', memory()],
  ['a sparse image', { store: { type: 'sparse' }, size: SIZE }],
]

let array: TestArray

beforeAll(async () => {
  array = await openArray([
    ...STORES.map(([, lun], id) => ({ ...lun, id })),
    memory({ id: 2, provisioning: 'thick' }),
    memory({ id: 3 }),
  ])
  for (const lun of [0, 1]) {
    const disk = await array.disk(lun)
    for (const run of [1, 3]) await disk.write(run * RUN, pattern(RUN * 512, run))
  }
  return () => array.close()
})

const ask = (on: Disk, fields: Partial<Decoded<typeof GET_LBA_STATUS>>) =>
  on.run(GET_LBA_STATUS, { allocationLength: 4096, ...fields }, { dataInLength: 4096 })
async function status(on: Disk, fields: Partial<Decoded<typeof GET_LBA_STATUS>> = {}) {
  const { descriptors, ...header } = decodeLbaStatus(expectGood(await ask(on, fields)).data)
  return {
    ...header,
    runs: descriptors.map((one) => [Number(one.lba) / RUN, one.blocks / RUN, one.provisioningStatus]),
  }
}

describe.each(STORES.map(([name], lun) => ({ name, lun })))('GET LBA STATUS, $name', ({ lun }) => {
  const rest = BLOCKS / RUN - 4
  const all = [
    [0, 1, DEALLOCATED],
    [1, 1, MAPPED],
    [2, 1, DEALLOCATED],
    [3, 1, MAPPED],
    [4, rest, DEALLOCATED],
  ]

  test.each([
    ['all', ALL, all],
    ['those that are not mapped', NOT_MAPPED, all.filter(([, , one]) => one !== MAPPED)],
    ['those that are mapped', ONLY_MAPPED, all.filter(([, , one]) => one === MAPPED)],
    ['those that are deallocated', ONLY_DEALLOCATED, all.filter(([, , one]) => one === DEALLOCATED)],
    ['those that are anchored: none', ANCHORED, []],
  ])('report type: %s', async (_, reportType, runs) => {
    const on = await array.disk(lun)
    expect(await status(on, { reportType })).toEqual({
      completionCondition: COMPLETION_CONDITION.CAPACITY,
      rtp: true,
      runs,
    })
  })

  test('from inside a run on; each descriptor begins where the one before ends', async () => {
    const on = await array.disk(lun)
    const { runs } = await status(on, { lba: BigInt(RUN + RUN / 2) })
    expect(runs.slice(0, 2)).toEqual([
      [1.5, 0.5, MAPPED],
      [2, 1, DEALLOCATED],
    ])
  })

  test('a list that the allocation length cuts says so', async () => {
    const on = await array.disk(lun)
    expect(await status(on, { allocationLength: 40 })).toMatchObject({
      completionCondition: COMPLETION_CONDITION.ALLOCATION_LENGTH,
      runs: all.slice(0, 2),
    })
    const mapped = await status(on, { allocationLength: 24, reportType: ONLY_MAPPED })
    expect(mapped).toMatchObject({
      completionCondition: COMPLETION_CONDITION.ALLOCATION_LENGTH,
      runs: [[1, 1, MAPPED]],
    })
  })
})

describe('GET LBA STATUS (9Eh/12h)', () => {
  test('report types that are none: INVALID FIELD IN CDB, pointer to byte 14', async () => {
    const on = await array.disk()
    for (const reportType of [5, 0x10, 0x80, 0xff])
      expectCdbField(await ask(on, { reportType }), GET_LBA_STATUS, 'reportType')
  })

  test('beyond end: LBA OUT OF RANGE, whatever the report type', async () => {
    const on = await array.disk()
    for (const reportType of [ALL, ANCHORED])
      for (const lba of [BigInt(BLOCKS), 1n << 63n]) expectOutOfRange(await ask(on, { lba, reportType }), BLOCKS)
  })

  test('a thick LUN: all of it mapped', async () => {
    const on = await array.disk(2)
    const whole = [[0, BLOCKS / RUN, MAPPED]]
    expect((await status(on)).runs).toEqual(whole)
    expect((await status(on, { reportType: ONLY_MAPPED })).runs).toEqual(whole)
    for (const reportType of [NOT_MAPPED, ONLY_DEALLOCATED, ANCHORED])
      expect(await status(on, { reportType })).toMatchObject({
        completionCondition: COMPLETION_CONDITION.CAPACITY,
        runs: [],
      })
  })

  test('it follows writes, UNMAP and WRITE SAME; anchored blocks are mapped and hold zeroes', async () => {
    const on = await array.disk(3)
    const first = async () => (await status(on)).runs[0]
    const unmap = (anchor: boolean) => {
      const dataOut = encodeUnmapList([{ lba: 0n, blocks: RUN }])
      return on.run(UNMAP, { anchor, parameterListLength: dataOut.length }, { dataOut })
    }
    expect(await first()).toEqual([0, BLOCKS / RUN, DEALLOCATED])
    await on.write(0, pattern(RUN * 512, 1))
    expect(await first()).toEqual([0, 1, MAPPED])
    expectGood(await unmap(false))
    expect(await first()).toEqual([0, BLOCKS / RUN, DEALLOCATED])
    expectGood(await unmap(true))
    expect(await first()).toEqual([0, 1, MAPPED])
    expect((await on.read(0, RUN)).equals(Buffer.alloc(RUN * 512))).toBe(true)
    const zeroes = { dataOut: Buffer.alloc(512) }
    expectGood(await on.run(WRITE_SAME_16, { unmap: true, blocks: RUN }, zeroes))
    expect(await first()).toEqual([0, BLOCKS / RUN, DEALLOCATED])
    expectGood(await on.run(WRITE_SAME_16, { unmap: true, anchor: true, blocks: RUN }, zeroes))
    expect(await first()).toEqual([0, 1, MAPPED])
  })

  test('the 32-byte form is not offered', async () => {
    const cdb = Buffer.alloc(32)
    cdb[0] = 0x7f
    cdb[7] = 0x18
    cdb.writeUInt16BE(0x0012, 8)
    const result = await (await array.disk()).send(cdb)
    expect(result.sense?.sense).toBeDefined()
    expect([SENSE.INVALID_COMMAND_OPERATION_CODE, SENSE.INVALID_FIELD_IN_CDB]).toContainEqual(result.sense?.sense)
  })
})
