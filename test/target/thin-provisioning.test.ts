// Thin provisioning towards initiators (SBC-3 4.7.3): a pool that fills up, its soft threshold (38h/07h), thresholds that
// initiators arm in the Logical Block Provisioning mode page, and what of it survives a restart.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  COMPARE_AND_WRITE,
  decodeCapacity16,
  decodeLogicalBlockProvisioning,
  decodeModeParameters,
  decodeProvisioningThresholds,
  encodeModeSelectList,
  encodeProvisioningThresholds,
  encodeUnmapList,
  INQUIRY,
  MODE_SELECT_6,
  MODE_SENSE_6,
  READ_CAPACITY_16,
  READ_WRITE_ERROR_RECOVERY,
  SENSE,
  STATUS,
  TEST_UNIT_READY,
  THRESHOLD_ARMING,
  THRESHOLD_RESOURCE,
  type Threshold,
  UNMAP,
  WRITE_16,
  WRITE_SAME_16,
} from '../../protocol/index.ts'
import { startArray } from '../../src/index.ts'
import { arrayForTest, type LunInput, MIB, memory, TestArray } from './array.ts'
import { type Disk, expectGood, expectParameter, expectSense, pattern } from './disk.ts'

/** THRESHOLD COUNT counts these. */
const SET = 64 * 1024
/** Where the first threshold descriptor stands in the mode page: INFORMATION of its unit attention. */
const FIRST = 16n
const { AVAILABLE, USED } = THRESHOLD_RESOURCE
const { DECREASING, INCREASING } = THRESHOLD_ARMING
const SIZE = 32 * MIB
const LUN = memory({ size: SIZE })

/** A pool of 20 MiB whose threshold is at 10: 1 MiB is its hysteresis. */
const POOLS = [
  { capacity: 20 * MIB, softThreshold: '50%' },
  { name: 'other', capacity: 4 * MIB },
]
const arrayOf = (...luns: LunInput[]) => arrayForTest(luns, {}, { pools: POOLS })

/** Mebibytes at a place in mebibytes. */
const fill = (on: Disk, at: number, count: number) => on.write(at * 2048, pattern(count * MIB, at + 1))
const write = (on: Disk, at: number, blocks = 2048) =>
  on.run(WRITE_16, { lba: BigInt(at * 2048), blocks }, { dataOut: pattern(blocks * 512, 7) })
async function unmap(on: Disk, at: number, count: number) {
  const dataOut = encodeUnmapList([{ lba: BigInt(at * 2048), blocks: count * 2048 }])
  expectGood(await on.run(UNMAP, { parameterListLength: dataOut.length }, { dataOut }))
}

const tur = (on: Disk) => on.run(TEST_UNIT_READY, {})
const expectReached = async (on: Disk, information = FIRST) =>
  expectSense(await tur(on), SENSE.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED, { information })
async function expectQuiet(...disks: Disk[]) {
  for (const disk of disks) expectGood(await tur(disk))
}

async function thresholds(on: Disk, pc = 0) {
  const fields = { pageCode: 0x1c, subpageCode: 2, pc, allocationLength: 255 }
  const { data } = expectGood(await on.run(MODE_SENSE_6, fields, { dataInLength: 255 }))
  return decodeProvisioningThresholds(decodeModeParameters(6, data).pages[0]!.bytes)
}
function select(on: Disk, page: Buffer, sp = false) {
  const list = encodeModeSelectList(6, { mediumType: 0, wp: false, dpoFua: false }, [page])
  return on.run(MODE_SELECT_6, { pf: true, sp, parameterListLength: list.length }, { dataOut: list })
}

const NONE: Threshold = {
  enabled: false,
  thresholdType: 0,
  thresholdArming: DECREASING,
  thresholdResource: 0,
  thresholdCount: 0,
}
const available = (left: number): Threshold => ({
  ...NONE,
  enabled: true,
  thresholdResource: AVAILABLE,
  thresholdCount: left / SET,
})
const used = (bytes: number): Threshold => ({
  ...NONE,
  enabled: true,
  thresholdArming: INCREASING,
  thresholdResource: USED,
  thresholdCount: bytes / SET,
})
/** Four descriptors, the rest of them free. */
const armed = (list: readonly Threshold[], situa = false) =>
  encodeProvisioningThresholds({ situa, thresholds: [...list, NONE, NONE, NONE, NONE].slice(0, 4) })

describe('what a LUN says of its pool', () => {
  const b2 = async (on: Disk) => {
    const { data } = await on.run(INQUIRY, { evpd: true, pageCode: 0xb2, allocationLength: 255 }, { dataInLength: 255 })
    return decodeLogicalBlockProvisioning(data)
  }
  const capacity = async (on: Disk) => {
    const { data } = await on.run(READ_CAPACITY_16, { allocationLength: 32 }, { dataInLength: 32 })
    return decodeCapacity16(data)
  }

  test('THRESHOLD EXPONENT of VPD page B2h: zero without thresholds; LBPRZ as READ CAPACITY(16) has it', async () => {
    const array = await arrayOf(
      LUN,
      memory({ id: 1, blockSize: 4096 }),
      memory({ id: 2, pool: 'none' }),
      memory({ id: 3, provisioning: 'thick' }),
    )
    for (const [lun, thresholdExponent, provisioningType] of [
      [0, Math.log2(SET / 512), 2],
      [1, Math.log2(SET / 4096), 2],
      [2, 0, 2],
      [3, 0, 0],
    ] as const) {
      const on = await array.disk(lun)
      expect(await b2(on)).toMatchObject({ thresholdExponent, provisioningType })
      const { lbpme, lbprz } = await capacity(on)
      expect(lbpme).toBe(provisioningType === 2)
      expect(lbprz).toBe((await b2(on)).lbprz !== 0)
    }
  })

  test('the first threshold is the one of the pool, in threshold sets that are left; the others are free', async () => {
    const array = await arrayOf(LUN, memory({ id: 1, pool: 'other' }))
    for (const [lun, left] of [
      [0, 10 * MIB],
      [1, Math.round((0.2 * 4 * MIB) / SET) * SET],
    ] as const)
      for (const pc of [0, 2])
        expect(await thresholds(await array.disk(lun), pc)).toEqual({
          ps: false,
          situa: false,
          thresholds: [available(left), NONE, NONE, NONE],
        })
  })

  test('a pool of many TiB: counts fit in 32 bits', async () => {
    const array = await arrayForTest([LUN], {}, { pools: [{ capacity: '4096TiB' }] })
    const { thresholdExponent } = await b2(await array.disk())
    expect((4096 * 2 ** 40) / (512 * 2 ** thresholdExponent)).toBeLessThan(2 ** 32)
  })
})

describe('a pool that is full', () => {
  test('SPACE ALLOCATION FAILED WRITE PROTECT for writes that allocate; everything else goes on', async () => {
    const array = await arrayOf(
      memory({ size: 8 * MIB, pool: 'other' }),
      memory({ id: 1, size: 8 * MIB, pool: 'other' }),
      memory({ id: 2, size: 8 * MIB }),
    )
    const [one, two, elsewhere] = [await array.disk(0), await array.disk(1), await array.disk(2)]
    await fill(one, 0, 3)
    await fill(two, 0, 1)
    for (const disk of [one, two]) expect((await tur(disk)).sense?.sense.asc).toBe(0x38)
    for (const disk of [one, two]) {
      expectSense(await write(disk, 5), SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
      const atomic = { dataOut: Buffer.concat([Buffer.alloc(512), Buffer.alloc(512, 1)]) }
      const compared = await disk.run(COMPARE_AND_WRITE, { lba: 12_288n, blocks: 1 }, atomic)
      expectSense(compared, SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
      const same = { dataOut: Buffer.alloc(512, 3) }
      const filled = await disk.run(WRITE_SAME_16, { lba: 12_288n, blocks: 2048 }, same)
      expectSense(filled, SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
      expect(await disk.read(5 * 2048, 2048)).toEqual(Buffer.alloc(MIB))
      expectGood(await write(disk, 0))
      expect((await disk.read(0, 2048)).equals(pattern(MIB, 7))).toBe(true)
    }
    expectGood(await write(elsewhere, 5))
    await unmap(one, 2, 1)
    expectGood(await write(two, 5))
    expectSense(await write(one, 2), SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
  })
})

describe('the soft threshold of a pool', () => {
  test('38h/07h once for every nexus of every LUN in the pool; the write that crosses it succeeds', async () => {
    const array = await arrayOf(LUN, memory({ id: 1, size: SIZE }), memory({ id: 2, pool: 'other' }))
    const disks = [await array.disk(0), await array.disk(0), await array.disk(1), await array.disk(1)]
    const elsewhere = await array.disk(2)
    const [one] = disks as [Disk]
    await fill(one, 0, 9)
    await expectQuiet(...disks)
    await fill(one, 9, 1)
    for (const disk of disks) await expectReached(disk)
    await expectQuiet(...disks, elsewhere)
    await fill(one, 10, 2)
    await expectQuiet(...disks)
  })

  test('a nexus that comes later has missed it', async () => {
    const array = await arrayOf(LUN)
    const one = await array.disk()
    await fill(one, 0, 10)
    await expectReached(one)
    await expectQuiet(await array.disk())
  })

  test('hysteresis: told again only after the pool has been emptied by a twentieth of it', async () => {
    const array = await arrayOf(LUN)
    const one = await array.disk()
    await fill(one, 0, 10)
    await expectReached(one)
    for (let i = 0; i < 3; i++) {
      await unmap(one, 9, 1)
      await one.write(9 * 2048, pattern(MIB / 2, i))
      await expectQuiet(one)
      await one.write(9 * 2048, pattern(MIB, i))
      await expectReached(one)
    }
    for (let i = 0; i < 3; i++) {
      const half = encodeUnmapList([{ lba: BigInt(9 * 2048), blocks: 1024 }])
      expectGood(await one.run(UNMAP, { parameterListLength: half.length }, { dataOut: half }))
      await one.write(9 * 2048, pattern(MIB, i))
      await expectQuiet(one)
    }
  })

  test('LBPERE = 0: nobody is told', async () => {
    const array = await arrayOf(LUN)
    const one = await array.disk()
    expectGood(await select(one, READ_WRITE_ERROR_RECOVERY.encode({})))
    await fill(one, 0, 12)
    await expectQuiet(one)
    expectGood(await select(one, READ_WRITE_ERROR_RECOVERY.encode({ lbpere: true })))
    await fill(one, 12, 1)
    await expectQuiet(one)
  })
})

describe('thresholds that initiators arm (mode page 1Ch/02h)', () => {
  test('on what is left of the pool, whoever takes it', async () => {
    const array = await arrayOf(LUN, memory({ id: 1, size: SIZE }))
    const [one, two] = [await array.disk(0), await array.disk(1)]
    expectGood(await select(one, armed([NONE, available(15 * MIB)])))
    await fill(two, 0, 5)
    await expectReached(one, FIRST + 8n)
    await expectQuiet(one, two)
  })

  test('on what the LUN itself has taken', async () => {
    const array = await arrayOf(LUN, memory({ id: 1, size: SIZE }))
    const [one, two] = [await array.disk(0), await array.disk(1)]
    expectGood(await select(one, armed([used(2 * MIB), NONE, NONE, used(4 * MIB)])))
    await fill(two, 0, 4)
    await expectQuiet(one)
    await fill(one, 0, 1)
    await one.write(2048, pattern(MIB - 4096, 1))
    await expectQuiet(one)
    await one.write(2 * 2048 - 8, pattern(4096, 1))
    await expectReached(one)
    await fill(one, 2, 3)
    await expectReached(one, FIRST + 24n)
    await expectQuiet(one, two)
  })

  test('two that are crossed at once are two conditions', async () => {
    const array = await arrayOf(LUN)
    const one = await array.disk()
    expectGood(await select(one, armed([available(19 * MIB), used(1 * MIB)])))
    await fill(one, 0, 2)
    await expectReached(one, FIRST)
    await expectReached(one, FIRST + 8n)
    await expectQuiet(one)
  })

  test('one that is crossed when it is armed waits until the pool comes back', async () => {
    const array = await arrayOf(LUN)
    const one = await array.disk()
    await fill(one, 0, 3)
    expectGood(await select(one, armed([used(2 * MIB)])))
    await fill(one, 3, 1)
    await expectQuiet(one)
    await unmap(one, 0, 4)
    await fill(one, 0, 2)
    await expectReached(one)
  })

  test('ENABLED = 0: nobody is told; armed again it is', async () => {
    const array = await arrayOf(LUN)
    const one = await array.disk()
    expectGood(await select(one, armed([{ ...used(MIB), enabled: false }])))
    await fill(one, 0, 11)
    await expectQuiet(one)
    await unmap(one, 0, 11)
    expectGood(await select(one, armed([used(MIB)])))
    await fill(one, 0, 1)
    await expectReached(one)
  })

  test('SITUA: one nexus is told', async () => {
    const array = await arrayOf(LUN)
    const disks = [await array.disk(), await array.disk(), await array.disk()]
    const [one] = disks as [Disk]
    expectGood(await select(one, armed([used(MIB)], true)))
    for (const disk of disks.slice(1)) expectSense(await tur(disk), SENSE.MODE_PARAMETERS_CHANGED)
    await fill(one, 0, 1)
    const told = []
    for (const disk of disks) told.push((await tur(disk)).status)
    expect(told.filter((status) => status === STATUS.CHECK_CONDITION)).toHaveLength(1)
  })

  test.each<[string, Partial<Threshold>, number, number | undefined]>([
    ['THRESHOLD TYPE that is not soft', { thresholdType: 1 }, 0, 5],
    ['THRESHOLD ARMING that is reserved', { thresholdArming: 2 }, 0, 2],
    ['THRESHOLD RESOURCE that is reserved', { thresholdResource: 3 }, 1, undefined],
    ['no THRESHOLD RESOURCE', { thresholdResource: 0 }, 1, undefined],
    ['available and increasing', { thresholdArming: INCREASING }, 0, 2],
    ['used and decreasing', { thresholdResource: USED }, 0, 2],
  ])('%s: INVALID FIELD IN PARAMETER LIST, pointer to the field, nothing changes', async (_, wrong, byte, bit) => {
    const array = await arrayOf(LUN)
    const one = await array.disk()
    const before = await thresholds(one)
    const page = armed([NONE, NONE, { ...available(MIB), ...wrong }])
    expectParameter(await select(one, page), 4 + 16 + 2 * 8 + byte, bit)
    expect(await thresholds(one)).toEqual(before)
  })

  test('reserved bits, and another number of descriptors: INVALID FIELD IN PARAMETER LIST', async () => {
    const array = await arrayOf(LUN)
    const one = await array.disk()
    for (const at of [4, 15, 16, 18]) {
      const page = armed([])
      page[at]! |= at === 16 ? 0x40 : 0x02
      expectParameter(await select(one, page), 4 + at)
    }
    for (const count of [0, 3, 5]) {
      const page = encodeProvisioningThresholds({ situa: false, thresholds: Array(count).fill(NONE) })
      expectParameter(await select(one, page), 4 + 2)
    }
    expect(await thresholds(one, 1)).toMatchObject({ situa: true })
  })

  test("they are a LUN's of a pool alone", async () => {
    const array = await arrayOf(memory({ pool: 'none' }))
    expectParameter(await select(await array.disk(), armed([])), 4 + 1)
  })
})

describe('a restart of the array', () => {
  const SPARSE: LunInput = { store: { type: 'sparse', path: 'a.img' }, size: SIZE }

  async function directory() {
    const data = await mkdtemp(join(tmpdir(), 'lunette-pools-'))
    onTestFinished(() => rm(data, { recursive: true, force: true }))
    return async (pools: typeof POOLS = POOLS): Promise<TestArray> => {
      const running = await startArray({ data, portals: ['127.0.0.1:0'], pools, targets: [{ luns: [SPARSE] }] })
      const array = new TestArray(running, join(data, 'nothing'))
      onTestFinished(() => array.close())
      return array
    }
  }

  test('the fill of the pool is what the images hold; one that was past its threshold is not told again', async () => {
    const start = await directory()
    const first = await start()
    await fill(await first.disk(), 0, 18)
    await first.close()
    const one = await (await start()).disk()
    await fill(one, 18, 1)
    await expectQuiet(one)
    expectSense(await write(one, 19, 4096), SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
    expectGood(await write(one, 0))
  })

  test('one that was not is told by the first write that crosses it', async () => {
    const start = await directory()
    const first = await start()
    await fill(await first.disk(), 0, 9)
    await first.close()
    const one = await (await start()).disk()
    await fill(one, 9, 1)
    await expectReached(one)
  })

  test('thresholds that were saved are armed; one that was not follows the configuration', async () => {
    const start = await directory()
    const first = await start()
    expectGood(await select(await first.disk(), armed([used(2 * MIB)]), true))
    await first.close()
    const second = await start()
    const one = await second.disk()
    expect((await thresholds(one)).thresholds[0]).toEqual(used(2 * MIB))
    await fill(one, 0, 2)
    await expectReached(one)
    expectGood(await select(one, armed([available(10 * MIB)]), true)) // as by default
    await second.close()
    const third = await start([{ capacity: 20 * MIB, softThreshold: '75%' }])
    expect((await thresholds(await third.disk())).thresholds[0]).toEqual(available(5 * MIB))
  })
})
