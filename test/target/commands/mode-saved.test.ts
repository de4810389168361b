// Saved mode parameters (SPC-4 5.12, 6.11): PS, SP and PAGE CONTROL 11b; they come back with a restart of the array and with a
// logical unit reset. And two fields of the Control mode page that act on other commands: UA_INTLCK_CTRL and TAS.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
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
  READ_10,
  REPORT_SUPPORTED_OPERATION_CODES,
  REQUEST_SENSE,
  RESERVE_6,
  SENSE,
  STATUS,
  TASK_MANAGEMENT_FUNCTION,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../../protocol/index.ts'
import { startArray } from '../../../src/index.ts'
import { arrayForTest, drainUnitAttentions, type LunInput, memory, openArray, TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectParameter, expectSense } from '../disk.ts'
import { HeldStore, handBuilt } from '../hand-built.ts'
import { loggedIn, manage, OUT, ones, taken, WRITE } from '../tasks.ts'

const [CURRENT, DEFAULT, SAVED] = [0, 2, 3]
const HEADER = { mediumType: 0, wp: false, dpoFua: false }
const tur = (on: Disk) => on.run(TEST_UNIT_READY, {})

async function page<L extends Layout>(layout: L, on: Disk, pc = CURRENT): Promise<Buffer> {
  const code = layout.encode({})
  const fields = { pageCode: code[0]! & 0x3f, subpageCode: (code[0]! & 0x40) === 0 ? 0 : code[1]!, pc }
  const { data } = expectGood(await on.run(MODE_SENSE_6, { ...fields, allocationLength: 255 }, { dataInLength: 255 }))
  return decodeModeParameters(6, data).pages[0]!.bytes
}
const wce = async (on: Disk, pc = CURRENT) => CACHING.decode(await page(CACHING, on, pc)).wce

function select(on: Disk, pages: Buffer[], fields: object = {}) {
  const list = encodeModeSelectList(6, HEADER, pages)
  return on.run(MODE_SELECT_6, { pf: true, parameterListLength: list.length, ...fields }, { dataOut: list })
}
/** Changes fields of a page. */
async function change<L extends Layout>(on: Disk, layout: L, fields: object, sp = false) {
  const values = layout.decode(await page(layout, on))
  return select(on, [layout.encode({ ...values, ps: false, ...fields } as never)], { sp })
}

const SPARSE: LunInput = { store: { type: 'sparse', path: 'a.img' }, size: '8MiB' }

/** A directory whose array can be started again. */
async function directory() {
  const data = await mkdtemp(join(tmpdir(), 'lunette-modes-'))
  onTestFinished(() => rm(data, { recursive: true, force: true }))
  return {
    data,
    async start(lun: LunInput = SPARSE): Promise<TestArray> {
      const running = await startArray({ data, portals: ['127.0.0.1:0'], targets: [{ luns: [lun] }] })
      const array = new TestArray(running, join(data, 'nothing'))
      onTestFinished(() => array.close())
      return array
    },
  }
}

describe('a LUN without an image', () => {
  let array: TestArray
  let disk: Disk
  beforeAll(async () => {
    array = await openArray([memory()])
    disk = await array.disk()
  })
  afterAll(() => array.close())

  test('PS is zero, SP is refused, saved values too', async () => {
    expect((await page(CACHING, disk))[0]! & 0x80).toBe(0)
    expectCdbField(await change(disk, CACHING, {}, true), MODE_SELECT_6, 'sp')
    expectCdbField(await disk.run(MODE_SELECT_10, { pf: true, sp: true }), MODE_SELECT_10, 'sp')
    for (const [cdb, fields] of [
      [MODE_SENSE_6, { pageCode: 0x08, pc: SAVED }],
      [MODE_SENSE_10, { pageCode: 0x3f, subpageCode: 0xff, pc: SAVED }],
    ] as const)
      expectSense(await disk.run<Layout>(cdb, fields as never), SENSE.SAVING_PARAMETERS_NOT_SUPPORTED)
  })

  test('REPORT SUPPORTED OPERATION CODES shows SP where it is taken', async () => {
    const own = await arrayForTest([SPARSE])
    const usage = async (on: Disk) => {
      const fields = { reportingOptions: 1, requestedOperationCode: 0x15, allocationLength: 64 }
      const { data } = await on.run(REPORT_SUPPORTED_OPERATION_CODES, fields, { dataInLength: 64 })
      return data[4 + 1]
    }
    expect(await usage(disk)).toBe(0x10)
    expect(await usage(await own.disk())).toBe(0x11)
  })
})

describe('a LUN with an image', () => {
  test('PS is one in every page and PAGE CONTROL', async () => {
    const array = await arrayForTest([SPARSE])
    const disk = await array.disk()
    for (const pc of [0, 1, 2, 3]) {
      const fields = { pageCode: 0x3f, subpageCode: 0xff, pc, allocationLength: 255 }
      const { pages } = decodeModeParameters(6, (await disk.run(MODE_SENSE_6, fields, { dataInLength: 255 })).data)
      expect(pages.map(({ bytes }) => bytes[0]! & 0x80)).toEqual(pages.map(() => 0x80))
    }
  })

  test('SP = 0 changes current values alone; SP = 1 saves all of them, also those set before', async () => {
    const array = await arrayForTest([SPARSE])
    const disk = await array.disk()
    expectGood(await change(disk, CONTROL, { dSense: true }))
    expect(CONTROL.decode(await page(CONTROL, disk, SAVED)).dSense).toBe(false)
    expectGood(await change(disk, CACHING, { wce: false }, true))
    expect(CONTROL.decode(await page(CONTROL, disk, SAVED)).dSense).toBe(true)
    expect([await wce(disk), await wce(disk, SAVED), await wce(disk, DEFAULT)]).toEqual([false, false, true])
  })

  test('SP = 1 with an empty list saves what is current', async () => {
    const array = await arrayForTest([SPARSE])
    const disk = await array.disk()
    expectGood(await change(disk, CACHING, { wce: false }))
    expectGood(await disk.run(MODE_SELECT_6, { pf: true, sp: true }))
    expect(await wce(disk, SAVED)).toBe(false)
  })

  test('saved values come back with a logical unit reset, unsaved ones go', async () => {
    const array = await arrayForTest([SPARSE])
    const disk = await array.disk()
    expectGood(await change(disk, CACHING, { wce: false }, true))
    expectGood(await change(disk, CACHING, { wce: true }))
    expectGood(await change(disk, CONTROL, { swp: true }))
    await disk.session.manage(TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET, { lun: 0 })
    await drainUnitAttentions(disk)
    expect(await wce(disk)).toBe(false)
    expect(CONTROL.decode(await page(CONTROL, disk)).swp).toBe(false)
  })

  test('saved values come back with a restart, unsaved ones go', async () => {
    const { start } = await directory()
    const first = await start()
    const before = await first.disk()
    expectGood(await change(before, CONTROL, { swp: true, tas: true }, true))
    expectGood(await change(before, CACHING, { wce: false }))
    await first.close()
    const disk = await (await start()).disk()
    expect(CONTROL.decode(await page(CONTROL, disk))).toMatchObject({ swp: true, tas: true })
    expect(await wce(disk)).toBe(true)
    const written = await disk.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) })
    expectSense(written, SENSE.LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED)
  })

  test('what the configuration no longer lets change is not restored; the rest is', async () => {
    const { start } = await directory()
    const first = await start()
    const before = await first.disk()
    expectGood(await change(before, CONTROL, { dSense: true }))
    expectGood(await change(before, CACHING, { wce: false }, true))
    await first.close()
    const without = await start({ ...SPARSE, writeCache: false })
    const between = await without.disk()
    expect(await wce(between)).toBe(false)
    expectParameter(await change(between, CACHING, { wce: true }), 4 + 2)
    await without.close()
    const disk = await (await start()).disk()
    expect(await wce(disk)).toBe(false)
    expect(CONTROL.decode(await page(CONTROL, disk)).dSense).toBe(true)
  })

  test('the file holds what differs from the defaults', async () => {
    const { data, start } = await directory()
    const array = await start()
    const disk = await array.disk()
    expectGood(await change(disk, CACHING, { wce: false }, true))
    const [name] = await readdir(join(data, 'units'))
    const { body } = JSON.parse(await readFile(join(data, 'units', name as string), 'utf8'))
    expect(body.modePages).toEqual([{ page: 8, subpage: 0, bytes: CACHING.encode({}).toString('hex') }])
    expectGood(await change(disk, CACHING, { wce: true }, true))
    expect(JSON.parse(await readFile(join(data, 'units', name as string), 'utf8')).body.modePages).toEqual([])
  })

  test('what cannot be saved changes nothing', async () => {
    const { data, start } = await directory()
    const disk = await (await start()).disk()
    await writeFile(join(data, 'units'), 'in the way')
    expectSense(await change(disk, CACHING, { wce: false }, true), SENSE.INTERNAL_TARGET_FAILURE)
    expect([await wce(disk), await wce(disk, SAVED)]).toEqual([true, true])
    await rm(join(data, 'units'))
    expectGood(await change(disk, CACHING, { wce: false }, true))
    expect([await wce(disk), await wce(disk, SAVED)]).toEqual([false, false])
  })

  test('many sessions that save at once: each finds what the others have saved', async () => {
    const array = await arrayForTest([SPARSE])
    const disks = await Promise.all(Array.from({ length: 4 }, () => array.disk()))
    const caching = CACHING.encode({})
    const control = CONTROL.encode({ queueAlgorithmModifier: 1, uaIntlckCtrl: 0, dSense: true })
    const pages = [caching, control, caching, control]
    const results = await Promise.all(disks.map((disk, index) => select(disk, [pages[index]!], { sp: true })))
    for (const { status } of results) expect([STATUS.GOOD, STATUS.CHECK_CONDITION]).toContain(status)
    const [disk] = disks as [Disk]
    for (const one of disks) await drainUnitAttentions(one)
    expectGood(await select(disk, [caching, control], { sp: true }))
    expect(await wce(disk, SAVED)).toBe(false)
    expect(CONTROL.decode(await page(CONTROL, disk, SAVED)).dSense).toBe(true)
  })
})

describe('UA_INTLCK_CTRL (SPC-4 7.5.8)', () => {
  const reported = async (on: Disk) => (await tur(on)).sense?.sense

  test('01b is reserved: INVALID FIELD IN PARAMETER LIST, pointer to the field', async () => {
    const disk = await (await arrayForTest()).disk()
    expectParameter(await change(disk, CONTROL, { uaIntlckCtrl: 1 }), 4 + 4, 5)
  })

  test('00b: a unit attention is cleared by being reported, and a reservation conflict leaves nothing', async () => {
    const array = await arrayForTest()
    const [disk, other] = [await array.disk(), await array.disk()]
    expectGood(await disk.run(RESERVE_6, {}))
    expect((await other.run(READ_10, { blocks: 1 }, { dataInLength: 512 })).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect((await tur(other)).status).toBe(STATUS.RESERVATION_CONFLICT)
    expectGood(await change(disk, CONTROL, { swp: true }))
    expect(await reported(other)).toEqual(SENSE.MODE_PARAMETERS_CHANGED)
    expect((await tur(other)).status).toBe(STATUS.RESERVATION_CONFLICT)
  })

  test('10b: it stays until REQUEST SENSE has reported it', async () => {
    const array = await arrayForTest()
    const [disk, other] = [await array.disk(), await array.disk()]
    expectGood(await change(disk, CONTROL, { uaIntlckCtrl: 2 }))
    for (let i = 0; i < 3; i++) expect(await reported(other)).toEqual(SENSE.MODE_PARAMETERS_CHANGED)
    const { data } = expectGood(await other.run(REQUEST_SENSE, { allocationLength: 18 }, { dataInLength: 18 }))
    expect([data[2], data[12], data[13]]).toEqual([0x06, 0x2a, 0x01])
    expectGood(await tur(other))
    expectGood(await disk.run(RESERVE_6, {}))
    expect((await tur(other)).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect((await tur(other)).status).toBe(STATUS.RESERVATION_CONFLICT)
  })

  test('11b: and a reservation conflict is told by 2Ch/09h, once', async () => {
    const array = await arrayForTest()
    const [disk, other] = [await array.disk(), await array.disk()]
    expectGood(await change(disk, CONTROL, { uaIntlckCtrl: 3 }))
    expectGood(await other.run(REQUEST_SENSE, { allocationLength: 18 }, { dataInLength: 18 }))
    expectGood(await disk.run(RESERVE_6, {}))
    expect((await tur(other)).status).toBe(STATUS.RESERVATION_CONFLICT)
    for (let i = 0; i < 2; i++) expect(await reported(other)).toEqual(SENSE.PREVIOUS_RESERVATION_CONFLICT_STATUS)
    expectGood(await other.run(REQUEST_SENSE, { allocationLength: 18 }, { dataInLength: 18 }))
    expect((await tur(other)).status).toBe(STATUS.RESERVATION_CONFLICT)
    expectGood(await tur(disk))
  })
})

describe('TAS (SPC-4 7.5.8, SAM-5 5.6)', () => {
  test.each([
    ['CLEAR TASK SET', TASK_MANAGEMENT_FUNCTION.CLEAR_TASK_SET, undefined],
    ['LOGICAL UNIT RESET', TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET, 0x29],
  ])('%s: the tasks of other nexuses end TASK ABORTED, those of its own without a status', async (_, code, asc) => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const disk = await built.disk()
    expectGood(await change(disk, CONTROL, { tas: true }))
    const [mine, other] = [await loggedIn(built), await loggedIn(built)]
    store.hold()
    mine.command(WRITE, OUT, { data: ones })
    const tag = other.command(WRITE, OUT, { data: ones })
    await store.untilWaiting(2)
    const done = manage(mine, code)
    await taken(other)
    store.release()
    const { header } = await other.response()
    expect(header).toMatchObject({ initiatorTaskTag: tag, status: STATUS.TASK_ABORTED })
    await done
    other.command(TEST_UNIT_READY.encode({}))
    const next = await other.response()
    if (asc === undefined) expect(next.header.status).toBe(STATUS.GOOD)
    else expect(next.data[2 + 12]).toBe(asc)
  })
})
