import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeOverwriteList, encodeOverwriteList } from '../../../protocol/scsi/overwrite-list.ts'
import { bothWays, bytesOf, hex, identity, onlyWireErrors } from './support.ts'

const codec = { encode: encodeOverwriteList, decode: decodeOverwriteList }

describe('SANITIZE overwrite parameter list (SBC-3 5.24.2.2)', () => {
  test('both ways: INVERT, TEST, OVERWRITE COUNT, the pattern and its length', () => {
    const once = { invert: false, test: 0, overwriteCount: 1, initializationPatternLength: 4, pattern: hex('a5b6c7d8') }
    bothWays(codec, hex('01 00 0004 a5b6c7d8'), once, 4)
    const all = { invert: true, test: 2, overwriteCount: 31, initializationPatternLength: 1, pattern: hex('ff') }
    bothWays(codec, hex('df 00 0001 ff'), all, 4)
  })

  test('a pattern shorter than its length says is told as it is; bytes after it are not read', () => {
    expect(decodeOverwriteList(hex('01 00 0200 a5')).pattern).toEqual(hex('a5'))
    expect(decodeOverwriteList(hex('01 00 0002 a5b6 c7')).pattern).toEqual(hex('a5b6'))
  })

  test('inverse, and only WireErrors', () => {
    const values = fc.record({
      invert: fc.boolean(),
      test: fc.nat(3),
      overwriteCount: fc.nat(31),
      pattern: bytesOf(0, 64),
    })
    identity(
      codec,
      values.map((value) => ({ ...value, initializationPatternLength: value.pattern.length })),
    )
    onlyWireErrors(decodeOverwriteList, hex('01 00 0004 a5b6c7d8'))
  })
})
