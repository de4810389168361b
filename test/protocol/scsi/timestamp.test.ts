import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeTimestamp,
  decodeTimestampList,
  encodeTimestamp,
  encodeTimestampList,
} from '../../../protocol/scsi/timestamp.ts'
import { bothWays, hex, identity, onlyWireErrors } from './support.ts'

const LAST = 2 ** 48 - 1

describe('REPORT TIMESTAMP parameter data (SPC-4 6.38)', () => {
  const codec = { encode: encodeTimestamp, decode: decodeTimestamp }
  const wire = hex('000a 02 00 0102030405ff 0000')

  test('both ways: 48 bits of milliseconds, their origin in three', () => {
    bothWays(codec, wire, { origin: 2, milliseconds: 0x102030405ff })
  })

  test('inverse, and only WireErrors', () => {
    identity(codec, fc.record({ origin: fc.nat(7), milliseconds: fc.nat(LAST) }))
    onlyWireErrors(codec.decode, wire)
  })
})

describe('SET TIMESTAMP parameter list (SPC-4 6.46)', () => {
  const codec = { encode: encodeTimestampList, decode: decodeTimestampList }

  test('both ways', () => {
    bothWays(codec, hex('00000000 0102030405ff 0000'), 0x102030405ff)
    expect(encodeTimestampList(LAST).subarray(4, 10)).toEqual(hex('ffffffffffff'))
  })

  test('inverse, and only WireErrors', () => {
    identity(codec, fc.nat(LAST))
    onlyWireErrors(codec.decode, encodeTimestampList(1))
  })
})
