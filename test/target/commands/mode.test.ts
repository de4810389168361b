// MODE SENSE(6), (10) and MODE SELECT(6), (10) (SPC-4 6.11 to 6.14), and what the parameters do: SWP, D_SENSE, WCE.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  CACHING,
  CONTROL,
  decodeModeParameters,
  encodeModeSelectList,
  type Layout,
  MODE_SELECT_6,
  MODE_SELECT_10,
  MODE_SENSE_6,
  MODE_SENSE_10,
  type ModeCdb,
  type ModeParameters,
  READ_16,
  SENSE,
  STATUS,
  TASK_MANAGEMENT_FUNCTION,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../../protocol/index.ts'
import { arrayForTest, drainUnitAttentions, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectParameter, expectSense } from '../disk.ts'

const BLOCKS = BigInt(SIZE / 512)
const CURRENT = 0
const CHANGEABLE = 1
const DEFAULT = 2
const SAVED = 3
const ALL = 0x3f

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1, readOnly: true }),
    memory({ id: 2, dpoFua: false, writeCache: false, pool: 'none' }),
  ])
  disk = await array.disk()
  return () => array.close()
})

const sense6 = (fields: object, on = disk) =>
  on.run(MODE_SENSE_6, { allocationLength: 255, ...fields }, { dataInLength: 255 })
const sense10 = (fields: object, on = disk) =>
  on.run(MODE_SENSE_10, { allocationLength: 1000, ...fields }, { dataInLength: 1000 })
const modes = async (cdb: ModeCdb, fields: object, on = disk): Promise<ModeParameters> =>
  decodeModeParameters(cdb, expectGood(await (cdb === 6 ? sense6 : sense10)(fields, on)).data)
const page = async (pageCode: number, pc = CURRENT, on = disk): Promise<Buffer> =>
  (await modes(6, { pageCode, pc }, on)).pages[0]!.bytes

const HEADER = { mediumType: 0, wp: false, dpoFua: false }
const select = (list: Buffer, on = disk, fields: object = {}) =>
  on.run(MODE_SELECT_6, { pf: true, parameterListLength: list.length, ...fields }, { dataOut: list })
const selectPage = (bytes: Buffer, on = disk) => select(encodeModeSelectList(6, HEADER, [bytes]), on)

/** The current Control or Caching page with these fields changed. */
async function changed<L extends Layout>(layout: L, fields: object, on = disk): Promise<Buffer> {
  const code = layout.encode({})[0]! & 0x3f
  return layout.encode({ ...layout.decode(await page(code, CURRENT, on)), ps: false, ...fields } as never)
}

describe.each([6, 10] as const)('MODE SENSE(%i)', (cdb) => {
  test('all pages: ascending, each as it comes alone', async () => {
    const { pages } = await modes(cdb, { pageCode: ALL })
    const codes = pages.map(({ pageCode }) => pageCode)
    expect(codes).toEqual([0x01, 0x02, 0x08, 0x0a, 0x1c])
    for (const { pageCode, bytes } of pages) {
      expect((await modes(cdb, { pageCode })).pages.map((one) => one.bytes)).toEqual([bytes])
    }
  })

  test('all subpages: 0Ah/01h too, after its page', async () => {
    const { pages } = await modes(cdb, { pageCode: ALL, subpageCode: 0xff })
    expect(pages.map(({ pageCode, subpageCode }) => [pageCode, subpageCode])).toContainEqual([0x0a, 0x01])
    const control = (await modes(cdb, { pageCode: 0x0a, subpageCode: 0xff })).pages
    expect(control.map(({ subpageCode }) => subpageCode)).toEqual([0, 1])
  })

  test('the block descriptor; none with DBD', async () => {
    const { blockDescriptor } = await modes(cdb, { pageCode: 0x08 })
    expect(blockDescriptor).toEqual({ blocks: BLOCKS, blockLength: 512, longLba: false })
    expect((await modes(cdb, { pageCode: 0x08, dbd: true })).blockDescriptor).toBeUndefined()
  })

  test('WP and DPOFUA in the device-specific parameter', async () => {
    expect(await modes(cdb, { pageCode: 0x08 })).toMatchObject({ wp: false, dpoFua: true, mediumType: 0 })
    expect(await modes(cdb, { pageCode: 0x08 }, await array.disk(1))).toMatchObject({ wp: true })
    expect(await modes(cdb, { pageCode: 0x08 }, await array.disk(2))).toMatchObject({ dpoFua: false })
  })

  test('changeable values: the bits that take effect, and no other', async () => {
    const { pages } = await modes(cdb, { pageCode: ALL, subpageCode: 0xff, pc: CHANGEABLE })
    const threshold = 'bfff0000ffffffff'
    expect(pages.map(({ bytes }) => bytes.toString('hex'))).toEqual([
      '010a00000000008000000000', // LBPERE
      '020e0000000000000000000000000000',
      `081204${'00'.repeat(17)}`, // WCE
      '0a0a04003840000000000000', // D_SENSE, UA_INTLCK_CTRL, SWP, TAS
      `4a01001c${'00'.repeat(28)}`,
      '1c0a180f0000000000000000', // EWASC, DEXCPT, MRIE
      `5c02002c01${'00'.repeat(11)}${threshold.repeat(4)}`, // SITUA and the threshold descriptors
    ])
  })

  test('a LUN without write cache and without a pool: neither WCE nor thresholds', async () => {
    const on = await array.disk(2)
    const { pages } = await modes(cdb, { pageCode: ALL, subpageCode: 0xff, pc: CHANGEABLE }, on)
    const bytes = (code: number) => pages.find(({ pageCode }) => pageCode === code)?.bytes.toString('hex')
    expect(bytes(0x01)).toBe('010a00000000000000000000')
    expect(bytes(0x08)).toBe(`0812${'00'.repeat(18)}`)
    expect(pages.map(({ pageCode, subpageCode }) => [pageCode, subpageCode])).not.toContainEqual([0x1c, 2])
    expectParameter(await selectPage(await changed(CACHING, { wce: true }, on), on), 4 + 2)
  })

  test('allocation length: cut at any length, the true length told', async () => {
    const run = cdb === 6 ? sense6 : sense10
    const whole = expectGood(await run({ pageCode: ALL, subpageCode: 0xff })).data
    expect(whole.length).toBeLessThanOrEqual(255)
    for (const allocationLength of [0, 1, 4, 8, 13, whole.length, 255]) {
      const { data } = expectGood(await run({ pageCode: ALL, subpageCode: 0xff, allocationLength }))
      expect(data).toEqual(whole.subarray(0, allocationLength))
    }
  })

  test('saved values: SAVING PARAMETERS NOT SUPPORTED, and no page has PS set', async () => {
    expectSense(
      await (cdb === 6 ? sense6 : sense10)({ pageCode: 0x08, pc: SAVED }),
      SENSE.SAVING_PARAMETERS_NOT_SUPPORTED,
    )
    for (const { bytes } of (await modes(cdb, { pageCode: ALL, subpageCode: 0xff })).pages)
      expect(bytes[0]! & 0x80).toBe(0)
  })

  test('a page or subpage that is not there: INVALID FIELD IN CDB, pointer to the page or subpage code', async () => {
    const layout = cdb === 6 ? MODE_SENSE_6 : MODE_SENSE_10
    const run = cdb === 6 ? sense6 : sense10
    expectCdbField(await run({ pageCode: 0x03 }), layout, 'pageCode')
    expectCdbField(await run({ pageCode: 0x08, subpageCode: 0x07 }), layout, 'subpageCode')
    expectCdbField(await run({ pageCode: ALL, subpageCode: 0x05 }), layout, 'subpageCode')
    for (let pageCode = 0; pageCode < 0x3f; pageCode++)
      if (![0x01, 0x02, 0x08, 0x0a, 0x1c].includes(pageCode))
        expectCdbField(await run({ pageCode, subpageCode: 0xff }), layout, 'pageCode')
  })

  test('control page: values that hosts take for granted', async () => {
    const control = CONTROL.decode(await page(0x0a))
    expect([0, 1]).toContain(control.tst)
    expect(control).toMatchObject({ qerr: 0, uaIntlckCtrl: 0, dSense: false, swp: false })
    expect([0, 1]).toContain(control.queueAlgorithmModifier)
  })
})

test('MODE SENSE(10), LLBAA: the long block descriptor', async () => {
  const { blockDescriptor } = await modes(10, { pageCode: 0x08, llbaa: true })
  expect(blockDescriptor).toEqual({ blocks: BLOCKS, blockLength: 512, longLba: true })
})

describe('MODE SELECT', () => {
  test('SWP: writes end WRITE PROTECTED on every nexus, reads go on, WP is shown; cleared again', async () => {
    const other = await array.disk()
    for (const swp of [true, false]) {
      expectGood(await selectPage(await changed(CONTROL, { swp })))
      expect(CONTROL.decode(await page(0x0a)).swp).toBe(swp)
      expect((await modes(6, { pageCode: 0x0a })).wp).toBe(swp)
      expectSense(await other.run(TEST_UNIT_READY, {}), SENSE.MODE_PARAMETERS_CHANGED)
      for (const on of [disk, other]) {
        const written = await on.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) })
        if (swp) expectSense(written, SENSE.LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED)
        else expectGood(written)
        await on.read(0, 1)
      }
    }
  })

  test('D_SENSE: sense data in descriptor format, for every nexus', async () => {
    const far = { lba: (1n << 64n) - 1n, blocks: 1 }
    const raw = await array.rawSession()
    const responseCode = async (): Promise<number> => {
      raw.command(READ_16.encode(far), { read: true, expectedDataTransferLength: 512 })
      return (await raw.response()).data[2]! & 0x7f
    }
    expect(await responseCode()).toBe(0x70)
    expectGood(await selectPage(await changed(CONTROL, { dSense: true })))
    expect(await responseCode()).toBe(0x72) // the unit attention itself
    expect(await responseCode()).toBe(0x72)
    const result = await disk.run(READ_16, far, { dataInLength: 512 })
    expect(result.sense?.sense).toEqual(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
    expectCdbField(await disk.run(READ_16, { blocks: 1, rdprotect: 1 }, { dataInLength: 512 }), READ_16, 'rdprotect')
    expectParameter(await selectPage(await changed(CONTROL, { qerr: 1 })), 4 + 3)
    expectGood(await selectPage(await changed(CONTROL, { dSense: false })))
    raw.command(TEST_UNIT_READY.encode({}))
    expect((await raw.response()).header.status).toBe(STATUS.CHECK_CONDITION)
    expect(await responseCode()).toBe(0x70)
  })

  test('WCE: current value follows, default value stays; a LUN with writeCache: false has it zero', async () => {
    expect(CACHING.decode(await page(0x08)).wce).toBe(true)
    expectGood(await selectPage(await changed(CACHING, { wce: false })))
    expect(CACHING.decode(await page(0x08)).wce).toBe(false)
    expect(CACHING.decode(await page(0x08, DEFAULT)).wce).toBe(true)
    await disk.write(0, Buffer.alloc(512, 1))
    expectGood(await selectPage(await changed(CACHING, { wce: true })))
    expect(CACHING.decode(await page(0x08, CURRENT, await array.disk(2))).wce).toBe(false)
  })

  test('MODE PARAMETERS CHANGED for the other nexuses, not for the one that changed them; none when nothing changed', async () => {
    const [a, b] = [await array.disk(), await array.disk()]
    expectGood(await selectPage(await changed(CACHING, { wce: false }, a), a))
    expectGood(await a.run(TEST_UNIT_READY, {}))
    expectSense(await b.run(TEST_UNIT_READY, {}), SENSE.MODE_PARAMETERS_CHANGED)
    expectGood(await selectPage(await changed(CACHING, { wce: false }, a), a))
    expectGood(await b.run(TEST_UNIT_READY, {}))
    expectGood(await selectPage(await changed(CACHING, { wce: true }, a), a))
    await drainUnitAttentions(b)
    await drainUnitAttentions(disk)
  })

  test('logical unit reset brings the defaults back', async () => {
    expectGood(await selectPage(await changed(CONTROL, { swp: true })))
    await disk.session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET, { lun: 0 })
    await drainUnitAttentions(disk)
    expect(CONTROL.decode(await page(0x0a)).swp).toBe(false)
  })

  test('bits that cannot be changed: INVALID FIELD IN PARAMETER LIST, pointer to the byte, nothing changes', async () => {
    const before = await page(0x0a)
    for (const [bytes, at] of [
      [await changed(CONTROL, { qerr: 3, swp: true }), 3],
      [await changed(CONTROL, { tst: 1 }), 2],
      [await changed(CONTROL, { autoloadMode: 1 }), 5],
      [await changed(CACHING, { rcd: true }), 2],
    ] as const)
      expectParameter(await selectPage(bytes), 4 + at)
    expect(await page(0x0a)).toEqual(before)
  })

  test('a page that is not there, and one of the wrong length: INVALID FIELD IN PARAMETER LIST', async () => {
    expectParameter(await selectPage(Buffer.from([0x03, 2, 0, 0])), 4, 5)
    expectParameter(await selectPage(Buffer.from([0x48, 7, 0, 2, 0, 0])), 4 + 1)
    expectParameter(await selectPage(Buffer.from([0x8a, 10, ...Buffer.alloc(10)])), 4) // PS is reserved here
    const long = Buffer.concat([await changed(CACHING, {}), Buffer.alloc(2)])
    long[1] = long.length - 2
    const result = await selectPage(long)
    expect(result.sense).toMatchObject({ sense: SENSE.INVALID_FIELD_IN_PARAMETER_LIST, field: { in: 'parameters' } })
    expect([4, 5]).toContain(result.sense?.field?.byte)
  })

  test('of two pages with one wrong neither is taken', async () => {
    const pages = [await changed(CACHING, { wce: false }), await changed(CONTROL, { qerr: 1 })]
    expectParameter(await select(encodeModeSelectList(6, HEADER, pages)), 4 + 20 + 3)
    expect(CACHING.decode(await page(0x08)).wce).toBe(true)
  })

  test('a list that is cut: PARAMETER LIST LENGTH ERROR', async () => {
    const list = encodeModeSelectList(6, HEADER, [await changed(CACHING, {})])
    for (const length of [1, 3, 5, 6, 20, 23]) {
      const result = await select(list.subarray(0, length))
      expect(result.sense?.sense, `${length}`).toEqual(SENSE.PARAMETER_LIST_LENGTH_ERROR)
    }
    const more = await select(list, disk, { parameterListLength: list.length + 8 })
    expectSense(more, SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('length 0 is no error; a header alone is none either', async () => {
    expectGood(await disk.run(MODE_SELECT_6, { pf: true }))
    expectGood(await disk.run(MODE_SELECT_10, { pf: true }))
    expectGood(await select(Buffer.alloc(4)))
  })

  test('SP = 1: INVALID FIELD IN CDB, pointer to SP, since nothing can be saved', async () => {
    const list = encodeModeSelectList(6, HEADER, [await changed(CACHING, {})])
    expectCdbField(await select(list, disk, { sp: true }), MODE_SELECT_6, 'sp')
  })

  test('the block descriptor: the capacity and block length that are, or zero blocks; nothing else', async () => {
    const bytes = await changed(CACHING, {})
    const withDescriptor = (blocks: bigint, blockLength: number) =>
      select(encodeModeSelectList(6, { ...HEADER, blockDescriptor: { blocks, blockLength, longLba: false } }, [bytes]))
    expectGood(await withDescriptor(BLOCKS, 512))
    expectGood(await withDescriptor(0n, 512))
    expectParameter(await withDescriptor(BLOCKS - 1n, 512), 4)
    expectParameter(await withDescriptor(BLOCKS, 4096), 9)
  })

  test('MODE SELECT(10): the same pages behind the longer header', async () => {
    const list = encodeModeSelectList(10, HEADER, [await changed(CACHING, { wce: false })])
    expectGood(await disk.run(MODE_SELECT_10, { pf: true, parameterListLength: list.length }, { dataOut: list }))
    expect(CACHING.decode(await page(0x08)).wce).toBe(false)
    const back = encodeModeSelectList(10, HEADER, [await changed(CACHING, { wce: true })])
    expectGood(await disk.run(MODE_SELECT_10, { pf: true, parameterListLength: back.length }, { dataOut: back }))
    const medium = encodeModeSelectList(10, { ...HEADER, mediumType: 5 }, [await changed(CACHING, {})])
    expectParameter(
      await disk.run(MODE_SELECT_10, { pf: true, parameterListLength: medium.length }, { dataOut: medium }),
      2,
    )
  })

  test('a reserved bit of a page: INVALID FIELD IN PARAMETER LIST', async () => {
    const own = await arrayForTest()
    const on = await own.disk()
    const bytes = await changed(CACHING, {}, on)
    bytes[16]! |= 1
    expectParameter(await selectPage(bytes, on), 4 + 16)
  })
})
