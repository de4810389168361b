// RESERVE and RELEASE(6) and (10) (SPC-2 7.16, 7.17, 7.21, 7.22): the whole matrix of who may do what, and everything that
// ends a reservation.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  COMPARE_AND_WRITE,
  type Layout,
  STATUS,
  TASK_MANAGEMENT_FUNCTION,
  TASK_MANAGEMENT_RESPONSE_CODE,
} from '../../../protocol/index.ts'
import * as CDB from '../../../protocol/scsi/commands/index.ts'
import type { CommandResult } from '../../../src/host/index.ts'
import { COMMANDS as ROWS } from '../../../src/target/commands/index.ts'
import { drainUnitAttentions, memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood } from '../disk.ts'
import { HeldStore, handBuilt } from '../hand-built.ts'
import { preempt, preemptAndAbort, register, reserve } from './persistent-reserve.ts'
import { RESERVATION_CLASSES } from './reservation-classes.ts'

const { RESERVE_6, RESERVE_10, RELEASE_6, RELEASE_10, TEST_UNIT_READY } = CDB
const COMMANDS: readonly Layout[] = ROWS.map(({ wire }) => wire)

/** SPC-2 table 9 and scsi-vaai.md: what another initiator's reservation does not stop. */
const isAllowed = ({ name }: Layout): boolean => RESERVATION_CLASSES.get(name) === 'allow'
/** A conflict for the holder, too (SPC-2 5.5.1): persistent-reserve-in.test.ts and persistent-reserve-out.test.ts. */
const isPersistent = ({ name }: Layout): boolean => name.startsWith('PERSISTENT RESERVE')

let array: TestArray
let holder: Disk
let other: Disk

beforeAll(async () => {
  array = await openArray([memory(), memory({ id: 1 })])
  return () => array.close()
})

beforeEach(async () => {
  holder = await array.disk()
  other = await array.disk()
  return async () => {
    holder.session.destroy()
    other.session.destroy()
    await other.session.closed
  }
})

/** A CDB that would be carried out: with the lengths that the command cannot do without. */
const plain = (cdb: Layout) => ({
  cdb: cdb.encode({ allocationLength: 64, pf: true, pageCode: pageOf(cdb) } as never),
  io: { dataInLength: 64 },
})
const pageOf = (cdb: Layout): number => (cdb.name.startsWith('MODE SENSE') ? 0x3f : 0)

async function settle(): Promise<void> {
  await drainUnitAttentions(holder)
  await drainUnitAttentions(other)
}

describe('the matrix: while another nexus holds a RESERVE', () => {
  test.each(COMMANDS.map((wire) => ({ name: wire.name, cdb: wire, allowed: isAllowed(wire) })))(
    '$name: allowed $allowed',
    async ({ cdb, allowed }) => {
      expectGood(await holder.run(RESERVE_6, {}))
      const { cdb: bytes, io } = plain(cdb)
      const result = await other.send(bytes, io)
      if (allowed) expect(result.status).not.toBe(STATUS.RESERVATION_CONFLICT)
      else
        expect({ status: result.status, sense: result.sense }).toEqual({
          status: STATUS.RESERVATION_CONFLICT,
          sense: undefined,
        })
      if (!isPersistent(cdb)) expect((await holder.send(bytes, io)).status).not.toBe(STATUS.RESERVATION_CONFLICT)
    },
  )

  test('data of a command in conflict goes nowhere, by R2T or unsolicited', async () => {
    expectGood(await holder.run(RESERVE_6, {}))
    const dataOut = Buffer.alloc(1024 * 1024, 9)
    const result = await other.run(CDB.WRITE_16, { blocks: 2048 }, { dataOut })
    expect(result.status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(await holder.read(0, 1)).toEqual(Buffer.alloc(512))
    expect((await other.run(TEST_UNIT_READY, {})).status).toBe(STATUS.RESERVATION_CONFLICT)
  })

  test('another logical unit is not touched by it', async () => {
    expectGood(await holder.run(RESERVE_6, {}))
    await drainUnitAttentions(await array.disk(1))
  })
})

describe.each([
  { name: '(6)', reserve: RESERVE_6 as Layout, release: RELEASE_6 as Layout },
  { name: '(10)', reserve: RESERVE_10 as Layout, release: RELEASE_10 as Layout },
])('RESERVE and RELEASE$name', ({ reserve, release }) => {
  test('the holder reserves again: GOOD; one RELEASE ends it', async () => {
    for (let i = 0; i < 3; i++) expectGood(await holder.run(reserve, {}))
    expectGood(await holder.run(release, {}))
    expectGood(await other.run(TEST_UNIT_READY, {}))
  })

  test('RESERVE by another: RESERVATION CONFLICT; RELEASE by another: GOOD, and nothing released', async () => {
    expectGood(await holder.run(reserve, {}))
    expect((await other.run(reserve, {})).status).toBe(STATUS.RESERVATION_CONFLICT)
    expectGood(await other.run(release, {}))
    expect((await other.run(TEST_UNIT_READY, {})).status).toBe(STATUS.RESERVATION_CONFLICT)
  })

  test('RELEASE without a reservation: GOOD', async () => {
    expectGood(await holder.run(release, {}))
  })

  test('released by logout', async () => {
    expectGood(await holder.run(reserve, {}))
    await holder.session.logout()
    expectGood(await other.run(TEST_UNIT_READY, {}))
  })

  test('released by the loss of the connection', async () => {
    expectGood(await holder.run(reserve, {}))
    holder.session.destroy()
    for (let status: number = STATUS.RESERVATION_CONFLICT, tries = 0; status !== STATUS.GOOD && tries < 100; tries++)
      status = (await other.run(TEST_UNIT_READY, {})).status
    expectGood(await other.run(TEST_UNIT_READY, {}))
  })

  test('released by session reinstatement', async () => {
    expectGood(await holder.run(reserve, {}))
    holder = await array.disk(0, { isid: holder.session.isid })
    expectGood(await other.run(TEST_UNIT_READY, {}))
  })

  test.each([
    ['LOGICAL UNIT RESET', TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET],
    ['TARGET WARM RESET', TASK_MANAGEMENT_FUNCTION.TARGET_WARM_RESET],
  ])('released by %s, from either nexus', async (_, reset) => {
    for (const from of ['holder', 'other'] as const) {
      expectGood(await holder.run(reserve, {}))
      const { session } = from === 'holder' ? holder : other
      expect(await session.manage(reset, { lun: 0 })).toBe(TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_COMPLETE)
      await settle()
    }
  })

  test('released by TARGET COLD RESET', async () => {
    expectGood(await holder.run(reserve, {}))
    await other.session.manage(TASK_MANAGEMENT_FUNCTION.TARGET_COLD_RESET)
    other = await array.disk()
  })

  test('not by ABORT TASK SET or CLEAR TASK SET', async () => {
    expectGood(await holder.run(reserve, {}))
    for (const code of [TASK_MANAGEMENT_FUNCTION.ABORT_TASK_SET, TASK_MANAGEMENT_FUNCTION.CLEAR_TASK_SET])
      await other.session.manage(code, { lun: 0 })
    expect((await other.run(TEST_UNIT_READY, {})).status).toBe(STATUS.RESERVATION_CONFLICT)
  })
})

describe('what is not offered', () => {
  test('third-party and extent reservations: INVALID FIELD IN CDB with a pointer, nothing reserved', async () => {
    for (const [byte, bit] of [
      [1, 4],
      [1, 0],
    ] as const) {
      for (const cdb of [RESERVE_6, RESERVE_10]) {
        const bytes = cdb.encode({})
        bytes[byte]! |= 1 << bit
        const { sense } = await holder.send(bytes)
        expect(sense?.field).toEqual({ in: 'cdb', byte, bit })
      }
    }
    expectGood(await other.run(TEST_UNIT_READY, {}))
  })

  test('a reserved page code is still refused to the holder', async () => {
    expectGood(await holder.run(RESERVE_6, {}))
    expectCdbField(await holder.run(CDB.MODE_SENSE_6, { pageCode: 0x30 }), CDB.MODE_SENSE_6, 'pageCode')
  })
})

describe('a COMPARE AND WRITE under way ends before the status of what would have stopped it', () => {
  const ways: [string, (disk: Disk) => Promise<CommandResult>][] = [
    ['RESERVE(6)', (disk) => disk.run(RESERVE_6, {})],
    ['RESERVE(10)', (disk) => disk.run(RESERVE_10, {})],
    ['PERSISTENT RESERVE OUT, RESERVE', (disk) => reserve(disk, 1n, 1)],
    ['PERSISTENT RESERVE OUT, PREEMPT', (disk) => preempt(disk, 1n, 2n, 1)],
    ['PERSISTENT RESERVE OUT, PREEMPT AND ABORT', (disk) => preemptAndAbort(disk, 1n, 2n, 1)],
  ]
  test.each(ways)('%s', async (name, run) => {
    const store = new HeldStore()
    const built = await handBuilt([store])
    const [mine, theirs] = [await built.disk(), await built.disk()]
    if (name.startsWith('PERSISTENT')) expectGood(await register(mine, 0n, 1n))
    if (name.includes('PREEMPT')) expectGood(await register(theirs, 0n, 2n))
    store.hold()
    const data = Buffer.concat([Buffer.alloc(512), Buffer.alloc(512, 1)])
    const cdb = COMPARE_AND_WRITE.encode({ blocks: 1 })
    theirs.session.submit({ lun: 0, cdb, dataOut: data }).result.catch(() => {})
    await store.untilWaiting(1)
    let ended = false
    const running = run(mine).finally(() => {
      ended = true
    })
    for (let i = 0; i < 3; i++) await mine.session.nop()
    expect(ended).toBe(false)
    store.release()
    expectGood(await running)
    const { length } = store.writes
    await theirs.session.nop()
    expect(store.writes.length).toBe(length)
  })
})
