// PREEMPT and PREEMPT AND ABORT (SPC-4 5.13.11.4, 5.13.11.5): who loses what, who hears of it, and that nothing of those who
// were preempted and aborted can happen after the status.

import { describe, expect, test } from 'vitest'
import {
  CONTROL,
  encodeModeSelectList,
  type Layout,
  MODE_SELECT_6,
  READ_10,
  SENSE,
  STATUS,
  TARGET_OPCODE,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../../protocol/index.ts'
import * as CDB from '../../../protocol/scsi/commands/index.ts'
import { type CommandResult, TaskAbortedError } from '../../../src/host/index.ts'
import { arrayForTest, drainUnitAttentions, memory } from '../array.ts'
import { Disk, expectCdbField, expectGood, expectParameter, expectSense } from '../disk.ts'
import { HeldStore, handBuilt } from '../hand-built.ts'
import { loggedIn, OUT, ones, taken, WRITE } from '../tasks.ts'
import { copyList, cscd, naaOf, segment, sendCopy } from './copy-list.ts'
import {
  diskOf,
  expectConflict,
  host,
  preempt,
  preemptAndAbort,
  readKeys,
  readReservation,
  register,
  reserve,
  TYPE,
  TYPES,
} from './persistent-reserve.ts'

const tur = (disk: Disk) => disk.run(TEST_UNIT_READY, {})
const BOTH = [
  { name: 'PREEMPT', cdb: CDB.PERSISTENT_RESERVE_OUT_PREEMPT as Layout, run: preempt },
  { name: 'PREEMPT AND ABORT', cdb: CDB.PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT as Layout, run: preemptAndAbort },
]

async function three() {
  const array = await arrayForTest([memory()])
  const [a, b, c] = [await diskOf(array, host('a')), await diskOf(array, host('b')), await diskOf(array, host('c'))]
  expectGood(await register(a, 0n, 1n))
  expectGood(await register(b, 0n, 2n))
  expectGood(await register(c, 0n, 3n))
  return { array, a, b, c }
}

describe.each(BOTH)('$name', ({ cdb, run }) => {
  test.each(TYPES)(
    'of the holder of $name: the preemptor holds it, and its type is the new one',
    async ({ name, type }) => {
      const { a, b, c } = await three()
      expectGood(await reserve(b, 2n, type))
      expectGood(await run(a, 1n, name.endsWith('AR') ? 0n : 2n, TYPE.EARO))
      expect(await readReservation(a)).toEqual({ generation: 4, reservation: { key: 1n, scope: 0, type: TYPE.EARO } })
      expectGood(await tur(a))
      expectSense(await tur(b), SENSE.REGISTRATIONS_PREEMPTED)
      expectConflict(await b.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) }))
      if (name.endsWith('AR')) {
        expect((await readKeys(a)).keys).toEqual([1n])
        expectSense(await tur(c), SENSE.REGISTRATIONS_PREEMPTED)
      } else {
        expect((await readKeys(a)).keys).toEqual([1n, 3n])
        if (type !== TYPE.EARO) expectSense(await tur(c), SENSE.RESERVATIONS_RELEASED)
      }
      expectGood(await tur(c))
    },
  )

  test('without a reservation: the registrations go, PRGENERATION + 1', async () => {
    const { a, b, c } = await three()
    expectGood(await run(a, 1n, 2n, TYPE.WE))
    expect(await readKeys(a)).toEqual({ generation: 4, keys: [1n, 3n] })
    expect((await readReservation(a)).reservation).toBeUndefined()
    expectSense(await tur(b), SENSE.REGISTRATIONS_PREEMPTED)
    expectGood(await tur(b))
    expectGood(await tur(c))
    expectConflict(await register(b, 2n, 5n))
  })

  test('every registration with the key, whoever has it', async () => {
    const { a, b, c } = await three()
    expectGood(await register(c, 3n, 2n))
    expectGood(await reserve(a, 1n, TYPE.WERO))
    expectGood(await run(a, 1n, 2n, TYPE.WERO))
    expect((await readKeys(a)).keys).toEqual([1n])
    for (const disk of [b, c]) expectSense(await tur(disk), SENSE.REGISTRATIONS_PREEMPTED)
    expect((await readReservation(a)).reservation).toEqual({ key: 1n, scope: 0, type: TYPE.WERO })
  })

  test('wrong input: keys, SCOPE and TYPE', async () => {
    const { a, b } = await three()
    expectConflict(await run(a, 9n, 2n, TYPE.WE)) // not its own key
    expectConflict(await run(a, 1n, 9n, TYPE.WE)) // nobody's key
    expectParameter(await run(a, 1n, 0n, TYPE.WE), 8)
    expectGood(await reserve(b, 2n, TYPE.EA))
    expectParameter(await run(a, 1n, 0n, TYPE.WE), 8)
    for (const type of [0, 2, 4, 9, 15]) expectCdbField(await run(a, 1n, 2n, type), cdb, 'type')
    expect(await readKeys(a)).toEqual({ generation: 3, keys: [1n, 2n, 3n] })
    expect((await readReservation(a)).reservation?.key).toBe(2n)
    expectGood(await tur(b))
    expectGood(await run(a, 1n, 3n, 0)) // mere registrations: SCOPE and TYPE do not count
  })

  test('by a nexus that has been preempted: a conflict', async () => {
    const { a, b } = await three()
    expectGood(await run(a, 1n, 2n, TYPE.WE))
    expectSense(await tur(b), SENSE.REGISTRATIONS_PREEMPTED)
    expectConflict(await run(b, 2n, 1n, TYPE.WE))
  })
})

test('a SCOPE that is none where it counts: INVALID FIELD IN CDB', async () => {
  const { a, b } = await three()
  expectGood(await reserve(b, 2n, TYPE.EA))
  expectCdbField(await preempt(a, 1n, 2n, TYPE.WE, { scope: 2 }), CDB.PERSISTENT_RESERVE_OUT_PREEMPT, 'scope')
})

/** Two initiators registered, the second with writes that the medium holds back. */
async function held(writes: number) {
  const store = new HeldStore()
  const built = await handBuilt([store])
  const a = await built.disk(0, { initiatorName: host('a').initiatorName })
  const b = await built.disk(0, { initiatorName: host('b').initiatorName })
  expectGood(await register(a, 0n, 1n))
  expectGood(await register(b, 0n, 2n))
  expectGood(await reserve(b, 2n, TYPE.WERO))
  store.hold()
  const tasks = Array.from({ length: writes }, (_, lba) =>
    b.session.submit({ lun: 0, cdb: WRITE_10.encode({ lba, blocks: 1 }), dataOut: ones }),
  )
  if (writes > 0) await store.untilWaiting(writes)
  return { store, built, a, b, tasks }
}

/** Whether it has ended after a round trip of its initiator. */
async function pending(disk: Disk, running: Promise<unknown>): Promise<boolean> {
  let ended = false
  void running.then(() => {
    ended = true
  })
  await disk.session.nop()
  await disk.session.nop()
  return !ended
}

describe('tasks of the preempted', () => {
  test('PREEMPT lets them go on', async () => {
    const { store, a, tasks } = await held(1)
    expectGood(await preempt(a, 1n, 2n, TYPE.WERO))
    store.release()
    expectGood(await tasks[0]!.result)
  })

  test('PREEMPT AND ABORT: aborted, ended before its status, and told by 2Fh/00h (TAS = 0)', async () => {
    const { store, a, b, tasks } = await held(8)
    const running = preemptAndAbort(a, 1n, 2n, TYPE.WERO)
    expect(await pending(a, running)).toBe(true)
    store.release()
    expectGood(await running)
    const written = store.writes.length
    await b.session.nop()
    for (const { result } of tasks) expect(await Promise.race([result, 'nothing'])).toBe('nothing')
    expectSense(await tur(b), SENSE.REGISTRATIONS_PREEMPTED)
    expectSense(await tur(b), SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
    expectGood(await tur(b))
    expect(store.writes.length).toBe(written)
    expectGood(await tur(a))
  })

  test('TAS = 1: they end with TASK ABORTED, and no unit attention says so', async () => {
    const { store, a, b, tasks } = await held(0)
    store.release()
    const page = CONTROL.encode({ tas: true, queueAlgorithmModifier: 1 })
    const list = encodeModeSelectList(6, { mediumType: 0, wp: false, dpoFua: false }, [page])
    expectGood(await b.run(MODE_SELECT_6, { pf: true, parameterListLength: list.length }, { dataOut: list }))
    expectSense(await tur(a), SENSE.MODE_PARAMETERS_CHANGED)
    expect(tasks).toEqual([])
    store.hold()
    const { result } = b.session.submit({ lun: 0, cdb: WRITE_10.encode({ blocks: 1 }), dataOut: ones })
    await store.untilWaiting(1)
    const running = preemptAndAbort(a, 1n, 2n, TYPE.WERO)
    await a.session.nop()
    store.release()
    expectGood(await running)
    expect((await result).status).toBe(STATUS.TASK_ABORTED)
    expectSense(await tur(b), SENSE.REGISTRATIONS_PREEMPTED)
    expectGood(await tur(b))
  })

  test('a write whose data has not come is aborted; the data that then comes goes nowhere', async () => {
    const { store, built, a } = await held(0)
    store.release()
    const raw = await loggedIn(built)
    const port = { initiatorName: raw.initiatorName, isid: raw.isid.toString('hex') }
    expectGood(await register(a, 1n, 0n))
    expectGood(await register(a, 0n, 7n, { specIPt: true, transportIds: [port] }))
    expectGood(await register(a, 7n, 1n))
    raw.command(WRITE, OUT)
    const r2t = await raw.take(TARGET_OPCODE.R2T)
    expectGood(await preemptAndAbort(a, 1n, 7n, TYPE.WE))
    const { initiatorTaskTag, targetTransferTag } = r2t.header
    raw.dataOut({ initiatorTaskTag, targetTransferTag }, ones)
    await taken(raw)
    expect(store.writes).toEqual([])
    await raw.expectSilence(20)
  })

  test('a copy that the copy manager of another logical unit writes here has ended before the status', async () => {
    const [source, store] = [new HeldStore(), new HeldStore()]
    const built = await handBuilt([source, store])
    const a = await built.disk(1, { initiatorName: host('a').initiatorName })
    const b = await built.disk(1, { initiatorName: host('b').initiatorName })
    const manager = new Disk(b.session, 0)
    await drainUnitAttentions(manager)
    expectGood(await register(a, 0n, 1n))
    expectGood(await register(b, 0n, 2n))
    expectGood(await reserve(b, 2n, TYPE.EA))
    const long = { sourceLba: 0n, destinationLba: 0n, blocks: 8192, destination: 1 }
    const list = copyList([cscd(await naaOf(manager)), cscd(await naaOf(b))], [segment(0, 0, 8192, long)])
    await manager.write(0, ones)
    await manager.write(8191, ones)
    source.hold()
    const copying = sendCopy(manager, list)
    await source.untilWaiting(1)
    const running = preemptAndAbort(a, 1n, 2n, TYPE.EA)
    expect(await pending(a, running)).toBe(true)
    source.release()
    expectGood(await running)
    const written = store.writes.length
    expect((await copying).sense?.sense).toEqual(SENSE.COPY_CLEARED_BY_DEVICE_SERVER)
    expect(store.writes.length).toBe(written)
    expect(await a.read(8191, 1)).toEqual(Buffer.alloc(512))
  })

  test('those of others, and its own, go on', async () => {
    const { store, built, a, b } = await held(1)
    const c = await built.disk(0, { initiatorName: host('c').initiatorName })
    const reads = [a, c].map((disk) => disk.run(READ_10, { blocks: 1 }, { dataInLength: 512 }))
    await store.untilWaiting(3)
    const running = preemptAndAbort(a, 1n, 2n, TYPE.WERO)
    await a.session.nop()
    store.release()
    for (const result of [...(await Promise.all(reads)), await running]) expectGood(result)
    expectSense(await tur(b), SENSE.REGISTRATIONS_PREEMPTED)
  })

  test('a PERSISTENT RESERVE OUT of the preempted that comes too late changes nothing', async () => {
    const { store, a, b } = await held(0)
    store.release()
    const [first, second] = await Promise.all([
      preemptAndAbort(a, 1n, 2n, TYPE.EA),
      Promise.race([preemptAndAbort(b, 2n, 1n, TYPE.EA), aborted(b)]),
    ])
    // Whichever came first, the other one lost its registration.
    const winner = first.status === STATUS.GOOD ? 1n : 2n
    if (winner === 2n) expectGood(second as CommandResult)
    const disk = winner === 1n ? a : b
    expect((await readKeys(disk)).keys).toEqual([winner])
    expect((await readReservation(disk)).reservation?.key).toBe(winner)
  })

  /** Nothing more comes of what was asked before. */
  async function aborted(disk: Disk): Promise<'aborted'> {
    for (let i = 0; i < 20; i++) await disk.session.nop()
    return 'aborted'
  }
})

test('under load: what was written before the status stays, nothing is written after it, for 30 rounds', async () => {
  const array = await arrayForTest([memory()])
  const a = await diskOf(array, host('a'))
  for (let round = 1; round <= 30; round++) {
    const b = await diskOf(array, host('b', `80000000${String(round).padStart(4, '0')}`))
    expectGood(await register(b, 0n, 2n))
    expectGood(await register(a, 0n, 1n))
    expectGood(await reserve(b, 2n, TYPE.EA))
    const data = Buffer.alloc(64 * 1024, round)
    const writes = Array.from({ length: 40 }, (_, i) =>
      b.run(WRITE_10, { lba: (i % 16) * 128, blocks: 128 }, { dataOut: data }).catch((error: unknown) => error),
    )
    expectGood(await preemptAndAbort(a, 1n, 2n, TYPE.EA))
    const after = await a.read(0, 2048)
    await b.session.nop()
    expect((await a.read(0, 2048)).equals(after)).toBe(true)
    b.session.destroy()
    for (const result of await Promise.all(writes))
      if (!(result instanceof Error))
        expect([STATUS.GOOD, STATUS.CHECK_CONDITION, STATUS.RESERVATION_CONFLICT]).toContain(
          (result as CommandResult).status,
        )
      else expect(result).not.toBeInstanceOf(TaskAbortedError)
    expectGood(await register(a, 1n, 0n))
  }
})
