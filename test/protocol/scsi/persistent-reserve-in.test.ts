import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeReadFullStatus,
  decodeReadKeys,
  decodeReadReservation,
  decodeReportCapabilities,
  encodeReadFullStatus,
  encodeReadKeys,
  encodeReadReservation,
  encodeReportCapabilities,
  type FullStatus,
} from '../../../protocol/scsi/persistent-reserve-in.ts'
import { encodeTransportId } from '../../../protocol/scsi/transport-id.ts'
import { bothWays, hex, identity, onlyWireErrors } from './support.ts'

describe('READ KEYS parameter data (SPC-4 6.15.2)', () => {
  const codec = { encode: encodeReadKeys, decode: decodeReadKeys }
  const wire = hex('00000102 00000010 0102030405060708 ffffffffffffffff')
  const value = { generation: 0x102, keys: [0x102030405060708n, 2n ** 64n - 1n] }

  test('both ways', () => bothWays(codec, wire, value, 8))

  test('none', () => bothWays(codec, hex('00000000 00000000'), { generation: 0, keys: [] }))

  test('keys that the allocation length has cut are not there', () => {
    expect(decodeReadKeys(wire.subarray(0, 23)).keys).toEqual(value.keys.slice(0, 1))
  })

  test('inverse, and only WireErrors', () => {
    const key = fc.bigInt(0n, 2n ** 64n - 1n)
    identity(codec, fc.record({ generation: fc.nat(0xffffffff), keys: fc.array(key, { maxLength: 20 }) }))
    onlyWireErrors(decodeReadKeys, wire)
  })
})

describe('READ RESERVATION parameter data (SPC-4 6.15.3)', () => {
  const codec = { encode: encodeReadReservation, decode: decodeReadReservation }
  const wire = hex('00000007 00000010 0102030405060708 00000000 00 06 0000')
  const value = { generation: 7, reservation: { key: 0x102030405060708n, scope: 0, type: 6 } }

  test('both ways', () => bothWays(codec, wire, value))
  test('no reservation: ADDITIONAL LENGTH 0', () => bothWays(codec, hex('00000009 00000000'), { generation: 9 }))
  test('only WireErrors', () => onlyWireErrors(decodeReadReservation, wire))
})

describe('REPORT CAPABILITIES parameter data (SPC-4 6.15.4)', () => {
  const codec = { encode: encodeReportCapabilities, decode: decodeReportCapabilities }
  const none = {
    ...{ rlrC: false, crh: false, sipC: false, atpC: false, ptplC: false, tmv: false, allowCommands: 0, ptplA: false },
    ...{ wrExAr: false, exAcRo: false, wrExRo: false, exAc: false, wrEx: false, exAcAr: false },
  }
  const all = Object.fromEntries(Object.keys(none).map((name) => [name, true])) as Record<keyof typeof none, true>

  test('all there is', () => bothWays(codec, hex('0008 9d b1 ea 01 0000'), { ...all, allowCommands: 3 }))

  test.each([
    ['RLR_C', { rlrC: true }, '0008 80 00 00 00 0000'],
    ['CRH', { crh: true }, '0008 10 00 00 00 0000'],
    ['SIP_C', { sipC: true }, '0008 08 00 00 00 0000'],
    ['ATP_C', { atpC: true }, '0008 04 00 00 00 0000'],
    ['PTPL_C', { ptplC: true }, '0008 01 00 00 00 0000'],
    ['TMV', { tmv: true }, '0008 00 80 00 00 0000'],
    ['ALLOW COMMANDS', { allowCommands: 5 }, '0008 00 50 00 00 0000'],
    ['PTPL_A', { ptplA: true }, '0008 00 01 00 00 0000'],
    ['WR_EX_AR', { wrExAr: true }, '0008 00 00 80 00 0000'],
    ['EX_AC_RO', { exAcRo: true }, '0008 00 00 40 00 0000'],
    ['WR_EX_RO', { wrExRo: true }, '0008 00 00 20 00 0000'],
    ['EX_AC', { exAc: true }, '0008 00 00 08 00 0000'],
    ['WR_EX', { wrEx: true }, '0008 00 00 02 00 0000'],
    ['EX_AC_AR', { exAcAr: true }, '0008 00 00 00 01 0000'],
  ])('%s alone', (_, values, wire) => bothWays(codec, hex(wire), { ...none, ...values }))

  test('only WireErrors', () => onlyWireErrors(decodeReportCapabilities, hex('0008 9d b1 ea 01 0000')))
})

describe('READ FULL STATUS parameter data (SPC-4 6.15.5)', () => {
  const codec = { encode: encodeReadFullStatus, decode: decodeReadFullStatus }
  const transportId = { initiatorName: 'iqn.2026-11.io.a', isid: '00023d000001' }
  const one: FullStatus = {
    key: 1n,
    allTgPt: false,
    rHolder: true,
    scope: 0,
    type: 5,
    relativeTargetPort: 0x102,
    transportId,
  }
  const other: FullStatus = { ...one, key: 2n, allTgPt: true, rHolder: false, type: 0, relativeTargetPort: 2 }
  const id = encodeTransportId(transportId)
  const wire = Buffer.concat([
    hex('00000003 00000080'),
    hex('0000000000000001 00000000 01 05 00000000 0102 00000028'),
    id,
    hex('0000000000000002 00000000 02 00 00000000 0002 00000028'),
    id,
  ])

  test('both ways', () => {
    expect(id.length).toBe(0x28)
    bothWays(codec, wire, { generation: 3, registrations: [one, other] }, 8)
  })

  test('descriptors that the allocation length has cut are not there', () => {
    expect(decodeReadFullStatus(wire.subarray(0, wire.length - 1)).registrations).toEqual([one])
    expect(decodeReadFullStatus(wire.subarray(0, 8 + 23)).registrations).toEqual([])
  })

  test('only WireErrors', () => onlyWireErrors(decodeReadFullStatus, wire))
})
