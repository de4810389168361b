// SANITIZE (SBC-3 5.24): overwrite, block erase, cryptographic erase and EXIT FAILURE MODE; what the unit answers meanwhile and
// after a failure (SBC-3 4.11), and what neither task management nor a lost connection stops.

import { beforeAll, describe, expect, test } from 'vitest'
import { StoreError } from '../../../luns/errors.ts'
import { MemoryStore } from '../../../luns/stores/memory.ts'
import {
  BLOCK_DEVICE_CHARACTERISTICS,
  CONTROL,
  decodeLbaStatus,
  decodeSense,
  decodeSupportedCommands,
  encodeModeSelectList,
  encodeOverwriteList,
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  GET_LBA_STATUS,
  INQUIRY,
  type Layout,
  MODE_SELECT_6,
  OVERWRITE_LIST_HEADER,
  PROVISIONING_STATUS,
  READ_16,
  RELEASE_6,
  REPORT_LUNS,
  REPORT_SUPPORTED_OPERATION_CODES,
  REQUEST_SENSE,
  RESERVE_6,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_CRYPTOGRAPHIC_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
  SENSE,
  START_STOP_UNIT,
  STATUS,
  TEST_UNIT_READY,
  VPD_PAGE,
} from '../../../protocol/index.ts'
import { COMMANDS } from '../../../src/target/commands/index.ts'
import { arrayForTest, memory, openArray, SIZE, type TestArray } from '../array.ts'
import { Disk, expectCdbField, expectGood, expectParameter, expectSense, pattern } from '../disk.ts'
import { HeldStore, handBuilt } from '../hand-built.ts'
import { answered, expectUp, loggedIn, send } from '../tasks.ts'

const BLOCKS = SIZE / 512
const IN_PROGRESS = SENSE.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS
const FOREVER_SECONDS = 86_400

let array: TestArray
let disk: Disk

beforeAll(async () => {
  array = await openArray([
    memory(),
    memory({ id: 1, provisioning: 'thick' }),
    memory({ id: 2, blockSize: 4096 }),
    memory({ id: 3, readOnly: true }),
  ])
  disk = await array.disk()
  return () => array.close()
})

interface Overwrite {
  readonly data?: Buffer
  readonly invert?: boolean
  readonly overwriteCount?: number
  readonly immed?: boolean
  readonly ause?: boolean
}

/** OVERWRITE with one pass of this pattern. */
function overwrite(on: Disk, { data = Buffer.from([0xaa]), immed = false, ause = false, ...list }: Overwrite = {}) {
  const dataOut = encodeOverwriteList({ overwriteCount: 1, ...list, pattern: data })
  return on.run(SANITIZE_OVERWRITE, { parameterListLength: dataOut.length, immed, ause }, { dataOut })
}

const erase = (on: Disk, cdb: typeof SANITIZE_BLOCK_ERASE | typeof SANITIZE_CRYPTOGRAPHIC_ERASE, fields = {}) =>
  on.run(cdb, fields)

async function requestSense(on: Disk, desc = false) {
  const result = await on.run(REQUEST_SENSE, { desc, allocationLength: 252 }, { dataInLength: 252 })
  return decodeSense(expectGood(result).data)
}

/** The operation is over when the unit is ready again; each of its answers until then says that it runs. */
async function untilReady(on: Disk): Promise<void> {
  for (;;) {
    const { status, sense } = await on.run(TEST_UNIT_READY, {})
    if (status === STATUS.GOOD) return
    expect(sense?.sense).toEqual(IN_PROGRESS)
  }
}

async function expectFilled(on: Disk, block: Buffer): Promise<void> {
  const blocks = SIZE / on.blockSize
  for (const lba of [0, Math.floor(blocks / 2), blocks - 64])
    expect((await on.read(lba, 64)).equals(Buffer.alloc(64 * on.blockSize, block))).toBe(true)
}

describe('OVERWRITE', () => {
  test.each([
    [0, 512],
    [1, 512],
    [2, 4096],
  ])('simple: LUN %i holds the pattern, of one block and shorter, in every block of %i', async (lun, blockSize) => {
    const on = new Disk((await array.disk(lun)).session, lun, blockSize)
    for (const length of [blockSize, blockSize / 2, 4, 1]) {
      const data = pattern(blockSize, length).subarray(0, length)
      await on.write(0, pattern(64 * blockSize, 9))
      expectGood(await overwrite(on, { data }))
      await expectFilled(on, Buffer.alloc(blockSize, data))
    }
  })

  test('several passes, inverted and not: the pattern is what stays', async () => {
    for (const invert of [false, true])
      for (const overwriteCount of [2, 3]) {
        expectGood(await overwrite(disk, { data: Buffer.from([0x0f, overwriteCount]), invert, overwriteCount }))
        await expectFilled(disk, Buffer.alloc(512, Buffer.from([0x0f, overwriteCount])))
      }
  })

  test('parameter list length 0 to 4, or longer than a block and its header: INVALID FIELD IN CDB, pointer to byte 7', async () => {
    for (const length of [0, 1, 2, 3, 4, 517, 0xffff]) {
      const dataOut = Buffer.alloc(length)
      const result = await disk.run(SANITIZE_OVERWRITE, { parameterListLength: length }, { dataOut })
      expectCdbField(result, SANITIZE_OVERWRITE, 'parameterListLength')
    }
    expectCdbField(
      await disk.run(SANITIZE_OVERWRITE, { parameterListLength: 517 }, { dataOut: Buffer.alloc(520) }),
      SANITIZE_OVERWRITE,
      'parameterListLength',
    )
  })

  test('data-out size: up to three bytes to spare are nothing; less than the list: PARAMETER LIST LENGTH ERROR', async () => {
    const list = encodeOverwriteList({ overwriteCount: 1, pattern: Buffer.from([0x11]) })
    const fields = { parameterListLength: list.length }
    for (const spare of [0, 1, 3])
      expectGood(
        await disk.run(SANITIZE_OVERWRITE, fields, { dataOut: Buffer.concat([list, Buffer.alloc(spare, 0xff)]) }),
      )
    await expectFilled(disk, Buffer.alloc(512, 0x11))
    for (const dataOut of [Buffer.alloc(0), list.subarray(0, 4)])
      expectSense(await disk.run(SANITIZE_OVERWRITE, fields, { dataOut }), SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('what the list may not hold: INVALID FIELD IN PARAMETER LIST with a pointer', async () => {
    const at = (name: 'test' | 'overwriteCount') => OVERWRITE_LIST_HEADER.at(name)
    const bad = async (list: object) => {
      const dataOut = encodeOverwriteList({ overwriteCount: 1, pattern: Buffer.alloc(512), ...list })
      return disk.run(SANITIZE_OVERWRITE, { parameterListLength: dataOut.length }, { dataOut })
    }
    await disk.write(0, pattern(4096, 1))
    for (const test of [1, 2, 3]) expectParameter(await bad({ test }), 0, at('test').bit)
    expectParameter(await bad({ overwriteCount: 0 }), 0, at('overwriteCount').bit)
    for (const initializationPatternLength of [0, 513, 516, 0xffff])
      expectParameter(await bad({ initializationPatternLength }), 2)
    expectParameter(await bad({ pattern: Buffer.alloc(8), initializationPatternLength: 9 }), 2)
    expect(await disk.read(0, 8)).toEqual(pattern(4096, 1))
  })
})

describe('BLOCK ERASE', () => {
  test('zeroes, nothing mapped', async () => {
    await disk.write(0, pattern(256 * 512, 1))
    await disk.write(BLOCKS - 256, pattern(256 * 512, 2))
    expectGood(await erase(disk, SANITIZE_BLOCK_ERASE))
    await expectFilled(disk, Buffer.alloc(512))
    const { data } = expectGood(await disk.run(GET_LBA_STATUS, { allocationLength: 256 }, { dataInLength: 256 }))
    expect(decodeLbaStatus(data).descriptors).toMatchObject([
      { lba: 0n, blocks: BLOCKS, provisioningStatus: PROVISIONING_STATUS.DEALLOCATED },
    ])
  })

  test('a thick LUN has none: INVALID FIELD IN CDB, pointer to the service action; B1h and RSOC say so', async () => {
    const thick = await array.disk(1)
    expectCdbField(await erase(thick, SANITIZE_BLOCK_ERASE), SANITIZE_BLOCK_ERASE, 'serviceAction')
    const requirements = async (on: Disk) => {
      const fields = { evpd: true, pageCode: VPD_PAGE.BLOCK_DEVICE_CHARACTERISTICS, allocationLength: 64 }
      const { data } = expectGood(await on.run(INQUIRY, fields, { dataInLength: 64 }))
      const { wabereq, wacereq } = BLOCK_DEVICE_CHARACTERISTICS.decode(data)
      return [wabereq, wacereq]
    }
    const actions = async (on: Disk) => {
      const { data } = expectGood(
        await on.run(REPORT_SUPPORTED_OPERATION_CODES, { allocationLength: 4096 }, { dataInLength: 4096 }),
      )
      return decodeSupportedCommands(data)
        .filter(({ opcode }) => opcode === 0x48)
        .map(({ serviceAction }) => serviceAction)
    }
    expect([await requirements(disk), await actions(disk)]).toEqual([
      [1, 1],
      [1, 2, 3, 0x1f],
    ])
    expect([await requirements(thick), await actions(thick)]).toEqual([
      [0, 1],
      [1, 3, 0x1f],
    ])
  })
})

describe('CRYPTOGRAPHIC ERASE', () => {
  test.each([0, 1])('LUN %i: other contents, and every read ends GOOD', async (lun) => {
    const on = await array.disk(lun)
    const before = pattern(256 * 512, 1)
    await on.write(0, before)
    await on.write(BLOCKS - 256, before)
    expectGood(await erase(on, SANITIZE_CRYPTOGRAPHIC_ERASE))
    for (const lba of [0, BLOCKS - 256]) {
      const after = await on.read(lba, 256)
      for (let block = 0; block < before.length; block += 512)
        expect(after.subarray(block, block + 512).equals(before.subarray(block, block + 512))).toBe(false)
    }
    await on.read(BLOCKS / 2, 256)
  })
})

describe('all service actions', () => {
  const ERASES = [SANITIZE_BLOCK_ERASE, SANITIZE_CRYPTOGRAPHIC_ERASE, SANITIZE_EXIT_FAILURE_MODE] as const

  test('a parameter list where there is none: INVALID FIELD IN CDB, pointer to byte 7', async () => {
    await disk.write(0, pattern(4096, 3))
    for (const cdb of ERASES)
      expectCdbField(
        await disk.run(cdb, { parameterListLength: 8 }, { dataOut: Buffer.alloc(8) }),
        cdb,
        'parameterListLength',
      )
    expect(await disk.read(0, 8)).toEqual(pattern(4096, 3))
  })

  test('EXIT FAILURE MODE where nothing has failed: GOOD', async () => {
    expectGood(await disk.run(SANITIZE_EXIT_FAILURE_MODE, {}))
  })

  test('write protection, by the configuration or by SWP: WRITE PROTECTED', async () => {
    const readOnly = await array.disk(3)
    const swp = async (on: boolean) => {
      const page = CONTROL.encode({ swp: on, queueAlgorithmModifier: 1 })
      const list = encodeModeSelectList(6, { mediumType: 0, wp: false, dpoFua: false }, [page])
      expectGood(await disk.run(MODE_SELECT_6, { pf: true, parameterListLength: list.length }, { dataOut: list }))
    }
    await swp(true)
    for (const on of [readOnly, disk]) {
      for (const result of [
        await overwrite(on),
        await erase(on, SANITIZE_BLOCK_ERASE),
        await erase(on, SANITIZE_CRYPTOGRAPHIC_ERASE),
      ]) {
        expect(result.status).toBe(STATUS.CHECK_CONDITION)
        expect(result.sense?.sense).toMatchObject({ key: 7, asc: 0x27 })
      }
    }
    await swp(false)
    expectGood(await overwrite(disk))
  })

  test('reserved by another nexus: RESERVATION CONFLICT', async () => {
    const other = await array.disk()
    expectGood(await other.run(RESERVE_6, {}))
    for (const result of [
      await overwrite(disk),
      await erase(disk, SANITIZE_BLOCK_ERASE),
      await erase(disk, SANITIZE_CRYPTOGRAPHIC_ERASE),
      await disk.run(SANITIZE_EXIT_FAILURE_MODE, {}),
    ])
      expect(result.status).toBe(STATUS.RESERVATION_CONFLICT)
    expectGood(await other.run(RELEASE_6, {}))
  })
})

/** What the answer to a row that needs nothing of the unit may not be. */
function expectLetThrough(name: string, sense: { sense: object } | undefined): void {
  expect([name, sense?.sense]).not.toEqual([name, IN_PROGRESS])
}

describe('while it runs', () => {
  test('IMMED: GOOD at once; then every command but those that need nothing of the unit ends NOT READY', async () => {
    const own = await arrayForTest([memory({ sanitizeSeconds: FOREVER_SECONDS })])
    const on = await own.disk()
    expectGood(await overwrite(on, { immed: true }))
    for (const { wire, needs } of COMMANDS) {
      const { status, sense } = await on.run(wire, {})
      if (needs === 'nothing') expectLetThrough(wire.name, sense)
      else expect([wire.name, status, sense?.sense]).toEqual([wire.name, STATUS.CHECK_CONDITION, IN_PROGRESS])
    }
    const other = new Disk(await own.connect())
    await other.run(TEST_UNIT_READY, {}) // power on
    for (const cdb of [TEST_UNIT_READY, START_STOP_UNIT] as Layout[]) {
      const { sense } = await other.run(cdb, {})
      expect(sense).toMatchObject({ sense: IN_PROGRESS, progress: expect.any(Number) })
    }
    expectGood(await other.run(INQUIRY, { allocationLength: 36 }, { dataInLength: 36 }))
    expectGood(await other.run(REPORT_LUNS, { allocationLength: 64 }, { dataInLength: 64 }))
  })

  test('REQUEST SENSE tells the progress in both formats; it lasts as long as it must', async () => {
    const own = await arrayForTest([memory({ sanitizeSeconds: FOREVER_SECONDS })])
    const on = await own.disk()
    expectGood(await overwrite(on, { immed: true }))
    for (const desc of [false, true]) {
      const { sense, progress } = await requestSense(on, desc)
      expect(sense).toEqual(IN_PROGRESS)
      expect(progress).toBeLessThan(0x1_0000 / 2)
    }
  })

  test('a unit attention comes first', async () => {
    const own = await arrayForTest([memory({ sanitizeSeconds: FOREVER_SECONDS })])
    expectGood(await overwrite(await own.disk(), { immed: true }))
    const fresh = new Disk(await own.connect())
    expect((await requestSense(fresh)).sense).toMatchObject({ key: 6 })
    expect((await requestSense(fresh)).sense).toEqual(IN_PROGRESS)
  })

  test('without IMMED the status waits for the end', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const [on, other] = [await built.disk(), await built.disk()]
    store.hold()
    let done = false
    const running = overwrite(on).then((result) => {
      done = true
      return result
    })
    await store.untilWaiting(1)
    expectSense(await other.run(TEST_UNIT_READY, {}), IN_PROGRESS, { progress: 0 })
    expect(done).toBe(false)
    store.release()
    expectGood(await running)
    expectGood(await other.run(TEST_UNIT_READY, {}))
    await expectFilled(other, Buffer.alloc(512, 0xaa))
  })

  test('a write that was under way ends first, and does not land on what is erased', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const on = await built.disk()
    store.hold()
    const writing = on.write(0, pattern(512, 1))
    await store.untilWaiting(1)
    expectGood(await overwrite(on, { immed: true }))
    expectSense(await on.run(READ_16, { blocks: 1 }, { dataInLength: 512 }), IN_PROGRESS, { progress: 0 })
    store.release()
    await writing
    await untilReady(on)
    await expectFilled(on, Buffer.alloc(512, 0xaa))
  })

  test('another SANITIZE whose list comes late ends NOT READY', async () => {
    const built = await handBuilt([new HeldStore()], { sanitizeSeconds: FOREVER_SECONDS })
    const raw = await loggedIn(built)
    const list = encodeOverwriteList({ overwriteCount: 1, pattern: Buffer.from([1]) })
    const cdb = SANITIZE_OVERWRITE.encode({ parameterListLength: list.length })
    const initiatorTaskTag = raw.command(cdb, { write: true, expectedDataTransferLength: list.length })
    const { targetTransferTag } = (await raw.take(0x31)).header
    const begun = overwrite(await built.disk(), { immed: true })
    expectGood(await begun)
    raw.dataOut({ initiatorTaskTag, targetTransferTag }, list)
    const { header, data } = await raw.response()
    expect(header.status).toBe(STATUS.CHECK_CONDITION)
    expect(decodeSense(data.subarray(2)).sense).toEqual(IN_PROGRESS)
  })

  test.each([
    ['ABORT TASK', FUNCTION.ABORT_TASK],
    ['ABORT TASK SET', FUNCTION.ABORT_TASK_SET],
    ['CLEAR TASK SET', FUNCTION.CLEAR_TASK_SET],
    ['LOGICAL UNIT RESET', FUNCTION.LOGICAL_UNIT_RESET],
    ['TARGET WARM RESET', FUNCTION.TARGET_WARM_RESET],
    ['TARGET COLD RESET', FUNCTION.TARGET_COLD_RESET],
  ])('%s ends its command at once, and not the operation', async (_, code) => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const raw = await loggedIn(built)
    store.hold()
    const list = encodeOverwriteList({ overwriteCount: 1, pattern: Buffer.from([0xaa]) })
    const cdb = SANITIZE_OVERWRITE.encode({ parameterListLength: list.length })
    const sent = { write: true, expectedDataTransferLength: list.length }
    const referencedTaskTag = raw.command(cdb, sent, { data: list })
    await store.untilWaiting(1)
    const tag = send(raw, code, code === FUNCTION.ABORT_TASK ? { referencedTaskTag } : {})
    expect(await answered(raw, tag)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const after = new Disk(await built.connect())
    for (let tries = 0; tries < 10; tries++) {
      const { sense } = await after.run(TEST_UNIT_READY, {})
      if (sense?.sense.key === 6) continue
      expect(sense?.sense).toEqual(IN_PROGRESS)
      break
    }
    store.release()
    await untilReady(after)
    await expectFilled(after, Buffer.alloc(512, 0xaa))
  })

  test('nor does the loss of the connection', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const lost = await built.disk()
    store.hold()
    const running = overwrite(lost).catch(() => {})
    await store.untilWaiting(1)
    lost.session.destroy()
    await running
    const after = new Disk(await built.connect())
    await after.run(TEST_UNIT_READY, {}) // power on
    expectSense(await after.run(TEST_UNIT_READY, {}), IN_PROGRESS, { progress: 0 })
    store.release()
    await untilReady(after)
    await expectFilled(after, Buffer.alloc(512, 0xaa))
  })

  test('other logical units go on', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store, new HeldStore()])
    const [on, neighbour] = [await built.disk(0), await built.disk(1)]
    store.hold()
    expectGood(await overwrite(on, { immed: true }))
    await store.untilWaiting(1)
    await neighbour.write(0, pattern(4096, 1))
    expect(await neighbour.read(0, 8)).toEqual(pattern(4096, 1))
    store.release()
    await untilReady(on)
    const raw = await loggedIn(built)
    await expectUp(raw)
  })
})

/** A medium that takes no writes while it is told so. */
class BrokenStore extends MemoryStore {
  broken = true

  override writeNow(...write: Parameters<MemoryStore['writeNow']>): boolean {
    this.#judge()
    return super.writeNow(...write)
  }

  override async write(...write: Parameters<MemoryStore['write']>): Promise<void> {
    this.#judge()
    await super.write(...write)
  }

  #judge(): void {
    if (this.broken) throw new StoreError('I/O error', 'the medium is broken')
  }
}

describe('after a failure', () => {
  const FAILED = SENSE.SANITIZE_COMMAND_FAILED

  async function failed(ause: boolean): Promise<{ on: Disk; store: BrokenStore }> {
    const store = new BrokenStore(SIZE, false)
    const on = await (await handBuilt([store])).disk()
    expectSense(await overwrite(on, { ause }), FAILED)
    return { on, store }
  }

  test('every command ends SANITIZE COMMAND FAILED but those that need nothing of the unit', async () => {
    const { on } = await failed(false)
    for (const { wire, needs } of COMMANDS) {
      if (needs === 'sanitizable') continue
      const { status, sense } = await on.run(wire, {})
      if (needs === 'nothing') expect([wire.name, sense?.sense]).not.toEqual([wire.name, FAILED])
      else expect([wire.name, status, sense?.sense]).toEqual([wire.name, STATUS.CHECK_CONDITION, FAILED])
    }
    expect((await requestSense(on)).sense).toEqual(FAILED)
  })

  test('restricted completion mode: only a SANITIZE of the same mode that succeeds ends it', async () => {
    const { on, store } = await failed(false)
    expectCdbField(await on.run(SANITIZE_EXIT_FAILURE_MODE, {}), SANITIZE_EXIT_FAILURE_MODE, 'serviceAction')
    expectCdbField(await overwrite(on, { ause: true }), SANITIZE_OVERWRITE, 'ause')
    expectCdbField(await erase(on, SANITIZE_BLOCK_ERASE, { ause: true }), SANITIZE_BLOCK_ERASE, 'ause')
    expectSense(await overwrite(on), FAILED)
    expectSense(await on.run(TEST_UNIT_READY, {}), FAILED)
    store.broken = false
    expectGood(await overwrite(on))
    await expectFilled(on, Buffer.alloc(512, 0xaa))
  })

  test('unrestricted (AUSE): EXIT FAILURE MODE ends it', async () => {
    const { on, store } = await failed(true)
    store.broken = false
    expectGood(await on.run(SANITIZE_EXIT_FAILURE_MODE, {}))
    expectGood(await on.run(TEST_UNIT_READY, {}))
    await on.write(0, pattern(4096, 1))
    expect(await on.read(0, 8)).toEqual(pattern(4096, 1))
  })

  test('with IMMED the failure is told by what comes after', async () => {
    const store = new BrokenStore(SIZE, false)
    const on = await (await handBuilt([store])).disk()
    expectGood(await overwrite(on, { immed: true }))
    for (;;) {
      const { sense } = await on.run(TEST_UNIT_READY, {})
      if (sense?.sense === FAILED || sense?.sense.asc === FAILED.asc) break
      expect(sense?.sense).toEqual(IN_PROGRESS)
    }
    expect((await requestSense(on, true)).sense).toEqual(FAILED)
  })
})
