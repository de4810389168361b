// PERSISTENT RESERVE OUT for other nexuses than its own: SPEC_I_PT, ALL_TG_PT (SPC-4 6.16.3) and REGISTER AND MOVE (SPC-4
// 5.13.8), with TransportIDs right and wrong.

import { beforeEach, describe, expect, test } from 'vitest'
import {
  encodePersistentReserveOut,
  encodeRegisterAndMove,
  SENSE,
  STATUS,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../../protocol/index.ts'
import * as CDB from '../../../protocol/scsi/commands/index.ts'
import { LIMITS } from '../../../src/target/limits.ts'
import { memory, openArray, type TestArray } from '../array.ts'
import { type Disk, expectGood, expectParameter, expectPointer, expectSense } from '../disk.ts'
import { ones } from '../tasks.ts'
import {
  diskOf,
  expectConflict,
  host,
  move,
  outBytes,
  readFullStatus,
  readKeys,
  readReservation,
  register,
  registerAndIgnore,
  reserve,
  TWO_PORTALS,
  TYPE,
} from './persistent-reserve.ts'

let array: TestArray
let a: Disk
let a2: Disk
let b: Disk

beforeEach(async () => {
  array = await openArray([memory()], {}, TWO_PORTALS)
  a = await diskOf(array, host('a'))
  a2 = await diskOf(array, host('a'), 1)
  b = await diskOf(array, host('b'), 1)
  return () => array.close()
})

const tur = (disk: Disk) => disk.run(TEST_UNIT_READY, {})
const status = async () =>
  (await readFullStatus(a)).registrations.map(({ key, relativeTargetPort, transportId, rHolder }) =>
    [transportId.initiatorName.split(':')[1], relativeTargetPort, Number(key), ...(rHolder ? ['holder'] : [])].join(
      ' ',
    ),
  )

describe('ALL_TG_PT', () => {
  test('registers, changes and removes through every target port, in one step', async () => {
    expectGood(await register(a, 0n, 1n, { allTgPt: true }))
    expect(await status()).toEqual(['a 1 1', 'a 2 1'])
    expect((await readKeys(a)).generation).toBe(1)
    expectGood(await register(a2, 1n, 2n, { allTgPt: true }))
    expect(await status()).toEqual(['a 1 2', 'a 2 2'])
    expectGood(await register(a, 2n, 0n, { allTgPt: true }))
    expect(await status()).toEqual([])
    expect((await readKeys(a)).generation).toBe(3)
  })

  test('a key through the other port that was not known: a conflict, and nothing changed; unless it is ignored', async () => {
    expectGood(await register(a2, 0n, 9n))
    for (const newKey of [1n, 2n]) expectConflict(await register(a, 0n, newKey, { allTgPt: true }))
    expect(await status()).toEqual(['a 2 9'])
    expectGood(await register(a, 0n, 9n, { allTgPt: true }))
    expect(await status()).toEqual(['a 2 9', 'a 1 9'])
    expectGood(await register(a2, 9n, 8n))
    expectConflict(await register(a, 9n, 0n, { allTgPt: true }))
    expectGood(await registerAndIgnore(a, 5n, { allTgPt: true }))
    expect(await status()).toEqual(['a 2 5', 'a 1 5'])
    expectGood(await registerAndIgnore(a, 0n, { allTgPt: true }))
    expect(await status()).toEqual([])
  })

  test('the holder through one port is not the holder through the other', async () => {
    expectGood(await register(a, 0n, 1n, { allTgPt: true }))
    expectGood(await reserve(a, 1n, TYPE.WE))
    expectConflict(await a2.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) }))
    expect(await status()).toEqual(['a 1 1 holder', 'a 2 1'])
    expectGood(await register(a2, 1n, 0n, { allTgPt: true }))
    expect((await readReservation(a)).reservation).toBeUndefined()
  })
})

describe('SPEC_I_PT', () => {
  test('registers initiator ports through the port of the command, logged in or not', async () => {
    expectGood(await register(a, 0n, 1n, { specIPt: true, transportIds: [host('b'), host('later')] }))
    expect(await status()).toEqual(['a 1 1', 'b 1 1', 'later 1 1'])
    expect((await readKeys(a)).generation).toBe(1)
    expectConflict(await reserve(b, 1n, TYPE.WE)) // it came through the other port
    const later = await diskOf(array, host('later'))
    expectGood(await reserve(later, 1n, TYPE.WE))
  })

  test('with ALL_TG_PT through all of them; those that are registered keep their key', async () => {
    expectGood(await register(b, 0n, 7n))
    expectGood(await register(a, 0n, 1n, { specIPt: true, allTgPt: true, transportIds: [host('b')] }))
    expect(await status()).toEqual(['b 2 7', 'a 1 1', 'a 2 1', 'b 1 1'])
  })

  test('its own port, one twice, none at all: no harm', async () => {
    expectGood(await register(a, 0n, 1n, { specIPt: true, transportIds: [host('a'), host('b'), host('b')] }))
    expect(await status()).toEqual(['a 1 1', 'b 1 1'])
    expectGood(await register(a2, 0n, 2n, { specIPt: true, transportIds: [] }))
    expect(await status()).toEqual(['a 1 1', 'b 1 1', 'a 2 2'])
  })

  test('TPID FORMAT 00b: every port of the initiator that is logged in or registered; if none is known, refused', async () => {
    await diskOf(array, host('b', '80000000000b'))
    const { initiatorName } = host('b')
    expectGood(await register(a, 0n, 1n, { specIPt: true, transportIds: [{ initiatorName }] }))
    expect((await readFullStatus(a)).registrations.map(({ transportId }) => transportId)).toEqual([
      host('a'),
      host('b'),
      host('b', '80000000000b'),
    ])
    const nobody = [{ initiatorName: host('nobody').initiatorName }]
    expectParameter(await register(a2, 0n, 2n, { specIPt: true, transportIds: nobody }), 28)
    expect((await readKeys(a)).generation).toBe(1)
  })

  test('names are compared as RFC 7143 4.2.7 says, also the one of who logs in', async () => {
    const raw = await array.rawSession({ InitiatorName: 'IQN.2026-11.IO.Lunette:Upper' })
    const port = { initiatorName: 'iqn.2026-11.io.lunette:upper', isid: raw.isid.toString('hex') }
    expectGood(await register(a, 0n, 1n, { specIPt: true, transportIds: [port] }))
    expectGood(await reserve(a, 1n, TYPE.EARO))
    raw.command(WRITE_10.encode({ blocks: 1 }), { write: true, expectedDataTransferLength: 512 }, { data: ones })
    expect((await raw.response()).header.status).toBe(STATUS.GOOD)
  })

  test('a name that many ports have, as often as the list can hold it: each port is registered once', async () => {
    const initiatorName = 'iqn.2026-11.io:m'
    const ports = Array.from({ length: 1000 }, (_, i) => ({ initiatorName, isid: i.toString(16).padStart(12, '0') }))
    expectGood(await register(a, 0n, 1n, { specIPt: true, transportIds: ports }))
    const names = Array.from({ length: 2700 }, () => ({ initiatorName }))
    const results = Array.from({ length: 4 }, () => register(b, 0n, 2n, { specIPt: true, transportIds: names }))
    expectSense((await Promise.all(results))[0]!, SENSE.INSUFFICIENT_REGISTRATION_RESOURCES)
    expect((await readKeys(a)).keys).toEqual(Array.from({ length: 1001 }, () => 1n))
  })

  test('a nexus that is registered: INVALID FIELD IN PARAMETER LIST, byte 20 bit 3; a wrong key is a conflict first', async () => {
    expectGood(await register(a, 0n, 1n))
    const list = { specIPt: true, transportIds: [host('b')] }
    for (const newKey of [0n, 1n, 2n]) expectParameter(await register(a, 1n, newKey, list), 20, 3)
    expectConflict(await register(a, 2n, 3n, list))
    expect(await status()).toEqual(['a 1 1'])
  })

  test('lengths and TransportIDs that are wrong: the right sense, nobody is registered', async () => {
    const cdb = CDB.PERSISTENT_RESERVE_OUT_REGISTER
    const list = encodePersistentReserveOut({
      serviceActionReservationKey: 1n,
      specIPt: true,
      transportIds: [host('b'), host('c')],
    })
    const second = 28 + (list.length - 28) / 2
    for (const length of [24, 27, 28, second, list.length - 1])
      expectSense(await outBytes(a, cdb, list.subarray(0, length)), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    expectSense(await outBytes(a, cdb, Buffer.concat([list, Buffer.alloc(4)])), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    const edited = (at: number, value: number): Buffer => {
      const bytes = Buffer.from(list)
      bytes[at] = value
      return bytes
    }
    expectParameter(await outBytes(a, cdb, edited(28, 0x46)), 28) // of SAS
    expectParameter(await outBytes(a, cdb, edited(second, 0x85)), second) // TPID FORMAT 10b
    expectParameter(await outBytes(a, cdb, edited(second + 3, 18)), second + 2) // ADDITIONAL LENGTH
    expectParameter(await outBytes(a, cdb, edited(second + 4, 0x20)), second + 4) // no iSCSI name
    expectParameter(await outBytes(a, cdb, edited(second + 3, 0xfc)), 24) // longer than what is left
    expect(await status()).toEqual([])
    expect((await readKeys(a)).generation).toBe(0)
  })

  test('more than there is room for: INSUFFICIENT REGISTRATION RESOURCES, and none of them is registered', async () => {
    // As many as one parameter list holds, through two ports.
    const transportIds = Array.from({ length: LIMITS.registrationsPerUnit / 2 }, (_, i) => ({
      initiatorName: `iqn.2026-11.io.${i}`,
      isid: '000000000001',
    }))
    const list = { specIPt: true, allTgPt: true, transportIds }
    expectSense(await register(a, 0n, 1n, list), SENSE.INSUFFICIENT_REGISTRATION_RESOURCES)
    expect(await status()).toEqual([])
    expectGood(await register(a, 0n, 1n, { ...list, transportIds: transportIds.slice(1) }))
    expect((await readKeys(a)).keys.length).toBe(LIMITS.registrationsPerUnit)
    expectSense(await register(b, 0n, 1n), SENSE.INSUFFICIENT_REGISTRATION_RESOURCES)
    const cdb = CDB.PERSISTENT_RESERVE_IN_READ_FULL_STATUS
    const { data } = expectGood(await a.run(cdb, { allocationLength: 8 }, { dataInLength: 8 }))
    expect(data.readUInt32BE(4)).toBeGreaterThanOrEqual(LIMITS.registrationsPerUnit * 48)
  })
})

describe('REGISTER AND MOVE', () => {
  const toB = { relativeTargetPort: 2, transportId: host('b') }
  const held = async (type: number = TYPE.EA): Promise<void> => {
    expectGood(await register(a, 0n, 1n))
    expectGood(await reserve(a, 1n, type))
  }

  test("the reservation is the other nexus's, with its type; the mover stays registered", async () => {
    await held()
    expectGood(await move(a, { reservationKey: 1n, serviceActionReservationKey: 5n, ...toB }))
    expect(await status()).toEqual(['a 1 1', 'b 2 5 holder'])
    expect(await readReservation(a)).toEqual({ generation: 2, reservation: { key: 5n, scope: 0, type: TYPE.EA } })
    expectConflict(await a.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) }))
    expectGood(await b.run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) }))
    for (const disk of [a, b]) expectGood(await tur(disk))
    expectConflict(await move(a, { reservationKey: 1n, serviceActionReservationKey: 5n, ...toB }))
  })

  test('UNREG: the mover is registered no longer; a registered destination gets the key', async () => {
    await held(TYPE.WERO)
    expectGood(await register(b, 0n, 2n))
    expectGood(await move(a, { reservationKey: 1n, serviceActionReservationKey: 5n, unreg: true, ...toB }))
    expect(await status()).toEqual(['b 2 5 holder'])
    expectGood(await tur(b))
  })

  test('to a port that is not logged in, and by the name of an initiator that has one port', async () => {
    await held()
    const later = { relativeTargetPort: 1, transportId: host('later') }
    expectGood(await move(a, { reservationKey: 1n, serviceActionReservationKey: 5n, ...later }))
    expectGood(await (await diskOf(array, host('later'))).run(WRITE_10, { blocks: 1 }, { dataOut: Buffer.alloc(512) }))
    expectGood(await registerAndIgnore(b, 2n))
    const { initiatorName } = host('b')
    const other = await diskOf(array, host('later'))
    expectGood(
      await move(other, {
        reservationKey: 5n,
        serviceActionReservationKey: 6n,
        relativeTargetPort: 2,
        transportId: { initiatorName },
      }),
    )
    expect(await status()).toEqual(['a 1 1', 'later 1 5', 'b 2 6 holder'])
  })

  test('by whom it may not be asked: not registered, another key, not the holder, All Registrants', async () => {
    const to = { serviceActionReservationKey: 5n, ...toB }
    expectConflict(await move(a, { reservationKey: 1n, ...to }))
    await held()
    expectConflict(await move(a, { reservationKey: 9n, ...to }))
    expectGood(await register(a2, 0n, 2n))
    expectConflict(await move(a2, { reservationKey: 2n, ...to }))
    expectGood(await registerAndIgnore(a, 0n))
    for (const type of [TYPE.WEAR, TYPE.EAAR]) {
      await held(type)
      expectConflict(await move(a, { reservationKey: 1n, ...to }))
      expectGood(await registerAndIgnore(a, 0n))
      expectGood(await registerAndIgnore(a2, 0n))
    }
  })

  test('wrong input: no reservation, key zero, its own port, a target port that is not there', async () => {
    const to = { reservationKey: 1n, serviceActionReservationKey: 5n, ...toB }
    expectGood(await register(a, 0n, 1n))
    const none = await move(a, to)
    expectSense(none, SENSE.INVALID_FIELD_IN_CDB)
    expectPointer(none, 'cdb', 1, 4)
    expectGood(await reserve(a, 1n, TYPE.WE))
    expectParameter(await move(a, { ...to, serviceActionReservationKey: 0n }), 8)
    for (const relativeTargetPort of [1, 2])
      expectParameter(await move(a, { ...to, transportId: host('a'), relativeTargetPort }), 24)
    for (const relativeTargetPort of [0, 3, 0xffff]) expectParameter(await move(a, { ...to, relativeTargetPort }), 18)
    expectParameter(await move(a, { ...to, aptpl: true }), 17, 0)
    const nobody = { initiatorName: host('nobody').initiatorName }
    expectParameter(await move(a, { ...to, transportId: nobody }), 24)
    await diskOf(array, host('b', '80000000000b'))
    expectParameter(await move(a, { ...to, transportId: { initiatorName: host('b').initiatorName } }), 24) // two ports
    expect(await status()).toEqual(['a 1 1 holder'])
  })

  test('lengths: PARAMETER LIST LENGTH ERROR, or the pointer to what cuts the TransportID', async () => {
    const cdb = CDB.PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE
    const keys = { reservationKey: 1n, serviceActionReservationKey: 5n, unreg: false, aptpl: false }
    const list = encodeRegisterAndMove({ ...keys, ...toB })
    for (const length of [0, 23, 24, 28, list.length - 1])
      expectSense(await outBytes(a, cdb, list.subarray(0, length)), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    expectSense(await outBytes(a, cdb, Buffer.concat([list, Buffer.alloc(8)])), SENSE.PARAMETER_LIST_LENGTH_ERROR)
    const short = Buffer.from(list.subarray(0, list.length - 4))
    short.writeUInt32BE(short.length - 24, 20)
    expectParameter(await outBytes(a, cdb, short), 20)
  })
})
