// EXTENDED COPY(LID4) (83h/01h, SPC-4 6.4) and COPY OPERATION ABORT (83h/1Ch, SPC-4 6.3): copies in the foreground and in the
// background, how they are followed, and everything that ends them.

import { describe, expect, test } from 'vitest'
import {
  COPY_OPERATION_ABORT,
  COPY_STATUS_LID4,
  decodeOperatingParameters,
  decodeSense,
  EXTENDED_COPY_LID4,
  RECEIVE_COPY_OPERATING_PARAMETERS,
  SENSE,
  STATUS,
  TASK_MANAGEMENT_FUNCTION,
} from '../../../protocol/index.ts'
import { arrayForTest, drainUnitAttentions, memory } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectParameter, expectSense, pattern } from '../disk.ts'
import { type HandBuilt, HeldStore, handBuilt } from '../hand-built.ts'
import {
  abortCopy,
  copyList,
  copyListLid4,
  cscd,
  endedStatusLid4,
  naaOf,
  segment,
  sendCopy,
  sendCopyLid4,
  statusLid4,
} from './copy-list.ts'

/** So much lies in several pieces of a copy. */
const LONG = 8000

interface Held {
  readonly store: HeldStore
  readonly built: HandBuilt
  readonly disk: Disk
  /** Copies the first half of the medium into the second. */
  list(listId: number | undefined, immed?: boolean): Buffer
}

/** A logical unit whose medium can be made to wait, its first half filled. */
async function held(): Promise<Held> {
  const store = new HeldStore()
  const built = await handBuilt([store])
  const disk = await built.disk()
  await disk.write(0, pattern(512 * LONG, 1))
  const naa = await naaOf(disk)
  const list = (listId: number | undefined, immed = false): Buffer =>
    copyListLid4([cscd(naa)], [segment(0, LONG, LONG)], { ...(listId !== undefined && { listId }), immed })
  return { store, built, disk, list }
}

/** The last block that the copy would have written. */
const last = (disk: Disk) => disk.read(2 * LONG - 1, 1)
const untouched = Buffer.alloc(512)

describe('EXTENDED COPY(LID4)', () => {
  test('copies as LID1 does, with and without a list identifier', async () => {
    const array = await arrayForTest([memory(), memory({ id: 1 })])
    const [a, b] = [await array.disk(0), await array.disk(1)]
    const cscds = [cscd(await naaOf(a)), cscd(await naaOf(b))]
    await a.write(0, pattern(512 * 100, 1))
    for (const [lba, listId] of [
      [0, undefined],
      [200, 0xfedcba98],
    ] as const) {
      const options = listId === undefined ? {} : { listId }
      expectGood(await sendCopyLid4(a, copyListLid4(cscds, [segment(0, lba, 100, { destination: 1 })], options)))
      expect((await b.read(lba, 100)).equals(pattern(512 * 100, 1))).toBe(true)
    }
    expect(await statusLid4(a, 0xfedcba98)).toMatchObject({
      responseToServiceAction: 1,
      status: COPY_STATUS_LID4.completed,
      transferCount: 51_200n,
      segments: 1,
    })
  })

  test('parameter list length 0: GOOD; a list that is cut, or breaks a rule of its header', async () => {
    const array = await arrayForTest([memory()])
    const disk = await array.disk()
    const list = copyListLid4([cscd(await naaOf(disk))], [segment(0, 1, 1)], { listId: 1 })
    expectGood(await disk.run(EXTENDED_COPY_LID4, {}))
    for (const length of [1, 47, 79, 107])
      expectSense(await sendCopyLid4(disk, list.subarray(0, length)), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    expectSense(await sendCopyLid4(disk, list, 0xffff_ffff), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    for (const [byte, value, bit] of [
      [0, 0, undefined],
      [1, 0x08, 4],
      [2, 1, undefined],
      [16, 0, undefined],
    ] as const) {
      const wrong = Buffer.from(list)
      wrong[byte] = value
      expectParameter(await sendCopyLid4(disk, wrong), byte, bit)
    }
    const nobody = copyListLid4([], [], { immed: true })
    expectParameter(await sendCopyLid4(disk, nobody), 15, 0)
  })

  test('G_SENSE: GOOD comes with COMPLETED, EXTENDED COPY INFORMATION AVAILABLE', async () => {
    const array = await arrayForTest([memory()])
    const disk = await array.disk()
    const cscds = [cscd(await naaOf(disk))]
    const result = await sendCopyLid4(disk, copyListLid4(cscds, [segment(0, 1, 1)], { gSense: true }))
    expect(result.status).toBe(STATUS.GOOD)
    expect(result.sense?.sense).toEqual(SENSE.EXTENDED_COPY_INFORMATION_AVAILABLE)
    const immed = { gSense: true, immed: true, listId: 1 }
    expectGood(await sendCopyLid4(disk, copyListLid4(cscds, [segment(0, 1, 1)], immed)))
    await endedStatusLid4(disk, 1)
  })

  test('a list identifier in use: OPERATION IN PROGRESS (SPC-4 5.17.4.2); LID1 and LID4 share the numbers', async () => {
    const { store, disk, list } = await held()
    store.hold()
    expectGood(await sendCopyLid4(disk, list(7, true)))
    expectSense(await sendCopyLid4(disk, list(7)), SENSE.OPERATION_IN_PROGRESS)
    const lid1 = copyList([cscd(await naaOf(disk))], [segment(0, 1, 1)], { listId: 7, listIdUsage: 0 })
    expectSense(await sendCopy(disk, lid1), SENSE.OPERATION_IN_PROGRESS)
    store.release()
    await endedStatusLid4(disk, 7)
    expectGood(await sendCopy(disk, lid1))
  })
})

describe('IMMED: the copy goes on in the background', () => {
  test('GOOD when the list has been judged, then followed to its end', async () => {
    const { store, disk, list } = await held()
    store.hold()
    expectGood(await sendCopyLid4(disk, list(1, true)))
    expect(await statusLid4(disk, 1)).toMatchObject({ status: COPY_STATUS_LID4.background, segments: 1 })
    store.release()
    expect(await endedStatusLid4(disk, 1)).toMatchObject({
      status: COPY_STATUS_LID4.completed,
      transferCount: BigInt(512 * LONG),
      segments: 1,
    })
    expect((await disk.read(LONG, LONG)).equals(pattern(512 * LONG, 1))).toBe(true)
  })

  test('a list that is wrong is told at once; a segment that fails, afterwards', async () => {
    const { disk } = await held()
    const cscds = [cscd(await naaOf(disk))]
    const long = copyListLid4(cscds, Array(65).fill(segment(0, 1, 1)), { listId: 2, immed: true })
    expect((await sendCopyLid4(disk, long)).sense?.sense).toEqual(SENSE.TOO_MANY_SEGMENT_DESCRIPTORS)
    const failing = [segment(0, 1, 1), segment(0, 1, 9, { destination: 3 })]
    expectGood(await sendCopyLid4(disk, copyListLid4(cscds, failing, { listId: 2, immed: true })))
    const ended = await endedStatusLid4(disk, 2)
    expect(ended).toMatchObject({
      status: COPY_STATUS_LID4.failed,
      completionStatus: STATUS.CHECK_CONDITION,
      segments: 1,
    })
    expect(decodeSense(ended.sense)).toMatchObject({
      sense: SENSE.UNREACHABLE_COPY_TARGET,
      commandSpecific: 1n,
      information: 9n,
    })
  })

  test('as many at a time as are advertised: one more is refused with INSUFFICIENT RESOURCES', async () => {
    const { store, disk } = await held()
    const cscds = [cscd(await naaOf(disk))]
    const one = (listId: number) => copyListLid4(cscds, [segment(listId, 9000 + listId, 1)], { listId, immed: true })
    const io = { dataInLength: 128 }
    const answer = await disk.run(RECEIVE_COPY_OPERATING_PARAMETERS, { allocationLength: 128 }, io)
    const { totalConcurrentCopies: most, maximumConcurrentCopies } = decodeOperatingParameters(expectGood(answer).data)
    expect(maximumConcurrentCopies).toBe(most)
    store.hold()
    for (let listId = 1; listId <= most; listId++) expectGood(await sendCopyLid4(disk, one(listId)))
    expectSense(await sendCopyLid4(disk, one(most + 1)), SENSE.INSUFFICIENT_RESOURCES)
    store.release()
    for (let listId = 1; listId <= most; listId++)
      expect((await endedStatusLid4(disk, listId)).status).toBe(COPY_STATUS_LID4.completed)
    expectGood(await sendCopyLid4(disk, one(most + 1)))
  })
})

describe('COPY OPERATION ABORT', () => {
  test('of one in the background: GOOD when nothing of it can happen any more', async () => {
    const { store, disk, list } = await held()
    store.hold()
    expectGood(await sendCopyLid4(disk, list(1, true)))
    await store.untilWaiting(1)
    const aborting = abortCopy(disk, 1)
    await disk.session.nop()
    store.release()
    expectGood(await aborting)
    const done = store.writes.length
    const status = await statusLid4(disk, 1)
    expect(status).toMatchObject({ status: COPY_STATUS_LID4.terminated, segments: 0 })
    expect(status).toMatchObject({ completionStatus: STATUS.TASK_ABORTED, sense: Buffer.alloc(0) })
    expect(await last(disk)).toEqual(untouched)
    expect(store.writes.length).toBe(done)
  })

  test('of one in the foreground: its command ends with COPY ABORTED, segment and blocks left', async () => {
    const { store, disk, list } = await held()
    store.hold()
    const copying = sendCopyLid4(disk, list(2))
    await store.untilWaiting(1)
    const aborting = abortCopy(disk, 2)
    await disk.session.nop()
    store.release()
    expectGood(await aborting)
    const { sense } = await copying
    expect(sense?.sense).toEqual(SENSE.COPY_CLEARED_BY_DEVICE_SERVER)
    expect(sense?.information).toBeGreaterThan(0n)
    expect(await last(disk)).toEqual(untouched)
    expect((await statusLid4(disk, 2)).status).toBe(COPY_STATUS_LID4.terminated)
  })

  test('of one that is not known, has ended, or is of another nexus: INVALID FIELD IN CDB, pointer to byte 2', async () => {
    const { store, built, disk, list } = await held()
    const other = await built.disk()
    expectCdbField(await abortCopy(disk, 99), COPY_OPERATION_ABORT, 'listId')
    expectGood(await sendCopyLid4(disk, list(1)))
    expectCdbField(await abortCopy(disk, 1), COPY_OPERATION_ABORT, 'listId')
    store.hold()
    expectGood(await sendCopyLid4(disk, list(2, true)))
    expectCdbField(await abortCopy(other, 2), COPY_OPERATION_ABORT, 'listId')
    store.release()
    expect((await endedStatusLid4(disk, 2)).status).toBe(COPY_STATUS_LID4.completed)
  })
})

describe('what else ends a copy', () => {
  test('ABORT TASK, in the middle: answered when it has stopped, and it can still be asked about', async () => {
    const { store, disk, list } = await held()
    store.hold()
    const task = disk.session.submit({ lun: 0, cdb: cdbFor(list(1)), dataOut: list(1) })
    const ended = task.result.then(
      () => 'ended',
      () => 'aborted',
    )
    await store.untilWaiting(1)
    const aborting = disk.session.manage(TASK_MANAGEMENT_FUNCTION.ABORT_TASK, { lun: 0, task })
    await disk.session.nop()
    store.release()
    await aborting
    expect(await ended).toBe('aborted')
    expect((await statusLid4(disk, 1)).status).toBe(COPY_STATUS_LID4.terminated)
    expect(await last(disk)).toEqual(untouched)
  })

  test('ABORT TASK SET does not touch what goes on in the background', async () => {
    const { store, disk, list } = await held()
    store.hold()
    expectGood(await sendCopyLid4(disk, list(1, true)))
    await disk.session.manage(TASK_MANAGEMENT_FUNCTION.ABORT_TASK_SET, { lun: 0 })
    store.release()
    expect((await endedStatusLid4(disk, 1)).status).toBe(COPY_STATUS_LID4.completed)
  })

  test.each([
    ['LOGICAL UNIT RESET', TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET],
    ['TARGET WARM RESET', TASK_MANAGEMENT_FUNCTION.TARGET_WARM_RESET],
  ])('%s: answered when it has stopped; nothing is remembered', async (_, reset) => {
    const { store, disk, list } = await held()
    store.hold()
    expectGood(await sendCopyLid4(disk, list(1, true)))
    await store.untilWaiting(1)
    let answered = false
    const resetting = disk.session.manage(reset, { lun: 0 }).then(() => {
      answered = true
    })
    await disk.session.nop()
    expect(answered).toBe(false)
    store.release()
    await resetting
    const done = store.writes.length
    await drainUnitAttentions(disk)
    const gone = await disk.run(COPY_OPERATION_ABORT, { listId: 1 })
    expectCdbField(gone, COPY_OPERATION_ABORT, 'listId')
    expect(await last(disk)).toEqual(untouched)
    expect(store.writes.length).toBe(done)
  })

  test('the loss of its nexus: the initiator port logs in again when it has stopped', async () => {
    const { store, built, list } = await held()
    const isid = Buffer.from('800000000017', 'hex')
    const mine = await built.disk(0, { isid })
    store.hold()
    expectGood(await sendCopyLid4(mine, list(1, true)))
    await store.untilWaiting(1)
    mine.session.destroy()
    let back = false
    const returning = built.disk(0, { isid }).then((disk) => {
      back = true
      return disk
    })
    await (await built.disk()).session.nop()
    expect(back).toBe(false)
    store.release()
    const again = await returning
    const done = store.writes.length
    expect(await last(again)).toEqual(untouched)
    expectCdbField(await abortCopy(again, 1), COPY_OPERATION_ABORT, 'listId')
    expect(store.writes.length).toBe(done)
  })
})

const cdbFor = (list: Buffer): Buffer => EXTENDED_COPY_LID4.encode({ parameterListLength: list.length })
