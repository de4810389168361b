// Removable media: START STOP UNIT with LOEJ (SBC-3 5.25), PREVENT ALLOW MEDIUM REMOVAL (SBC-3 5.10), MEDIUM NOT PRESENT, and
// what other initiators hear of it; and what of that a LUN whose medium is not removable has.

import { beforeEach, describe, expect, test } from 'vitest'
import {
  decodeCommandSupport,
  decodeSense,
  decodeStandardInquiry,
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  INQUIRY,
  type Layout,
  MODE_SENSE_6,
  PREVENT_ALLOW_MEDIUM_REMOVAL,
  RELEASE_6,
  REPORT_SUPPORTED_OPERATION_CODES,
  REPORTING_OPTIONS,
  REQUEST_SENSE,
  RESERVE_6,
  TASK_MANAGEMENT_RESPONSE_CODE as RESPONSE,
  SENSE,
  START_STOP_UNIT,
  STATUS,
  TEST_UNIT_READY,
} from '../../../protocol/index.ts'
import { COMMANDS } from '../../../src/target/commands/index.ts'
import { arrayForTest, drainUnitAttentions, memory, type TestArray } from '../array.ts'
import { Disk, expectCdbField, expectGood, expectSense, pattern } from '../disk.ts'
import { HeldStore, handBuilt } from '../hand-built.ts'
import { manage } from '../tasks.ts'

let array: TestArray
let disk: Disk
let other: Disk

beforeEach(async () => {
  array = await arrayForTest([memory({ removable: true }), memory({ id: 1 })])
  disk = await array.disk()
  other = await array.disk()
})

const startStop = (on: Disk, fields: object) => on.run(START_STOP_UNIT, fields)
const eject = (on: Disk, immed = false) => startStop(on, { loej: true, start: false, immed })
const load = (on: Disk, immed = false) => startStop(on, { loej: true, start: true, immed })
const prevent = (on: Disk, value: number) => on.run(PREVENT_ALLOW_MEDIUM_REMOVAL, { prevent: value })
const ready = (on: Disk) => on.run(TEST_UNIT_READY, {})

describe('INQUIRY', () => {
  test('RMB says which medium is removable', async () => {
    const rmb = async (lun: number) => {
      const { data } = await new Disk(disk.session, lun).run(INQUIRY, { allocationLength: 96 }, { dataInLength: 96 })
      return decodeStandardInquiry(data).rmb
    }
    expect([await rmb(0), await rmb(1)]).toEqual([true, false])
  })
})

describe('START STOP UNIT', () => {
  test('eject and load, with and without IMMED; each twice', async () => {
    await disk.write(0, pattern(4096, 1))
    for (const immed of [true, false]) {
      for (let times = 0; times < 2; times++) {
        expectGood(await eject(disk, immed))
        expectSense(await ready(disk), SENSE.MEDIUM_NOT_PRESENT)
      }
      for (let times = 0; times < 2; times++) {
        expectGood(await load(disk, immed))
        expectGood(await ready(disk))
      }
    }
    expect(await disk.read(0, 8)).toEqual(pattern(4096, 1))
  })

  test('a POWER CONDITION, reserved ones too, with LOEJ: GOOD and nothing is ejected', async () => {
    for (let powerCondition = 1; powerCondition < 16; powerCondition++) {
      expectGood(await startStop(disk, { powerCondition, loej: true, start: false }))
      expectGood(await ready(disk))
    }
  })

  test('without LOEJ: GOOD, the unit stays ready, and a medium that is out stays out', async () => {
    for (const start of [false, true]) {
      expectGood(await startStop(disk, { start }))
      expectGood(await ready(disk))
    }
    expectGood(await eject(disk))
    for (const start of [false, true]) {
      expectGood(await startStop(disk, { start }))
      expectSense(await ready(disk), SENSE.MEDIUM_NOT_PRESENT)
    }
  })

  test('the others hear of a medium that was loaded, once; who loaded it does not', async () => {
    expectGood(await load(disk)) // it is in already: nothing to hear
    expectGood(await ready(other))
    expectGood(await eject(disk))
    expectSense(await ready(other), SENSE.MEDIUM_NOT_PRESENT)
    expectGood(await load(disk))
    expectGood(await ready(disk))
    expectSense(await ready(other), SENSE.NOT_READY_TO_READY_CHANGE)
    expectGood(await ready(other))
  })

  test('what is in the cache is on the medium before the status of an eject', async () => {
    const store = new HeldStore()
    const built = await handBuilt([store], { removable: true })
    const [on, watching] = [await built.disk(), await built.disk()]
    store.hold()
    let ejected = false
    const running = eject(on).then((result) => {
      ejected = true
      return result
    })
    await store.untilWaiting(1)
    expectSense(await ready(watching), SENSE.MEDIUM_NOT_PRESENT)
    expect(ejected).toBe(false)
    store.release()
    expectGood(await running)
  })

  test('a medium that cannot be removed: LOEJ is INVALID FIELD IN CDB, and RSOC shows it as refused', async () => {
    const fixed = new Disk(disk.session, 1)
    await drainUnitAttentions(fixed)
    for (const on of [eject, load]) expectCdbField(await on(fixed), START_STOP_UNIT, 'loej')
    const usage = async (on: Disk) => {
      const fields = { reportingOptions: REPORTING_OPTIONS.ONE_COMMAND, requestedOperationCode: 0x1b }
      const io = { dataInLength: 64 }
      const result = await on.run(REPORT_SUPPORTED_OPERATION_CODES, { ...fields, allocationLength: 64 }, io)
      return decodeCommandSupport(expectGood(result).data).usage[4]! & 0x02
    }
    expect([await usage(disk), await usage(fixed)]).toEqual([0x02, 0])
  })
})

describe('MEDIUM NOT PRESENT', () => {
  test('for every command that needs the medium, whatever its parameters; for no other', async () => {
    expectGood(await eject(disk))
    for (const { wire, needs } of COMMANDS) {
      for (const cdb of [wire.encode({}), everyFieldSet(wire)]) {
        const { status, sense } = await disk.send(cdb)
        if (needs === 'nothing' || needs === 'unit')
          expect(sense?.sense, wire.name).not.toEqual(SENSE.MEDIUM_NOT_PRESENT)
        else
          expect([wire.name, status, sense?.sense]).toEqual([
            wire.name,
            STATUS.CHECK_CONDITION,
            SENSE.MEDIUM_NOT_PRESENT,
          ])
      }
      // What others of these have done to it.
      await disk.run(RELEASE_6, {})
      await prevent(disk, 0)
    }
  })

  test('REQUEST SENSE tells it; MODE SENSE works', async () => {
    expectGood(await eject(disk))
    const { data } = expectGood(await disk.run(REQUEST_SENSE, { allocationLength: 18 }, { dataInLength: 18 }))
    expect(decodeSense(data)).toEqual({ sense: SENSE.MEDIUM_NOT_PRESENT })
    expectGood(await disk.run(MODE_SENSE_6, { pageCode: 0x3f, allocationLength: 255 }, { dataInLength: 255 }))
  })
})

/** A CDB that asks for more than there is wherever it can, and sets no bit that is reserved. */
function everyFieldSet(wire: Layout): Buffer {
  const values: Record<string, unknown> = {}
  for (const { kind, name, bits } of wire.fields) {
    if (kind === 'uint') values[name] = 2 ** bits - 1
    else if (kind === 'bigint') values[name] = 2n ** 64n - 1n
    else if (kind === 'flag') values[name] = true
    else if (kind === 'bytes') values[name] = Buffer.alloc(bits >> 3, 0xff)
  }
  return wire.encode(values as never)
}

describe('PREVENT ALLOW MEDIUM REMOVAL', () => {
  test('eject while prevented: MEDIUM REMOVAL PREVENTED, for every nexus; the medium stays', async () => {
    expectGood(await prevent(disk, 1))
    for (const on of [disk, other]) {
      expectSense(await eject(on), SENSE.MEDIUM_REMOVAL_PREVENTED)
      expectGood(await ready(on))
    }
    expectGood(await prevent(other, 0)) // who prevents nothing allows nothing
    expectSense(await eject(disk), SENSE.MEDIUM_REMOVAL_PREVENTED)
    expectGood(await prevent(disk, 0))
    expectGood(await eject(other))
  })

  test('two nexuses: both must allow', async () => {
    expectGood(await prevent(disk, 1))
    expectGood(await prevent(disk, 1)) // once is enough to undo it
    expectGood(await prevent(other, 1))
    expectGood(await prevent(disk, 0))
    expectSense(await eject(disk), SENSE.MEDIUM_REMOVAL_PREVENTED)
    expectGood(await prevent(other, 0))
    expectGood(await eject(disk))
  })

  test('while the medium is out: GOOD, and then it cannot be loaded', async () => {
    expectGood(await eject(disk))
    expectGood(await prevent(disk, 1))
    expectSense(await load(disk), SENSE.MEDIUM_REMOVAL_PREVENTED)
    expectSense(await ready(disk), SENSE.MEDIUM_NOT_PRESENT)
    expectGood(await prevent(disk, 0))
    expectGood(await load(disk))
  })

  test('the obsolete values: INVALID FIELD IN CDB, pointer to byte 4 bit 1', async () => {
    for (const value of [2, 3]) expectCdbField(await prevent(disk, value), PREVENT_ALLOW_MEDIUM_REMOVAL, 'prevent')
    expectGood(await eject(disk))
  })

  test('ends with the connection', async () => {
    expectGood(await prevent(disk, 1))
    disk.session.destroy()
    const after = await array.disk()
    expectGood(await eject(after))
    expectSense(await ready(after), SENSE.MEDIUM_NOT_PRESENT)
  })

  test('ends with logout', async () => {
    expectGood(await prevent(disk, 1))
    await disk.session.logout()
    expectGood(await eject(other))
  })

  test.each([
    ['LOGICAL UNIT RESET', FUNCTION.LOGICAL_UNIT_RESET],
    ['TARGET WARM RESET', FUNCTION.TARGET_WARM_RESET],
    ['TARGET COLD RESET', FUNCTION.TARGET_COLD_RESET],
  ])('ends with %s; a medium that is out stays out', async (_, code) => {
    expectGood(await prevent(disk, 1))
    const raw = await array.rawSession()
    expect(await manage(raw, code)).toBe(RESPONSE.FUNCTION_COMPLETE)
    const after = await array.disk()
    expectGood(await eject(after))
    const again = await array.rawSession().catch(() => undefined)
    expect(again).toBeUndefined() // not ready: its TEST UNIT READY never ends GOOD
    expectSense(await ready(after), SENSE.MEDIUM_NOT_PRESENT)
  })

  test('reserved by another nexus: PREVENT is RESERVATION CONFLICT, ALLOW is GOOD', async () => {
    expectGood(await prevent(disk, 1))
    expectGood(await other.run(RESERVE_6, {}))
    expect((await prevent(disk, 1)).status).toBe(STATUS.RESERVATION_CONFLICT)
    expectGood(await prevent(disk, 0))
    expectGood(await eject(other))
  })

  test('on a medium that cannot be removed: GOOD, and nothing else', async () => {
    const fixed = new Disk(disk.session, 1)
    await drainUnitAttentions(fixed)
    for (const value of [1, 0]) expectGood(await prevent(fixed, value))
    expectGood(await ready(fixed))
  })
})
