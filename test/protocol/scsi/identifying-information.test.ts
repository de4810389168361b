import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeIdentifyingInformation,
  decodeSupportedIdentifyingInformation,
  encodeIdentifyingInformation,
  encodeSupportedIdentifyingInformation,
} from '../../../protocol/scsi/identifying-information.ts'
import { bothWays, bytesOf, hex, identity, onlyWireErrors } from './support.ts'

describe('REPORT IDENTIFYING INFORMATION parameter data (SPC-4 6.32.2)', () => {
  const codec = { encode: encodeIdentifyingInformation, decode: decodeIdentifyingInformation }

  test('both ways; bytes after the length mean nothing', () => {
    bothWays(codec, hex('0000 0003 61 62 63'), Buffer.from('abc'))
    expect(codec.decode(hex('0000 0001 61 62 63'))).toEqual(Buffer.from('a'))
  })

  test('inverse, and only WireErrors', () => {
    identity(codec, bytesOf(0, 256))
    onlyWireErrors(codec.decode, hex('0000 0003 61 62 63'))
  })
})

describe('identifying information supported (SPC-4 6.32.3)', () => {
  const codec = { encode: encodeSupportedIdentifyingInformation, decode: decodeSupportedIdentifyingInformation }
  const wire = hex('0000 0008 00 00 0040 04 00 0100')

  test('both ways: the type in the upper seven bits', () => {
    bothWays(codec, wire, [
      { type: 0, maximumLength: 64 },
      { type: 2, maximumLength: 256 },
    ])
  })

  test('inverse, and only WireErrors', () => {
    const descriptor = fc.record({ type: fc.nat(127), maximumLength: fc.nat(0xffff) })
    identity(codec, fc.array(descriptor, { maxLength: 5 }))
    onlyWireErrors(codec.decode, wire)
  })
})
