// A running logical unit that is grown or switched: what it says and does from then on, and who hears of it (SBC-3 4.10,
// SPC-4 5.14, 6.6). Sessions go on.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  CACHING,
  COMPARE_AND_WRITE,
  decodeStandardInquiry,
  INQUIRY,
  MODE_SENSE_6,
  READ_16,
  READ_CAPACITY_16,
  SENSE,
  TEST_UNIT_READY,
  WRITE_16,
} from '../../protocol/index.ts'
import { arrayForTest, type LunInput, MIB, memory, SIZE } from './array.ts'
import { type Disk, expectCdbField, expectGood, expectSense, pattern } from './disk.ts'
import { HeldStore, handBuilt } from './hand-built.ts'
import { change, news, quiet, sees } from './reconfiguring.ts'

const CAPACITY_CHANGED = [SENSE.CAPACITY_DATA_HAS_CHANGED]
const INQUIRY_CHANGED = [SENSE.INQUIRY_DATA_HAS_CHANGED]
const MODES_CHANGED = [SENSE.MODE_PARAMETERS_CHANGED]

async function lastLba(disk: Disk): Promise<bigint> {
  const { data } = expectGood(await disk.run(READ_CAPACITY_16, { allocationLength: 32 }, { dataInLength: 32 }))
  return data.readBigUInt64BE(0)
}
const standard = async (disk: Disk) =>
  decodeStandardInquiry(expectGood(await disk.run(INQUIRY, { allocationLength: 96 }, { dataInLength: 96 })).data)

/** Header and pages of MODE SENSE(6). */
async function modes(disk: Disk, pageCode = 0x3f): Promise<Buffer> {
  const cdb = { dbd: true, pageCode, allocationLength: 255 }
  return expectGood(await disk.run(MODE_SENSE_6, cdb, { dataInLength: 255 })).data
}

describe('a LUN that grows', () => {
  test.each<[string, LunInput]>([
    ['sparse', { store: { type: 'sparse' } }],
    ['file', { store: { type: 'file' } }],
    ['memory', {}],
    ['null', { store: { type: 'null' } }],
  ])('%s: 2Ah/09h to every nexus, the old data, zeroes behind them', async (_, store) => {
    const array = await arrayForTest([memory({ ...store, size: MIB }), memory({ id: 1 })])
    const disks = [await quiet(array, [0, 1]), await quiet(array, [0, 1])]
    const [disk] = disks as [Disk]
    await disk.write(2040, pattern(4096, 1))
    const before = await disk.read(2040, 8)
    expectSense(
      await disk.run(READ_16, { lba: 2048n, blocks: 1 }, { dataInLength: 512 }),
      SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE,
      { information: 2048n },
    )
    expect(await change(array, [memory({ ...store, size: 3 * MIB }), memory({ id: 1 })])).toEqual([
      `${array.iqn} LUN 0: size "1MiB" -> "3MiB"`,
    ])
    for (const each of disks) {
      expect(await news(each)).toEqual(CAPACITY_CHANGED)
      expect(await news(sees(each, 1))).toEqual([])
      expect(await lastLba(each)).toBe(BigInt((3 * MIB) / 512 - 1))
      expect(await each.read(2040, 16)).toEqual(Buffer.concat([before, Buffer.alloc(4096)]))
    }
    await disk.write((3 * MIB) / 512 - 1, pattern(512, 2))
  })

  test('the image grows with it, and a restart finds it so', async () => {
    const store = { type: 'sparse', path: 'a.img' } as const
    const array = await arrayForTest([memory({ store, size: MIB })])
    await change(array, [memory({ store, size: 2 * MIB })])
    expect((await stat(join(array.data, 'a.img'))).size).toBe(2 * MIB)
  })

  test('a command that has been judged before ends by what it was judged by', async () => {
    const array = await arrayForTest([memory({ size: MIB })])
    const disk = await array.disk()
    const written = disk.run(WRITE_16, { lba: 2047n, blocks: 2 }, { dataOut: pattern(1024, 1) })
    await disk.session.nop()
    await change(array, [memory({ size: 2 * MIB })])
    expectSense(await written, SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE, { information: 2048n })
  })
})

describe('what INQUIRY tells', () => {
  test.each<[string, LunInput]>([
    ['the vendor', { identity: { vendor: 'OTHER' } }],
    ['the product', { identity: { product: 'OTHER DISK' } }],
    ['the revision', { identity: { revision: '2.0' } }],
    ['the version', { scsiVersion: 5 }],
    ['a primitive', { vaai: { ats: false } }],
    ['a limit', { limits: { transferBlocks: 128 } }],
    ['another limit', { limits: { unmapGranularityBlocks: 8 } }],
  ])('%s: 3Fh/03h to every nexus, once', async (_, lun) => {
    const array = await arrayForTest([memory()])
    const disks = [await array.disk(), await array.disk()]
    await change(array, [memory(lun)])
    for (const disk of disks) expect(await news(disk)).toEqual(INQUIRY_CHANGED)
    await change(array, [memory()])
    for (const disk of disks) expect(await news(disk)).toEqual(INQUIRY_CHANGED)
  })

  test('is another one', async () => {
    const array = await arrayForTest([memory()])
    const disk = await array.disk()
    const identity = { vendor: 'ACME', product: 'ROCKET DISK', revision: '9.9' }
    await change(array, [memory({ identity, scsiVersion: 5 })])
    expect(await standard(disk)).toMatchObject({ ...identity, version: 5 })
  })

  test('a key that nothing of it tells: nobody hears of it', async () => {
    const array = await arrayForTest([memory({ provisioning: 'thick' })])
    const disk = await array.disk()
    const quietly = memory({ provisioning: 'thick', limits: { unmapBlocks: 4096 } })
    expect(await change(array, [quietly])).toEqual([`${array.iqn} LUN 0: limits.unmapBlocks 4294967295 -> 4096`])
    expect(await news(disk)).toEqual([])
  })
})

describe('what MODE SENSE tells', () => {
  test('readOnly: WP, 2Ah/01h, and writes are refused; and back', async () => {
    const array = await arrayForTest([memory()])
    const disks = [await array.disk(), await array.disk()]
    const [disk] = disks as [Disk]
    const write = () => disk.run(WRITE_16, { blocks: 1 }, { dataOut: pattern(512, 1) })
    await change(array, [memory({ readOnly: true })])
    for (const each of disks) expect(await news(each)).toEqual(MODES_CHANGED)
    expect((await modes(disk))[2]! & 0x80).toBe(0x80)
    expectSense(await write(), SENSE.WRITE_PROTECTED)
    await change(array, [memory()])
    for (const each of disks) expect(await news(each)).toEqual(MODES_CHANGED)
    expect((await modes(disk))[2]! & 0x80).toBe(0)
    expectGood(await write())
  })

  test('readOnly of a unit whose writes are under way: they end well', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const disk = await built.disk()
    store.hold()
    const written = disk.run(WRITE_16, { blocks: 1 }, { dataOut: pattern(512, 1) })
    await store.untilWaiting(1)
    const [unit] = built.units
    unit!.readOnly = true
    store.release()
    expectGood(await written)
  })

  test('dpoFua: DPOFUA, 2Ah/01h, and the bits are refused', async () => {
    const array = await arrayForTest([memory()])
    const disk = await array.disk()
    expect((await modes(disk))[2]! & 0x10).toBe(0x10)
    await change(array, [memory({ dpoFua: false })])
    expect(await news(disk)).toEqual(MODES_CHANGED)
    expect((await modes(disk))[2]! & 0x10).toBe(0)
    expectCdbField(await disk.run(READ_16, { fua: true, blocks: 1 }, { dataInLength: 512 }), READ_16, 'fua')
  })

  test('writeCache: WCE, 2Ah/01h; and back', async () => {
    const array = await arrayForTest([memory({ store: { type: 'sparse' } })])
    const disk = await array.disk()
    const wce = async () => CACHING.decode((await modes(disk, 0x08)).subarray(4)).wce
    expect(await wce()).toBe(true)
    for (const writeCache of [false, true]) {
      await change(array, [memory({ store: { type: 'sparse' }, writeCache })])
      expect(await news(disk)).toEqual(MODES_CHANGED)
      expect(await wce()).toBe(writeCache)
      await disk.write(0, pattern(512, 1))
    }
  })
})

test('several things of one LUN at once: each condition once, in the order of what is told', async () => {
  const array = await arrayForTest([memory({ size: MIB })])
  const disk = await array.disk()
  await change(array, [memory({ size: SIZE, readOnly: true, vaai: { ats: false }, limits: { transferBlocks: 64 } })])
  expect(await news(disk)).toEqual([...INQUIRY_CHANGED, ...MODES_CHANGED, ...CAPACITY_CHANGED])
  expectSense(
    await disk.run(COMPARE_AND_WRITE, { blocks: 1 }, { dataOut: Buffer.alloc(1024) }),
    SENSE.INVALID_COMMAND_OPERATION_CODE,
  )
  expectCdbField(await disk.run(READ_16, { blocks: 65 }, { dataInLength: 65 * 512 }), READ_16, 'blocks')
  expectGood(await disk.run(TEST_UNIT_READY, {}))
})
