// SANITIZE in the background (SBC-3 4.11): what the unit answers while it runs and after a failure, and what neither task
// management nor a lost connection stops.

import { describe, expect, test } from 'vitest'
import { StoreError } from '../../../luns/errors.ts'
import { MemoryStore } from '../../../luns/stores/memory.ts'
import {
  decodeSense,
  encodeOverwriteList,
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  INQUIRY,
  type Layout,
  READ_16,
  REPORT_LUNS,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
  SENSE,
  START_STOP_UNIT,
  STATUS,
  TEST_UNIT_READY,
} from '../../../protocol/index.ts'
import { COMMANDS } from '../../../src/target/commands/index.ts'
import { arrayForTest, memory, SIZE } from '../array.ts'
import { Disk, expectCdbField, expectGood, expectSense, pattern } from '../disk.ts'
import { HeldStore, handBuilt } from '../hand-built.ts'
import { answered, expectUp, loggedIn, send } from '../tasks.ts'
import { copyList, cscd, naaOf, segment, sendCopy } from './copy-list.ts'
import { erase, expectFilled, IN_PROGRESS, overwrite, requestSense, untilReady } from './sanitizing.ts'

const FOREVER_SECONDS = 86_400

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

  test.each([
    ['to', 1],
    ['from', 0],
  ])(
    'a copy %s the unit, which another unit carries out, stops and does not land on what is erased',
    async (_, lun) => {
      const stores = [new HeldStore(), new HeldStore()] as const
      const built = await handBuilt(stores)
      const [coordinator, on] = [await built.disk(0), await built.disk(lun)]
      await coordinator.write(0, pattern(64 * 512, 1))
      const designators = [await naaOf(coordinator), await naaOf(await built.disk(1))]
      stores[1].hold()
      const list = copyList(
        designators.map((designator) => cscd(designator)),
        [segment(0, 0, 64, { source: 0, destination: 1 }), segment(0, 0, 64, { source: 0, destination: 1 })],
      )
      const copying = sendCopy(coordinator, list)
      await stores[1].untilWaiting(1)
      expectGood(await overwrite(on, { immed: true }))
      stores[1].release()
      const { status, sense } = await copying
      expect([status, sense?.sense.key]).toEqual([STATUS.CHECK_CONDITION, SENSE.THIRD_PARTY_DEVICE_FAILURE.key])
      await untilReady(on)
      await expectFilled(on, Buffer.alloc(512, 0xaa))
    },
  )

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
