// The pools of a running array (SBC-3 4.7.3), and what else a running unit takes over: a removable medium, how long a SANITIZE
// lasts; and what a unit that is removed leaves in its own file (SPC-4 5.13.5).

import { describe, expect, test } from 'vitest'
import {
  decodeStandardInquiry,
  INQUIRY,
  SENSE,
  SENSE_KEY,
  START_STOP_UNIT,
  STATUS,
  TEST_UNIT_READY,
  WRITE_16,
} from '../../protocol/index.ts'
import type { ArrayInput, Changes } from '../../src/index.ts'
import { arrayForTest, type LunInput, MIB, memory, SIZE, type TestArray } from './array.ts'
import { readKeys, registerAndIgnore } from './commands/persistent-reserve.ts'
import { type Disk, expectGood, expectSense, pattern } from './disk.ts'
import { change, configured, news, quiet, refusal, reported, sees } from './reconfiguring.ts'

type Pools = NonNullable<ArrayInput['pools']>

const arrayWith = (pools: Pools, ...luns: LunInput[]): Promise<TestArray> =>
  arrayForTest(luns, {}, { pools, targets: [{ luns }] })

const changePools = (array: TestArray, pools: Pools, ...luns: LunInput[]): Promise<Changes> =>
  array.running.reconfigure({ ...configured(array, luns), pools })

const fill = (disk: Disk, mib: number) =>
  disk.run(WRITE_16, { lba: BigInt((mib * MIB) / 512), blocks: MIB / 512 }, { dataOut: pattern(MIB, mib) })

describe('pools', () => {
  test('one that grows: units that had no room go on', async () => {
    const array = await arrayWith([{ capacity: '2MiB', softThreshold: '100%' }], memory())
    const disk = await array.disk()
    for (const mib of [0, 1]) expectGood(await fill(disk, mib))
    await news(disk)
    expectSense(await fill(disk, 2), SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
    expect(await changePools(array, [{ capacity: '4MiB', softThreshold: '100%' }], memory())).toEqual([
      'pool default: capacity "2MiB" -> "4MiB"',
    ])
    await news(disk)
    for (const mib of [2, 3]) expectGood(await fill(disk, mib))
    await news(disk)
    expectSense(await fill(disk, 4), SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
    expect(await disk.read(0, MIB / 512)).toEqual(pattern(MIB, 0))
  })

  test('one that becomes smaller than what is in use keeps it, and gives nothing more', async () => {
    const array = await arrayWith([{ capacity: '8MiB' }], memory())
    const disk = await array.disk()
    for (const mib of [0, 1]) expectGood(await fill(disk, mib))
    await changePools(array, [{ capacity: '1MiB' }], memory())
    await news(disk)
    expect(await disk.read(0, MIB / 512)).toEqual(pattern(MIB, 0))
    expectGood(await fill(disk, 0))
    await news(disk)
    expectSense(await fill(disk, 2), SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
  })

  test('a new one with a LUN in it, and both are taken away again', async () => {
    const array = await arrayWith([{}], memory())
    const disk = await array.disk()
    const fast = { name: 'fast', capacity: '1MiB' }
    expect(await changePools(array, [{}, fast], memory(), memory({ id: 1, pool: 'fast' }))).toEqual([
      `${array.iqn} LUN 1: added, 8MiB, memory`,
      'pool fast: added, 1MiB',
    ])
    const added = sees(disk, 1)
    await news(added)
    expectGood(await fill(added, 0))
    await news(added)
    expectSense(await fill(added, 1), SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
    expect(await changePools(array, [{}], memory())).toEqual([`${array.iqn} LUN 1: removed`, 'pool fast: removed'])
    expect(await reported(disk)).toEqual([0])
  })

  test('one that a LUN still uses cannot go', async () => {
    const array = await arrayWith([{}], memory())
    const lines = await refusal(array, { ...configured(array, [memory()]), pools: [{ name: 'fast' }] })
    expect(lines).toEqual([expect.stringMatching(/^targets\[0\]\.luns\[0\]\.pool: found "default"; allowed: /)])
  })

  test('what is refused gives no room', async () => {
    const array = await arrayWith([{ capacity: '2MiB' }], memory())
    const disk = await array.disk()
    const lines = await refusal(array, {
      ...configured(array, [memory(), memory({ id: 1, store: { type: 'sparse', path: 'no/x' }, pool: 'fast' })]),
      pools: [{ capacity: '64MiB' }, { name: 'fast' }],
    })
    expect(lines).toEqual([expect.stringMatching(/^targets\[0\]\.luns\[1\]\.store: cannot open /)])
    for (const mib of [0, 1]) expectGood(await fill(disk, mib))
    await news(disk)
    expectSense(await fill(disk, 2), SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
  })

  test('another soft threshold is another default of the mode page: 2Ah/01h', async () => {
    const array = await arrayWith(
      [{ capacity: '8MiB', softThreshold: '50%' }],
      memory(),
      memory({ id: 1, pool: 'none' }),
    )
    const disk = await quiet(array, [0, 1])
    expect(
      await changePools(array, [{ capacity: '8MiB', softThreshold: '90%' }], memory(), memory({ id: 1, pool: 'none' })),
    ).toEqual(['pool default: softThreshold "50%" -> "90%"'])
    expect(await news(disk)).toEqual([SENSE.MODE_PARAMETERS_CHANGED])
    expect(await news(sees(disk, 1))).toEqual([])
  })
})

describe('a removable medium', () => {
  test('RMB comes and goes; a medium that was out is in again where it cannot be taken out', async () => {
    const array = await arrayForTest([memory()])
    const disk = await array.disk()
    const rmb = async () =>
      decodeStandardInquiry((await disk.run(INQUIRY, { allocationLength: 96 }, { dataInLength: 96 })).data).rmb
    const eject = () => disk.run(START_STOP_UNIT, { loej: true, start: false })
    expect((await eject()).status).toBe(STATUS.CHECK_CONDITION)
    await change(array, [memory({ removable: true })])
    expect(await news(disk)).toEqual([SENSE.INQUIRY_DATA_HAS_CHANGED])
    expect(await rmb()).toBe(true)
    expectGood(await eject())
    const out = await disk.run(TEST_UNIT_READY, {})
    expect(out.sense?.sense.key).toBe(SENSE_KEY.NOT_READY)
    await change(array, [memory()])
    expect(await news(disk)).toEqual([SENSE.INQUIRY_DATA_HAS_CHANGED])
    expect(await rmb()).toBe(false)
    await disk.write(0, pattern(512, 1))
  })
})

test('sanitizeSeconds: nobody hears of it', async () => {
  const array = await arrayForTest([memory()])
  const disk = await array.disk()
  expect(await change(array, [memory({ sanitizeSeconds: 5 })])).toEqual([`${array.iqn} LUN 0: sanitizeSeconds 0 -> 5`])
  expect(await news(disk)).toEqual([])
})

test.each([
  ['with APTPL it is there when the LUN comes back', true, [0x11n]],
  ['without, it is not', false, []],
])('a persistent reservation of a LUN that is removed: %s', async (_, aptpl, keys) => {
  const image: LunInput = { store: { type: 'sparse' }, size: SIZE }
  const array = await arrayForTest([image])
  const disk = await array.disk()
  expectGood(await registerAndIgnore(disk, 0x11n, { aptpl }))
  await change(array, [])
  await change(array, [image])
  await news(disk)
  expect((await readKeys(disk)).keys).toEqual(keys)
})
