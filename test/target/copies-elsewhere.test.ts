// What ends a third-party copy on the side of a logical unit that it reads or writes and that was not asked for it: the reset
// of that unit (SAM-5 6.3.3), and its vanishing from the initiator's sight. Nothing of the copy happens there afterwards.

import { describe, expect, test } from 'vitest'
import {
  COPY_STATUS_LID4,
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  SENSE,
  STATUS,
  TEST_UNIT_READY,
} from '../../protocol/index.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { retarget } from '../../src/target/retarget.ts'
import { drainUnitAttentions, memory, SIZE } from './array.ts'
import {
  copyList,
  copyListLid4,
  cscd,
  endedStatusLid4,
  naaOf,
  segment,
  sendCopy,
  sendCopyLid4,
} from './commands/copy-list.ts'
import { sendWrite, tokenOf, writeList } from './commands/token-list.ts'
import { Disk, expectGood, pattern } from './disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from './hand-built.ts'

const ANOTHER = 'iqn.2026-11.io.lunette:another'
/** So much lies in several pieces of a copy. */
const LONG = 8000

/** LUN 0 is asked; LUN 1 is read, LUN 2 written, and one of their media waits. */
async function copying(held: 1 | 2) {
  const stores = [new HeldStore(), new HeldStore(), new HeldStore()] as const
  const built = await handBuilt(stores)
  const asked = await built.disk(0)
  const [source, destination] = [new Disk(asked.session, 1), new Disk(asked.session, 2)]
  const cscds: ReturnType<typeof cscd>[] = []
  for (const disk of [source, destination]) {
    await drainUnitAttentions(disk)
    cscds.push(cscd(await naaOf(disk)))
  }
  await source.write(0, pattern(512 * LONG, 1))
  stores[held].hold()
  const segments = [segment(0, 0, LONG, { destination: 1 })]
  return { stores, built, asked, source, destination, cscds, segments, held: stores[held] }
}

/** As a reload of the configuration: LUN `id` is that initiator's alone from now on. */
function hide({ target, units }: HandBuilt, id: number, to = ANOTHER): void {
  const lun = (more: object) =>
    units.map((unit) => memory({ id: unit.lun, size: SIZE, ...(unit.lun === id ? more : {}) }))
  const config = (more: object) => parseConfig({ targets: [{ luns: lun(more) }] })
  const [before, after] = [config({}), config({ initiators: [to] })]
  const configs = after.targets[0]!.luns
  retarget(target, { before, after }, new Map(units.map((unit) => [unit, configs.find((one) => one.id === unit.lun)!])))
}

/** What is there of the copy: some of its pieces at most, and no more than when it was answered. */
function expectCut({ stores }: Awaited<ReturnType<typeof copying>>, writes: number): void {
  expect(writes).toBeLessThan(4)
  expect(stores[2].writes.length).toBe(writes)
}

describe.each([
  ['source', 1],
  ['destination', 2],
] as const)('the %s of an EXTENDED COPY', (_, id) => {
  test('LOGICAL UNIT RESET: answered when the copy has stopped', async () => {
    const copy = await copying(id)
    const result = sendCopy(copy.asked, copyList(copy.cscds, copy.segments))
    await copy.held.untilWaiting(1)
    let answered = false
    const resetting = copy.asked.session.manage(FUNCTION.LOGICAL_UNIT_RESET, { lun: id }).then(() => {
      answered = true
    })
    await copy.asked.session.nop()
    expect(answered).toBe(false)
    copy.held.release()
    await resetting
    const writes = copy.stores[2].writes.length
    const { status, sense } = await result
    expect([status, sense?.sense]).toEqual([STATUS.CHECK_CONDITION, SENSE.COPY_CLEARED_BY_DEVICE_SERVER])
    expectCut(copy, writes)
  })

  test('masked from the initiator: a copy in the background stops, too', async () => {
    const copy = await copying(id)
    const listId = 7
    expectGood(await sendCopyLid4(copy.asked, copyListLid4(copy.cscds, copy.segments, { listId, immed: true })))
    await copy.held.untilWaiting(1)
    hide(copy.built, id)
    copy.held.release()
    await drainUnitAttentions(copy.asked)
    const { status, transferCount } = await endedStatusLid4(copy.asked, listId)
    expect(status).toBe(COPY_STATUS_LID4.terminated)
    expect(transferCount).toBeLessThan(512 * LONG)
    expectCut(copy, copy.stores[2].writes.length)
  })

  test('masked from another initiator: it goes on', async () => {
    const copy = await copying(id)
    const other = await copy.built.disk(id, { initiatorName: ANOTHER })
    const result = sendCopy(copy.asked, copyList(copy.cscds, copy.segments))
    await copy.held.untilWaiting(1)
    hide(copy.built, id, copy.asked.session.initiatorName)
    expect((await other.run(TEST_UNIT_READY, {})).sense?.sense).toEqual(SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
    copy.held.release()
    expectGood(await result)
  })
})

test('the source of a WRITE USING TOKEN, masked from the initiator: the copy stops', async () => {
  const copy = await copying(1)
  copy.held.release()
  const token = await tokenOf(copy.source, [[0, LONG]])
  copy.held.hold()
  const result = sendWrite(copy.destination, writeList(token, [[0, LONG]]))
  await copy.held.untilWaiting(1)
  hide(copy.built, 1)
  copy.held.release()
  const { status, sense } = await result
  expect([status, sense?.sense]).toEqual([STATUS.CHECK_CONDITION, SENSE.COPY_CLEARED_BY_DEVICE_SERVER])
  expectCut(copy, copy.stores[2].writes.length)
})
