// FORMAT UNIT (SBC-4 5.4): its parameter list, what it leaves, what the unit answers meanwhile and after a failure.

import { beforeAll, describe, expect, test } from 'vitest'
import { StoreError } from '../../../luns/errors.ts'
import { MemoryStore } from '../../../luns/stores/memory.ts'
import {
  decodeLbaStatus,
  decodeSense,
  encodeFormatList,
  encodeModeSelectList,
  FORMAT_LIST_LONG_HEADER,
  FORMAT_LIST_SHORT_HEADER,
  FORMAT_UNIT,
  GET_LBA_STATUS,
  INITIALIZATION_PATTERN_DESCRIPTOR,
  MODE_SELECT_6,
  PROVISIONING_STATUS,
  RELEASE_6,
  REQUEST_SENSE,
  RESERVE_6,
  SANITIZE_CRYPTOGRAPHIC_ERASE,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
} from '../../../protocol/index.ts'
import { COMMANDS } from '../../../src/target/commands/index.ts'
import { PAGE_CONTROL } from '../../../src/target/mode-parameters.ts'
import { memory, openArray, SIZE, type TestArray } from '../array.ts'
import { Disk, expectCdbField, expectGood, expectParameter, expectSense, pattern } from '../disk.ts'
import { HeldStore, handBuilt } from '../hand-built.ts'
import { loggedIn, taken } from '../tasks.ts'

const BLOCKS = SIZE / 512
/** WRITE CACHE ENABLE, in byte 2 of the caching page. */
const WCE = 0x04
const IN_PROGRESS = SENSE.LOGICAL_UNIT_NOT_READY_FORMAT_IN_PROGRESS

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([memory(), memory({ id: 1, provisioning: 'thick' }), memory({ id: 2, readOnly: true })])
  disk = await array.disk()
  return () => array.close()
})

type List = Parameters<typeof encodeFormatList>

/** FORMAT UNIT with a parameter list. */
function format(on: Disk, fields: List[0] = {}, more: List[1] = {}, cdb = {}) {
  const dataOut = encodeFormatList(fields, more)
  return on.run(FORMAT_UNIT, { fmtData: true, longList: more?.long ?? false, ...cdb }, { dataOut })
}

async function expectFilled(on: Disk, block: Buffer): Promise<void> {
  for (const lba of [0, BLOCKS / 2, BLOCKS - 64])
    expect((await on.read(lba, 64)).equals(Buffer.alloc(64 * 512, block))).toBe(true)
}

const filled = async (on: Disk): Promise<void> => {
  await on.write(0, pattern(64 * 512, 1))
  await on.write(BLOCKS - 64, pattern(64 * 512, 2))
}

describe('simple', () => {
  test.each([0, 1])('LUN %i: without a list, with either header, all of it reads as zeroes', async (lun) => {
    const on = await array.disk(lun)
    for (const run of [
      () => on.run(FORMAT_UNIT, {}),
      () => on.run(FORMAT_UNIT, { longList: true, cmpLst: true }), // both mean nothing without a list
      () => on.run(FORMAT_UNIT, { ffmt: 1 }),
      () => format(on),
      () => format(on, {}, { long: true }),
      () => format(on, { fov: true, dpry: true, dcrt: true, stpf: true }),
      () => format(on, {}, {}, { ffmt: 1, cmpLst: true, defectListFormat: 3 }),
      () => format(on, { fov: true, ip: true }, { initialization: { type: 0 } }),
    ]) {
      await filled(on)
      expectGood(await run())
      await expectFilled(on, Buffer.alloc(512))
    }
  })

  test('a thin LUN has nothing mapped afterwards', async () => {
    await filled(disk)
    expectGood(await disk.run(FORMAT_UNIT, {}))
    const { data } = expectGood(await disk.run(GET_LBA_STATUS, { allocationLength: 24 }, { dataInLength: 24 }))
    expect(decodeLbaStatus(data).descriptors).toMatchObject([
      { lba: 0n, blocks: BLOCKS, provisioningStatus: PROVISIONING_STATUS.DEALLOCATED },
    ])
  })

  test.each([false, true])('initialization pattern, long header %s: repeated in every block', async (long) => {
    for (const length of [512, 5, 1]) {
      const initialization = { type: 1, pattern: pattern(512, length).subarray(0, length) }
      expectGood(await format(disk, { fov: true, ip: true }, { long, initialization }))
      await expectFilled(disk, Buffer.alloc(512, initialization.pattern))
    }
  })

  test('MODE SELECT with the block length of now and FORMAT UNIT, as sg_format does it', async () => {
    const header = { mediumType: 0, wp: false, dpoFua: false }
    const blockDescriptor = { blocks: 0n, blockLength: 512, longLba: false }
    const list = encodeModeSelectList(6, { ...header, blockDescriptor }, [])
    expectGood(await disk.run(MODE_SELECT_6, { pf: true, parameterListLength: list.length }, { dataOut: list }))
    expectGood(await format(disk, {}, {}, { cmpLst: true }))
  })
})

describe('refused', () => {
  test('protection information: INVALID FIELD IN CDB, pointer to byte 1 bit 7', async () => {
    for (const fmtpinfo of [1, 2, 3]) expectCdbField(await disk.run(FORMAT_UNIT, { fmtpinfo }), FORMAT_UNIT, 'fmtpinfo')
  })

  test('reserved fast formats, and defect list formats that are not of blocks: INVALID FIELD IN CDB', async () => {
    for (const ffmt of [2, 3]) expectCdbField(await disk.run(FORMAT_UNIT, { ffmt }), FORMAT_UNIT, 'ffmt')
    for (const defectListFormat of [1, 2, 4, 5, 6, 7])
      expectCdbField(await format(disk, {}, {}, { defectListFormat }), FORMAT_UNIT, 'defectListFormat')
    // Without a list there is no format of one (SBC-4 table 40).
    expectCdbField(await disk.run(FORMAT_UNIT, { defectListFormat: 3 }), FORMAT_UNIT, 'defectListFormat')
  })

  test('fields of the header: INVALID FIELD IN PARAMETER LIST with a pointer', async () => {
    const short = FORMAT_LIST_SHORT_HEADER
    const long = FORMAT_LIST_LONG_HEADER
    await filled(disk)
    expectParameter(await format(disk, { protectionFieldUsage: 1 }), 0, short.at('protectionFieldUsage').bit)
    for (const name of ['dpry', 'dcrt', 'stpf'] as const)
      expectParameter(await format(disk, { [name]: true }), 1, short.at(name).bit)
    expectParameter(await format(disk, { ip: true }, { initialization: {} }), 1, short.at('ip').bit)
    expectParameter(await format(disk, { defectListLength: 4 }), 2)
    expectParameter(await format(disk, { defectListLength: 8 }, { long: true }), 4)
    for (const name of ['protectionInformation', 'protectionIntervalExponent'] as const)
      expectParameter(await format(disk, { [name]: 1 }, { long: true }), 3, long.at(name).bit)
    expect(await disk.read(0, 64)).toEqual(pattern(64 * 512, 1))
  })

  test.each([
    [4, false],
    [8, true],
  ])('fields of an initialization pattern descriptor at byte %i', async (start, long) => {
    const at = (name: 'modifier' | 'type' | 'length') => INITIALIZATION_PATTERN_DESCRIPTOR.at(name)
    const bad = (initialization: NonNullable<NonNullable<List[1]>['initialization']>) =>
      format(disk, { fov: true, ip: true }, { long, initialization })
    for (const modifier of [1, 2, 3]) expectParameter(await bad({ modifier }), start, at('modifier').bit)
    for (const type of [2, 0x80, 0xff]) expectParameter(await bad({ type }), start + at('type').byte)
    expectParameter(await bad({ type: 0, pattern: Buffer.alloc(4) }), start + at('length').byte)
    for (const length of [0, 513, 0xffff])
      expectParameter(await bad({ type: 1, pattern: Buffer.alloc(512), length }), start + at('length').byte)
    expectSense(await bad({ type: 1, pattern: Buffer.alloc(3), length: 4 }), SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('a list that is cut, or absent: PARAMETER LIST LENGTH ERROR', async () => {
    for (const length of [0, 1, 3]) {
      const io = length === 0 ? {} : { dataOut: Buffer.alloc(length) }
      expectSense(await disk.run(FORMAT_UNIT, { fmtData: true }, io), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    }
    const long = { fmtData: true, longList: true }
    expectSense(await disk.run(FORMAT_UNIT, long, { dataOut: Buffer.alloc(7) }), SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('a fast format with a pattern, which would have to be written: INVALID FAST FORMAT', async () => {
    const initialization = { type: 1, pattern: Buffer.from([1]) }
    const result = await format(disk, { fov: true, ip: true }, { initialization }, { ffmt: 1 })
    expectSense(result, SENSE.INVALID_FAST_FORMAT)
  })

  test('write protected, reserved', async () => {
    expectSense(await (await array.disk(2)).run(FORMAT_UNIT, {}), SENSE.WRITE_PROTECTED)
    const other = await array.disk()
    expectGood(await other.run(RESERVE_6, {}))
    expect((await disk.run(FORMAT_UNIT, {})).status).toBe(STATUS.RESERVATION_CONFLICT)
    expectGood(await other.run(RELEASE_6, {}))
  })
})

describe('in the background', () => {
  test('IMMED: GOOD at once; FORMAT IN PROGRESS with progress until it is done', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const on = await built.disk()
    await filled(on)
    store.hold()
    expectGood(await format(on, { immed: true }))
    await store.untilWaiting(1)
    for (const { wire, needs } of COMMANDS)
      if (needs !== 'nothing') expect((await on.run(wire, {})).sense?.sense, wire.name).toEqual(IN_PROGRESS)
    const asked = await on.run(REQUEST_SENSE, { allocationLength: 18 }, { dataInLength: 18 })
    expect(decodeSense(expectGood(asked).data)).toEqual({ sense: IN_PROGRESS, progress: 0 })
    store.release()
    for (;;) {
      const { status, sense } = await on.run(TEST_UNIT_READY, {})
      if (status === STATUS.GOOD) break
      expect(sense?.sense).toEqual(IN_PROGRESS)
    }
    await expectFilled(on, Buffer.alloc(512))
  })

  test('without IMMED the status waits; the loss of the connection does not stop it', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const lost = await built.disk()
    await filled(lost)
    store.hold()
    const running = format(lost).catch(() => {})
    await store.untilWaiting(1)
    lost.session.destroy()
    await running
    const on = new Disk(await built.connect())
    await on.run(TEST_UNIT_READY, {}) // power on
    expectSense(await on.run(TEST_UNIT_READY, {}), IN_PROGRESS, { progress: 0 })
    store.release()
    for (let status = -1; status !== STATUS.GOOD; ) status = (await on.run(TEST_UNIT_READY, {})).status
    await expectFilled(on, Buffer.alloc(512))
  })
})

/** A medium that cannot be cleared while it is told so. */
class BrokenStore extends MemoryStore {
  broken = true

  override async unmap(...range: Parameters<MemoryStore['unmap']>): Promise<void> {
    if (this.broken) throw new StoreError('I/O error', 'the medium is broken')
    await super.unmap(...range)
  }
}

test('MODE SELECT that came before, and lets the write cache go when its list has come: both end', async () => {
  const built = await handBuilt([new HeldStore()])
  const raw = await loggedIn(built)
  const page = Buffer.from(built.units[0]!.modes.page({ pageCode: 0x08, subpageCode: 0 }, PAGE_CONTROL.CURRENT))
  page[0]! &= 0x3f // PS is reserved in MODE SELECT
  expect(page[2]! & WCE).toBe(WCE)
  page[2]! ^= WCE
  const list = encodeModeSelectList(6, { mediumType: 0, wp: false, dpoFua: false }, [page])
  const cdb = MODE_SELECT_6.encode({ pf: true, parameterListLength: list.length })
  const select = raw.command(cdb, { write: true, expectedDataTransferLength: list.length })
  const { initiatorTaskTag, targetTransferTag } = (await raw.take(TARGET_OPCODE.R2T)).header
  const format = raw.command(FORMAT_UNIT.encode({}))
  await taken(raw)
  raw.dataOut({ initiatorTaskTag, targetTransferTag }, list)
  for (const tag of [select, format])
    expect((await raw.response()).header).toMatchObject({ initiatorTaskTag: tag, status: STATUS.GOOD })
  expect(built.units[0]!.modes.writeCache).toBe(false)
})

describe('after a failure', () => {
  async function failed(): Promise<{ on: Disk; store: BrokenStore }> {
    const store = new BrokenStore(SIZE, false)
    const on = await (await handBuilt([store])).disk()
    expectSense(await on.run(FORMAT_UNIT, {}), SENSE.FORMAT_COMMAND_FAILED)
    return { on, store }
  }

  test('commands that need the medium end MEDIUM FORMAT CORRUPTED, the others do not', async () => {
    const { on } = await failed()
    for (const { wire, needs } of COMMANDS) {
      if (needs === 'formattable' || needs === 'sanitizable') continue
      const { sense } = await on.run(wire, {})
      if (needs === 'medium') expect(sense?.sense, wire.name).toEqual(SENSE.MEDIUM_FORMAT_CORRUPTED)
      else expect(sense?.sense, wire.name).not.toEqual(SENSE.MEDIUM_FORMAT_CORRUPTED)
    }
  })

  test('FORMAT UNIT that succeeds ends it', async () => {
    const { on, store } = await failed()
    expectSense(await on.run(FORMAT_UNIT, {}), SENSE.FORMAT_COMMAND_FAILED)
    store.broken = false
    expectGood(await on.run(FORMAT_UNIT, {}))
    await expectFilled(on, Buffer.alloc(512))
  })

  test('so does SANITIZE', async () => {
    const { on } = await failed()
    expectGood(await on.run(SANITIZE_CRYPTOGRAPHIC_ERASE, {}))
    expectGood(await on.run(TEST_UNIT_READY, {}))
  })
})
