// PERSISTENT RESERVE OUT (SPC-4 6.16): registering, reserving, releasing and clearing, with right and with wrong input.
// PREEMPT: preempt.test.ts. REGISTER AND MOVE and SPEC_I_PT: persistent-reserve-ports.test.ts.

import { beforeEach, describe, expect, test } from 'vitest'
import { type Layout, SENSE, TASK_MANAGEMENT_FUNCTION, TEST_UNIT_READY } from '../../../protocol/index.ts'
import * as CDB from '../../../protocol/scsi/commands/index.ts'
import { drainUnitAttentions, memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectCdbField, expectGood, expectParameter, expectPointer, expectSense } from '../disk.ts'
import {
  afterNews,
  clear,
  diskOf,
  expectConflict,
  host,
  out,
  outBytes,
  readFullStatus,
  readKeys,
  readReservation,
  register,
  registerAndIgnore,
  release,
  reserve,
  TWO_PORTALS,
  TYPES,
} from './persistent-reserve.ts'

const BASIC: readonly Layout[] = [
  CDB.PERSISTENT_RESERVE_OUT_REGISTER,
  CDB.PERSISTENT_RESERVE_OUT_RESERVE,
  CDB.PERSISTENT_RESERVE_OUT_RELEASE,
  CDB.PERSISTENT_RESERVE_OUT_CLEAR,
  CDB.PERSISTENT_RESERVE_OUT_PREEMPT,
  CDB.PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT,
  CDB.PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
]

let array: TestArray
let a: Disk
let b: Disk

beforeEach(async () => {
  array = await openArray([memory()], {}, TWO_PORTALS)
  a = await diskOf(array, host('a'))
  b = await diskOf(array, host('b'), 1)
  return () => array.close()
})

const tur = (disk: Disk) => disk.run(TEST_UNIT_READY, {})

describe('REGISTER (SPC-4 table 46)', () => {
  test('unregistered: key zero registers; zero for zero does nothing; any other key is a conflict', async () => {
    expectGood(await register(a, 0n, 0n))
    expect(await readKeys(a)).toEqual({ generation: 0, keys: [] })
    expectConflict(await register(a, 1n, 2n))
    expectConflict(await register(a, 1n, 0n))
    expectGood(await register(a, 0n, 1n))
    expect(await readKeys(a)).toEqual({ generation: 1, keys: [1n] })
  })

  test('registered: its key changes it or, for zero, removes it; any other key, zero too, is a conflict', async () => {
    expectGood(await register(a, 0n, 1n))
    for (const key of [0n, 2n]) for (const newKey of [0n, 3n]) expectConflict(await register(a, key, newKey))
    expectGood(await register(a, 1n, 5n))
    expect(await readKeys(a)).toEqual({ generation: 2, keys: [5n] })
    expectGood(await register(a, 5n, 5n))
    expectGood(await register(a, 5n, 0n))
    expect(await readKeys(a)).toEqual({ generation: 4, keys: [] })
  })

  test('each I_T nexus for itself: the same initiator through another target port is another one', async () => {
    const a2 = await diskOf(array, host('a'), 1)
    expectGood(await register(a, 0n, 1n))
    expectConflict(await register(a2, 1n, 2n))
    expectGood(await register(a2, 0n, 2n))
    expect((await readKeys(a)).keys).toEqual([1n, 2n])
  })

  test('the holder changes its key: the reservation stays', async () => {
    expectGood(await register(a, 0n, 1n))
    expectGood(await reserve(a, 1n, 3))
    expectGood(await register(a, 1n, 9n))
    expect((await readReservation(a)).reservation).toEqual({ key: 9n, scope: 0, type: 3 })
    expectConflict(await release(a, 1n, 3))
    expectGood(await release(a, 9n, 3))
  })
})

describe('REGISTER AND IGNORE EXISTING KEY (SPC-4 table 47)', () => {
  test('registers, changes and removes, whatever RESERVATION KEY says', async () => {
    expectGood(await registerAndIgnore(a, 0n))
    expect(await readKeys(a)).toEqual({ generation: 0, keys: [] })
    expectGood(await registerAndIgnore(a, 1n, { reservationKey: 99n }))
    expectGood(await registerAndIgnore(a, 2n, { reservationKey: 99n }))
    expect(await readKeys(a)).toEqual({ generation: 2, keys: [2n] })
    expectGood(await registerAndIgnore(a, 0n))
    expect(await readKeys(a)).toEqual({ generation: 3, keys: [] })
  })

  test("SPEC_I_PT is REGISTER's alone: INVALID FIELD IN PARAMETER LIST, byte 20 bit 3", async () => {
    expectParameter(await registerAndIgnore(a, 1n, { specIPt: true, transportIds: [host('c')] }), 20, 3)
    expect((await readKeys(a)).keys).toEqual([])
  })
})

describe('RESERVE and RELEASE (SPC-4 5.13.9, 5.13.11.2)', () => {
  test.each(TYPES)(
    '$name: reserved again as it is, GOOD; otherwise a conflict; released by SCOPE and TYPE',
    async ({ type }) => {
      expectGood(await register(a, 0n, 1n))
      expectGood(await reserve(a, 1n, type))
      expectGood(await reserve(a, 1n, type))
      for (const other of TYPES) if (other.type !== type) expectConflict(await reserve(a, 1n, other.type))
      for (let wrong = 0; wrong < 16; wrong++)
        if (wrong !== type) expectSense(await release(a, 1n, wrong), SENSE.INVALID_RELEASE_OF_PERSISTENT_RESERVATION)
      expectSense(await release(a, 1n, type, { scope: 1 }), SENSE.INVALID_RELEASE_OF_PERSISTENT_RESERVATION)
      expect((await readReservation(a)).reservation?.type).toBe(type)
      expectGood(await release(a, 1n, type))
      expectGood(await release(a, 1n, type)) // nothing to release
      expect(await readKeys(a)).toEqual({ generation: 1, keys: [1n] })
    },
  )

  test('unregistered, or a wrong key: a conflict, whatever SCOPE and TYPE are', async () => {
    for (const key of [0n, 1n]) {
      expectConflict(await reserve(a, key, 1))
      expectConflict(await release(a, key, 1))
      expectConflict(await clear(a, key))
    }
    expectGood(await register(a, 0n, 1n))
    for (const key of [0n, 2n]) {
      expectConflict(await reserve(a, key, 1))
      expectConflict(await reserve(a, key, 2, { scope: 3 }))
      expectConflict(await release(a, key, 1))
      expectConflict(await clear(a, key))
    }
  })

  test('SCOPE and TYPE that are none: INVALID FIELD IN CDB with a pointer', async () => {
    const cdb = CDB.PERSISTENT_RESERVE_OUT_RESERVE
    expectGood(await register(a, 0n, 1n))
    for (let scope = 1; scope < 16; scope++) expectCdbField(await reserve(a, 1n, 1, { scope }), cdb, 'scope')
    for (const type of [0, 2, 4, 9, 10, 11, 12, 13, 14, 15]) expectCdbField(await reserve(a, 1n, type), cdb, 'type')
    expect((await readReservation(a)).reservation).toBeUndefined()
  })

  test('RELEASE by a registrant that holds nothing: GOOD, nothing released', async () => {
    expectGood(await register(a, 0n, 1n))
    expectGood(await register(b, 0n, 2n))
    expectGood(await reserve(a, 1n, 5))
    expectGood(await release(b, 2n, 5))
    expectGood(await release(b, 2n, 1))
    expect((await readReservation(b)).reservation).toEqual({ key: 1n, scope: 0, type: 5 })
  })

  test.each(TYPES)(
    '$name released: RESERVATIONS RELEASED to other registrants of the shared types',
    async ({ name, type }) => {
      const c = await diskOf(array, host('c'))
      expectGood(await register(a, 0n, 1n))
      expectGood(await register(b, 0n, 2n))
      expectGood(await reserve(a, 1n, type))
      expectGood(await release(a, 1n, type))
      expectGood(await tur(a))
      expectGood(await tur(c)) // not registered
      if (/RO|AR/.test(name)) expectSense(await tur(b), SENSE.RESERVATIONS_RELEASED)
      expectGood(await tur(b))
    },
  )

  test.each(TYPES)('$name: the holder unregisters', async ({ name, type }) => {
    expectGood(await register(a, 0n, 1n))
    expectGood(await register(b, 0n, 2n))
    expectGood(await reserve(a, 1n, type))
    expectGood(await register(a, 1n, 0n))
    expectGood(await tur(a)) // never told what it did itself
    if (name.endsWith('RO')) expectSense(await tur(b), SENSE.RESERVATIONS_RELEASED)
    const { reservation } = await readReservation(b)
    if (!name.endsWith('AR')) return expect(reservation).toBeUndefined()
    expect(reservation?.type).toBe(type)
    expectGood(await release(b, 2n, type))
    expect((await readReservation(b)).reservation).toBeUndefined()
  })
})

describe('CLEAR (SPC-4 5.13.11.6)', () => {
  test('registrations and reservation are gone, PRGENERATION + 1, RESERVATIONS PREEMPTED to the other registrants', async () => {
    const c = await diskOf(array, host('c'))
    expectGood(await register(a, 0n, 1n))
    expectGood(await register(b, 0n, 2n))
    expectGood(await reserve(a, 1n, 1))
    expect((await readKeys(a)).generation).toBe(2)
    expectGood(await clear(b, 2n))
    expect(await readKeys(b)).toEqual({ generation: 3, keys: [] })
    expect(await readReservation(b)).toEqual({ generation: 3 })
    expectSense(await tur(a), SENSE.RESERVATIONS_PREEMPTED)
    expectGood(await tur(a))
    expectGood(await tur(c))
  })
})

describe('the parameter list', () => {
  test('a length other than 24: PARAMETER LIST LENGTH ERROR', async () => {
    for (const cdb of BASIC)
      for (const length of [0, 1, 8, 23, 25, 28, 64, 1000])
        expectSense(await outBytes(a, cdb, Buffer.alloc(length), { type: 1 }), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    const huge = { parameterListLength: 0xffff_ffff }
    expectSense(await outBytes(a, BASIC[0]!, Buffer.alloc(24), huge), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    expectSense(await a.run(BASIC[0]!, { parameterListLength: 24 } as never), SENSE.PARAMETER_LIST_LENGTH_ERROR)
  })

  test('reserved bits: INVALID FIELD IN PARAMETER LIST with their byte; obsolete bytes are not looked at', async () => {
    const list = (byte: number, value: number): Buffer => {
      const bytes = Buffer.alloc(24)
      bytes.writeBigUInt64BE(1n, 8)
      bytes[byte] = value
      return bytes
    }
    const cdb = CDB.PERSISTENT_RESERVE_OUT_REGISTER
    for (const [byte, value] of [
      [20, 0x02],
      [20, 0x10],
      [20, 0x80],
      [21, 0x01],
    ] as const)
      expectParameter(await outBytes(a, cdb, list(byte, value)), byte)
    expectGood(await outBytes(a, cdb, list(16, 0xff)))
    expect((await readKeys(a)).keys).toEqual([1n])
  })

  test('APTPL on a LUN that keeps nothing: INVALID FIELD IN PARAMETER LIST, byte 20 bit 0; ignored by the others', async () => {
    expectParameter(await register(a, 0n, 1n, { aptpl: true }), 20, 0)
    expectParameter(await registerAndIgnore(a, 1n, { aptpl: true }), 20, 0)
    expect((await readKeys(a)).keys).toEqual([])
    expectGood(await register(a, 0n, 1n))
    const keyed = { reservationKey: 1n, aptpl: true }
    expectGood(await out(a, CDB.PERSISTENT_RESERVE_OUT_RESERVE, keyed, { type: 1 }))
    expectGood(await out(a, CDB.PERSISTENT_RESERVE_OUT_RELEASE, keyed, { type: 1 }))
    expectGood(await out(a, CDB.PERSISTENT_RESERVE_OUT_CLEAR, keyed))
  })

  test('service actions 08h to 1Fh: INVALID FIELD IN CDB', async () => {
    for (let action = 8; action < 32; action++) {
      const result = await a.send(Buffer.from([0x5f, action, 0, 0, 0, 0, 0, 0, 24, 0]), { dataOut: Buffer.alloc(24) })
      expectSense(result, SENSE.INVALID_FIELD_IN_CDB)
      expectPointer(result, 'cdb', 1, 4)
    }
  })
})

describe('what ends nothing', () => {
  beforeEach(async () => {
    expectGood(await register(a, 0n, 1n))
    expectGood(await reserve(a, 1n, 3))
  })
  const stands = async (): Promise<void> => {
    await afterNews(() => tur(b))
    expect((await readFullStatus(b)).registrations).toMatchObject([{ key: 1n, rHolder: true, transportId: host('a') }])
    expectConflict(await b.run(CDB.READ_10, { blocks: 1 }, { dataInLength: 512 }))
  }

  test('logout: after the relogin of the initiator port the reservation is its own', async () => {
    await a.session.logout()
    await stands()
    const again = await diskOf(array, host('a'))
    await again.write(0, Buffer.alloc(512, 1))
    expectGood(await release(again, 1n, 3))
  })

  test('another ISID is another initiator port, and has nothing', async () => {
    const other = await diskOf(array, host('a', '80ffffffffff'))
    expectConflict(await other.run(CDB.READ_10, { blocks: 1 }, { dataInLength: 512 }))
    expectConflict(await release(other, 1n, 3))
  })

  test('loss of the connection; session reinstatement', async () => {
    a.session.destroy()
    await stands()
    const again = await diskOf(array, host('a'))
    const once = await diskOf(array, host('a'))
    await once.write(0, Buffer.alloc(512, 1))
    await again.session.closed
    await stands()
  })

  test.each([
    ['LOGICAL UNIT RESET', TASK_MANAGEMENT_FUNCTION.LOGICAL_UNIT_RESET],
    ['TARGET WARM RESET', TASK_MANAGEMENT_FUNCTION.TARGET_WARM_RESET],
    ['TARGET COLD RESET', TASK_MANAGEMENT_FUNCTION.TARGET_COLD_RESET],
  ])('%s', async (_, reset) => {
    await b.session.manage(reset, { lun: 0 })
    if (reset === TASK_MANAGEMENT_FUNCTION.TARGET_COLD_RESET) b = await diskOf(array, host('b'), 1)
    await stands()
  })
})

describe('beside RESERVE (SPC-2 5.5.1)', () => {
  test('while it stands every PERSISTENT RESERVE is a conflict, also for its holder', async () => {
    for (const cdb of [CDB.RESERVE_6, CDB.RESERVE_10] as Layout[]) {
      expectGood(await a.run(cdb, {}))
      for (const disk of [a, b]) {
        expectConflict(await register(disk, 0n, 1n))
        for (const action of BASIC) expectConflict(await outBytes(disk, action, Buffer.alloc(24), { type: 1 }))
      }
      expectGood(await a.run(CDB.RELEASE_6, {}))
    }
    expectGood(await register(b, 0n, 1n))
  })

  test('while anybody is registered RESERVE is a conflict, for registrants too; without reservation nothing else is', async () => {
    expectGood(await register(b, 0n, 1n))
    for (const disk of [a, b])
      for (const cdb of [CDB.RESERVE_6, CDB.RESERVE_10] as Layout[]) expectConflict(await disk.run(cdb, {}))
    for (const disk of [a, b]) await drainUnitAttentions(disk)
    await a.write(0, Buffer.alloc(512))
    expectGood(await register(b, 1n, 0n))
    expectGood(await a.run(CDB.RESERVE_6, {}))
  })
})
