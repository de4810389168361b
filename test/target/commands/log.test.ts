// LOG SENSE (SPC-4 6.8) and LOG SELECT (SPC-4 6.7): the pages of a disk, what their numbers follow, and wrong input for every
// field of both commands.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  type Decoded,
  decodeLogPage,
  decodeLogParameters,
  decodeSupportedLogSubpages,
  EXCEPTIONS,
  encodeLogPage,
  encodeLogParameters,
  encodeUnmapList,
  LOG_SELECT,
  LOG_SENSE,
  type LogPageCode,
  READ_10,
  REPORT_SUPPORTED_OPERATION_CODES,
  RESERVE_6,
  RESOURCE_COUNT,
  SENSE,
  STATISTICS,
  STATUS,
  TEMPERATURE,
  TEST_UNIT_READY,
  UNMAP,
  WRITE_10,
} from '../../../protocol/index.ts'
import { drainUnitAttentions, memory, openArray, type TestArray } from '../array.ts'
import { Disk, expectCdbField, expectGood, expectParameter, expectSense, pattern } from '../disk.ts'

const CUMULATIVE = 1
const SET = 64 * 1024
const MIB = 1024 * 1024

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray(
    [
      memory(),
      memory({ id: 1, provisioning: 'thick' }),
      memory({ id: 2, pool: 'none' }),
      memory({ id: 3, blockSize: 4096 }),
    ],
    {},
    { pools: [{ capacity: '16MiB' }] },
  )
  disk = await array.disk()
  return () => array.close()
})

const sense = (fields: Partial<Decoded<typeof LOG_SENSE>>, on = disk) =>
  on.run(LOG_SENSE, { pc: CUMULATIVE, allocationLength: 512, ...fields }, { dataInLength: 512 })
const page = async (pageCode: number, on = disk, fields: Partial<Decoded<typeof LOG_SENSE>> = {}) =>
  decodeLogPage(expectGood(await sense({ pageCode, ...fields }, on)).data)
const parameters = async (pageCode: number, on = disk, fields: Partial<Decoded<typeof LOG_SENSE>> = {}) =>
  decodeLogParameters((await page(pageCode, on, fields)).body)
const select = (fields: Partial<Decoded<typeof LOG_SELECT>>, list: Buffer = Buffer.alloc(0), on = disk) =>
  on.run(LOG_SELECT, { pc: CUMULATIVE, parameterListLength: list.length, ...fields }, { dataOut: list })

const PAGES = [0x00, 0x0c, 0x0d, 0x0e, 0x19, 0x2f]
const codes = async (on: Disk): Promise<LogPageCode[]> =>
  decodeSupportedLogSubpages((await page(0, on, { subpageCode: 0xff })).body)

describe('LOG SENSE (4Dh)', () => {
  test('00h and 00h/FFh: the pages that there are, ascending; 0Ch where blocks come from a pool', async () => {
    for (const [lun, pages] of [
      [0, PAGES],
      [1, PAGES.filter((code) => code !== 0x0c)],
      [2, PAGES.filter((code) => code !== 0x0c)],
    ] as const) {
      const on = await array.disk(lun)
      expect([...(await page(0, on)).body]).toEqual(pages)
      const subpages = pages.map((pageCode) => ({ pageCode, subpageCode: 0 }))
      expect(await codes(on)).toEqual([subpages[0], { pageCode: 0, subpageCode: 0xff }, ...subpages.slice(1)])
    }
  })

  test('every page that is listed is there, every other is refused with a pointer', async () => {
    const listed = await codes(disk)
    for (const { pageCode, subpageCode } of listed)
      expect(await page(pageCode, disk, { subpageCode })).toMatchObject({ pageCode, subpageCode })
    for (let pageCode = 0; pageCode < 0x40; pageCode++) {
      if (!PAGES.includes(pageCode)) expectCdbField(await sense({ pageCode }), LOG_SENSE, 'pageCode')
      else
        for (const subpageCode of [1, 0x20, 0xfe])
          expectCdbField(await sense({ pageCode, subpageCode }), LOG_SENSE, 'subpageCode')
    }
    expectCdbField(await sense({ pageCode: 0x0c }, await array.disk(1)), LOG_SENSE, 'pageCode')
  })

  test('pages of parameters are not saved: DS', async () => {
    for (const pageCode of PAGES) expect((await page(pageCode)).ds).toBe(pageCode !== 0)
  })

  test('SP: INVALID FIELD IN CDB', async () =>
    expectCdbField(await sense({ pageCode: 0x0d, sp: true }), LOG_SENSE, 'sp'))

  test('PAGE CONTROL: cumulative and default cumulative values; there are no thresholds', async () => {
    await disk.write(0, pattern(512, 1))
    for (const pageCode of PAGES.slice(1)) {
      for (const pc of [0, 2]) expectCdbField(await sense({ pageCode, pc }), LOG_SENSE, 'pc')
      for (const pc of [1, 3]) expect((await parameters(pageCode, disk, { pc })).length).toBeGreaterThan(0)
    }
    expect((await parameters(0x19, disk, { pc: 3 }))[0]?.value).toEqual(Buffer.alloc(64))
    expect((await parameters(0x0c, disk, { pc: 3 }))[0]?.value).toEqual((await parameters(0x0c))[0]?.value)
    for (const pc of [0, 1, 2, 3]) expect([...(await page(0, disk, { pc })).body]).toEqual(PAGES)
  })

  test('PARAMETER POINTER: the parameters from it on; beyond the last one it is refused', async () => {
    const all = await parameters(0x0c)
    expect(all.map(({ parameterCode }) => parameterCode)).toEqual([1, 2])
    expect((await parameters(0x0c, disk, { parameterPointer: 1 })).length).toBe(2)
    expect((await parameters(0x0c, disk, { parameterPointer: 2 })).map((one) => one.parameterCode)).toEqual([2])
    for (const parameterPointer of [3, 0xffff])
      expectCdbField(await sense({ pageCode: 0x0c, parameterPointer }), LOG_SENSE, 'parameterPointer')
    expectCdbField(await sense({ pageCode: 0, parameterPointer: 1 }), LOG_SENSE, 'parameterPointer')
  })

  test('allocation length: cut at any length, the true length told', async () => {
    const whole = expectGood(await sense({ pageCode: 0x19 })).data
    expect(whole.length).toBe(4 + 4 + 64 + 2 * (4 + 8))
    for (const allocationLength of [0, 1, 4, 12, 72, whole.length]) {
      const { data } = expectGood(await sense({ pageCode: 0x19, allocationLength }))
      expect(data).toEqual(whole.subarray(0, allocationLength))
    }
  })

  test('what nothing measures is not available: temperature, exceptions', async () => {
    for (const { value } of await parameters(0x0d)) expect(TEMPERATURE.decode(value)).toEqual({ celsius: 0xff })
    const [exception] = await parameters(0x2f)
    expect(EXCEPTIONS.decode(exception!.value)).toEqual({ asc: 0, ascq: 0, celsius: 0xff, tripCelsius: 0xff })
    expect((await parameters(0x0e)).map(({ parameterCode, value }) => [parameterCode, [...value]])).toEqual([
      [4, [0, 0, 0, 0]],
    ])
  })

  test('goes on while another nexus holds a reservation; LOG SELECT does not', async () => {
    const other = await array.disk()
    expectGood(await other.run(RESERVE_6, {}))
    expectGood(await sense({ pageCode: 0x0d }))
    expect((await select({})).status).toBe(STATUS.RESERVATION_CONFLICT)
    await other.session.logout()
    await drainUnitAttentions(disk)
  })

  test('REPORT SUPPORTED OPERATION CODES: SP is not taken', async () => {
    for (const [requestedOperationCode, byte] of [
      [0x4d, 0x00],
      [0x4c, 0x02],
    ] as const) {
      const fields = { reportingOptions: 1, requestedOperationCode, allocationLength: 64 }
      const { data } = await disk.run(REPORT_SUPPORTED_OPERATION_CODES, fields, { dataInLength: 64 })
      expect(data[4 + 1]).toBe(byte)
    }
  })
})

describe('Logical Block Provisioning (0Ch)', () => {
  const counts = async (on: Disk) =>
    (await parameters(0x0c, on)).map(({ parameterCode, value }) => ({ parameterCode, ...RESOURCE_COUNT.decode(value) }))

  test('what the pool has left, for all; what this LUN has taken, its own: they follow writes and unmaps', async () => {
    const other = new Disk(await array.connect(), 3, 4096)
    const one = await array.disk()
    await drainUnitAttentions(other)
    expectGood(
      await one.run(UNMAP, { parameterListLength: 24 }, { dataOut: encodeUnmapList([{ lba: 0n, blocks: 16384 }]) }),
    )
    const [free] = await counts(one)
    expect(free).toEqual({ parameterCode: 1, resourceCount: (16 * MIB) / SET, scope: 2 })
    await one.write(0, pattern(MIB, 1))
    await other.write(0, pattern(2 * MIB, 2, 4096))
    const left = (13 * MIB) / SET
    expect(await counts(one)).toEqual([
      { parameterCode: 1, resourceCount: left, scope: 2 },
      { parameterCode: 2, resourceCount: MIB / SET, scope: 1 },
    ])
    expect(await counts(other)).toEqual([
      { parameterCode: 1, resourceCount: left, scope: 2 },
      { parameterCode: 2, resourceCount: (2 * MIB) / SET, scope: 1 },
    ])
    expectGood(
      await other.run(UNMAP, { parameterListLength: 24 }, { dataOut: encodeUnmapList([{ lba: 0n, blocks: 256 }]) }),
    )
    expect((await counts(other)).map(({ resourceCount }) => resourceCount)).toEqual([(14 * MIB) / SET, MIB / SET])
  })
})

describe('General Statistics and Performance (19h)', () => {
  const statistics = async () => STATISTICS.decode((await parameters(0x19))[0]!.value)

  test('commands count once, however long; blocks are those that went by', async () => {
    expectGood(await select({ pcr: true }))
    await disk.write(0, pattern(3 * MIB, 1))
    await disk.write(0, pattern(512, 1))
    await disk.read(0, 4096)
    expectGood(await disk.run(READ_10, {}, {}))
    expect(await statistics()).toMatchObject({
      readCommands: 2n,
      writeCommands: 2n,
      blocksReceived: 6145n,
      blocksTransmitted: 4096n,
    })
  })

  test('no time is measured: intervals have no length', async () => {
    const [, idle, interval] = await parameters(0x19)
    expect([idle, interval].map((one) => [one?.parameterCode, one?.value.toString('hex')])).toEqual([
      [2, '00'.repeat(8)],
      [3, '00'.repeat(8)],
    ])
  })

  test('a command that is refused is none', async () => {
    const before = await statistics()
    expectSense(
      await disk.run(WRITE_10, { lba: 0xffff_fff0, blocks: 1 }, { dataOut: Buffer.alloc(512) }),
      SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE,
      {
        information: 0xffff_fff0n,
      },
    )
    expect(await statistics()).toEqual(before)
  })
})

describe('LOG SELECT (4Ch)', () => {
  const readCommands = async () => STATISTICS.decode((await parameters(0x19))[0]!.value).readCommands

  test.each([
    ['PCR: all pages', { pcr: true }],
    ['PCR: the page', { pcr: true, pageCode: 0x19 }],
    ['default cumulative values, no parameters', { pc: 3 }],
    ['default cumulative values of the page', { pc: 3, pageCode: 0x19 }],
  ])('%s: the counters are set back, the other nexuses hear of it', async (_, fields) => {
    const other = await array.disk()
    await disk.read(0, 1)
    expect(await readCommands()).toBeGreaterThan(0n)
    expectGood(await select(fields))
    expect(await readCommands()).toBe(0n)
    expectSense(await other.run(TEST_UNIT_READY, {}), SENSE.LOG_PARAMETERS_CHANGED)
    expectGood(await disk.run(TEST_UNIT_READY, {}))
  })

  test('pages without counters, other page controls, nothing at all: GOOD, nothing changes', async () => {
    const other = await array.disk()
    await disk.read(0, 1)
    for (const fields of [{}, { pc: 0 }, { pc: 2 }, { pcr: true, pageCode: 0x0d }, { pageCode: 0x0c }])
      expectGood(await select(fields))
    expect(await readCommands()).toBeGreaterThan(0n)
    expectGood(await other.run(TEST_UNIT_READY, {}))
  })

  test('SP, and a page that is not there: INVALID FIELD IN CDB', async () => {
    expectCdbField(await select({ sp: true }), LOG_SELECT, 'sp')
    expectCdbField(await select({ pcr: true, pageCode: 0x0f }), LOG_SELECT, 'pageCode')
    expectCdbField(await select({ pcr: true, pageCode: 0x19, subpageCode: 1 }), LOG_SELECT, 'subpageCode')
    expectCdbField(await select({ subpageCode: 0xff }), LOG_SELECT, 'pageCode')
  })

  test('PCR with a list, and a list for one page: INVALID FIELD IN CDB', async () => {
    const list = Buffer.alloc(4)
    expectCdbField(await select({ pcr: true }, list), LOG_SELECT, 'parameterListLength')
    expectCdbField(await select({ pageCode: 0x19 }, list), LOG_SELECT, 'pageCode')
  })

  const listOf = (pageCode: number, codesOf: number[], subpageCode = 0) =>
    encodeLogPage({
      ds: false,
      pageCode,
      subpageCode,
      body: encodeLogParameters(
        codesOf.map((parameterCode) => ({
          parameterCode,
          du: false,
          tsd: false,
          tmc: 0,
          format: 3,
          value: Buffer.alloc(2),
        })),
      ),
    })

  test('a parameter cannot be set: INVALID FIELD IN PARAMETER LIST, pointer to its code', async () => {
    expectParameter(await select({}, listOf(0x0d, [0])), 4)
    expectParameter(await select({}, Buffer.concat([listOf(0x0d, []), listOf(0x19, [1])])), 8)
  })

  test('a page or subpage that is not there: pointer to its code', async () => {
    expectParameter(await select({}, listOf(0x0f, [0])), 0, 5)
    expectParameter(await select({}, listOf(0x0d, [0], 7)), 1)
    expectParameter(await select({}, Buffer.concat([listOf(0x0e, []), listOf(0x00, [])])), 4, 5)
  })

  test('pages without parameters: GOOD', async () => {
    expectGood(await select({}, Buffer.concat([listOf(0x0d, []), listOf(0x2f, [])])))
  })

  test('a list that is cut: PARAMETER LIST LENGTH ERROR', async () => {
    const list = listOf(0x0d, [0])
    for (const length of [1, 3, 5, 7, 9])
      expectSense(await select({}, list.subarray(0, length)), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    const inside = Buffer.from(list)
    inside[7] = 9
    expectSense(await select({}, inside), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    expectSense(await select({ parameterListLength: 40 }, list), SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })
})
