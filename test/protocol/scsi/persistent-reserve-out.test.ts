import { describe, expect, test } from 'vitest'
import {
  decodePersistentReserveOut,
  decodeRegisterAndMove,
  encodePersistentReserveOut,
  encodeRegisterAndMove,
} from '../../../protocol/scsi/persistent-reserve-out.ts'
import { encodeTransportId, type TransportId } from '../../../protocol/scsi/transport-id.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { hex, onlyWireErrors } from './support.ts'

const A: TransportId = { initiatorName: 'iqn.2026-11.io.a', isid: '00023d000001' }
const B: TransportId = { initiatorName: 'iqn.2026-11.io.b' }

function errorOf(run: () => unknown): WireError {
  try {
    run()
  } catch (error) {
    if (error instanceof WireError) return error
    throw error
  }
  throw new Error('nothing was wrong')
}

describe('the basic parameter list (SPC-4 6.16.3)', () => {
  const keys = '0102030405060708 1112131415161718'
  const fields = { reservationKey: 0x102030405060708n, serviceActionReservationKey: 0x1112131415161718n }
  const basic = hex(`${keys} 00000000 05 00 0000`)

  test('ALL_TG_PT and APTPL; both ways', () => {
    const value = { ...fields, specIPt: false, allTgPt: true, aptpl: true, transportIds: [] }
    expect(decodePersistentReserveOut(basic)).toEqual(value)
    expect(encodePersistentReserveOut(value)).toEqual(basic)
  })

  test('obsolete bytes are not looked at', () => {
    const wire = hex(`${keys} 01020304 00 00 0506`)
    expect(decodePersistentReserveOut(wire)).toMatchObject({ ...fields, aptpl: false })
  })

  test('SPEC_I_PT: TransportIDs one after the other, each with its offset', () => {
    const value = { ...fields, specIPt: true, allTgPt: false, aptpl: false }
    const wire = Buffer.concat([
      hex(`${keys} 00000000 08 00 0000 00000040`),
      encodeTransportId(A),
      encodeTransportId(B),
    ])
    expect(encodePersistentReserveOut({ ...value, transportIds: [A, B] })).toEqual(wire)
    expect(decodePersistentReserveOut(wire)).toEqual({
      ...value,
      transportIds: [
        { ...A, offset: 28, length: 40 },
        { ...B, offset: 68, length: 24 },
      ],
    })
    expect(decodePersistentReserveOut(encodePersistentReserveOut({ ...value, transportIds: [] })).transportIds).toEqual(
      [],
    )
  })

  const specified = encodePersistentReserveOut({ specIPt: true, transportIds: [A, B] })

  test('a length that its fields do not say: too short, too long', () => {
    for (let length = 0; length < basic.length; length++)
      expect(errorOf(() => decodePersistentReserveOut(basic.subarray(0, length))).problem).toBe('truncated')
    for (let length = 24; length < specified.length; length++)
      expect(errorOf(() => decodePersistentReserveOut(specified.subarray(0, length))).problem).toBe('truncated')
    for (const wire of [basic, specified])
      expect(errorOf(() => decodePersistentReserveOut(Buffer.concat([wire, Buffer.alloc(4)]))).problem).toBe(
        'too large',
      )
  })

  test('reserved bits: the byte they are in', () => {
    for (const [byte, bit] of [
      [20, 1],
      [20, 7],
      [20, 4],
      [21, 0],
      [21, 7],
    ] as const) {
      const wire = Buffer.from(basic)
      wire[byte]! |= 1 << bit
      expect(errorOf(() => decodePersistentReserveOut(wire))).toMatchObject({ problem: 'bad value', offset: byte })
    }
  })

  test('a TRANSPORTID PARAMETER DATA LENGTH that cuts a TransportID: that field', () => {
    for (const less of [4, 24 - 4, 24 + 4]) {
      const wire = Buffer.from(specified.subarray(0, specified.length - less))
      wire.writeUInt32BE(64 - less, 24)
      expect(errorOf(() => decodePersistentReserveOut(wire))).toMatchObject({ problem: 'bad length', offset: 24 })
    }
  })

  test('a TransportID that is none: its offset in the list', () => {
    const wire = Buffer.from(specified)
    wire[68] = 0x06
    expect(errorOf(() => decodePersistentReserveOut(wire))).toMatchObject({ problem: 'bad value', offset: 68 })
  })

  test('only WireErrors', () => onlyWireErrors(decodePersistentReserveOut, specified))
})

describe('the parameter list of REGISTER AND MOVE (SPC-4 6.16.4)', () => {
  const wire = Buffer.concat([hex('0102030405060708 1112131415161718 00 03 0102 00000028'), encodeTransportId(A)])
  const value = {
    reservationKey: 0x102030405060708n,
    serviceActionReservationKey: 0x1112131415161718n,
    unreg: true,
    aptpl: true,
    relativeTargetPort: 0x102,
  }

  test('both ways', () => {
    expect(encodeRegisterAndMove({ ...value, transportId: A })).toEqual(wire)
    expect(decodeRegisterAndMove(wire)).toEqual({ ...value, transportId: { ...A, offset: 24, length: 40 } })
  })

  test('UNREG and APTPL, each alone', () => {
    const with17 = (byte: number) => Buffer.concat([wire.subarray(0, 17), Buffer.from([byte]), wire.subarray(18)])
    expect(decodeRegisterAndMove(with17(1))).toMatchObject({ unreg: false, aptpl: true })
    expect(decodeRegisterAndMove(with17(2))).toMatchObject({ unreg: true, aptpl: false })
  })

  test('lengths that do not fit; reserved bits', () => {
    for (let length = 0; length < wire.length; length++)
      expect(errorOf(() => decodeRegisterAndMove(wire.subarray(0, length))).problem).toBe('truncated')
    expect(errorOf(() => decodeRegisterAndMove(Buffer.concat([wire, Buffer.alloc(4)]))).problem).toBe('too large')
    const none = Buffer.from(wire.subarray(0, 24))
    none.writeUInt32BE(0, 20)
    expect(errorOf(() => decodeRegisterAndMove(none))).toMatchObject({ problem: 'bad length', offset: 20 })
    const two = Buffer.concat([wire, encodeTransportId(B)])
    two.writeUInt32BE(64, 20)
    expect(errorOf(() => decodeRegisterAndMove(two))).toMatchObject({ problem: 'bad length', offset: 20 })
    for (const byte of [16, 17]) {
      const set = Buffer.from(wire)
      set[byte]! |= 0x80
      expect(errorOf(() => decodeRegisterAndMove(set))).toMatchObject({ problem: 'bad value', offset: byte })
    }
  })

  test('only WireErrors', () => onlyWireErrors(decodeRegisterAndMove, wire))
})
