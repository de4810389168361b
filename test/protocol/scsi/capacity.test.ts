import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeCapacity10,
  decodeCapacity16,
  encodeCapacity10,
  encodeCapacity16,
} from '../../../protocol/scsi/capacity.ts'
import { bothWays, hex, identity, onlyWireErrors } from './support.ts'

describe('READ CAPACITY(10) parameter data (SBC-3 5.15.2)', () => {
  test('both ways', () => {
    const codec = {
      encode: (c: { lastLba: bigint | undefined; blockLength: number }) =>
        encodeCapacity10({ lastLba: c.lastLba ?? 2n ** 40n, blockLength: c.blockLength }),
      decode: decodeCapacity10,
    }
    bothWays(codec, hex('013fffff 00000200'), { lastLba: 0x13fffffn, blockLength: 512 })
    bothWays(codec, hex('ffffffff 00001000'), { lastLba: undefined, blockLength: 4096 })
    onlyWireErrors(decodeCapacity10, hex('013fffff 00000200'))
  })

  test('FFFFFFFFh says: ask READ CAPACITY(16)', () => {
    const first = (lastLba: bigint) => encodeCapacity10({ lastLba, blockLength: 512 }).readUInt32BE(0)
    expect(first(0xfffffffen)).toBe(0xfffffffe)
    expect(first(0xffffffffn)).toBe(0xffffffff)
    expect(first(2n ** 63n)).toBe(0xffffffff)
  })
})

describe('READ CAPACITY(16) parameter data (SBC-3 5.16.2)', () => {
  const codec = { encode: encodeCapacity16, decode: decodeCapacity16 }
  const wire = hex('0000000100000002 00000200 15 13 c007 0000 0000000000000000 000000000000')
  const values = {
    lastLba: 0x1_0000_0002n,
    blockLength: 512,
    rcBasis: 1,
    pType: 2,
    protEn: true,
    piExponent: 1,
    lbppbe: 3,
    lbpme: true,
    lbprz: true,
    lowestAlignedLba: 7,
  }

  test('both ways; SBC-2 sent 12 bytes', () => {
    expect(wire.length).toBe(32)
    bothWays(codec, wire, values, 12)
    expect(decodeCapacity16(wire.subarray(0, 12))).toMatchObject({ lastLba: 0x1_0000_0002n, lbpme: false, lbppbe: 0 })
  })

  test('inverse, and only WireErrors', () => {
    onlyWireErrors(decodeCapacity16, wire)
    const values = fc.record({
      lastLba: fc.bigInt(0n, 2n ** 64n - 1n),
      blockLength: fc.nat(0x7fffffff),
      rcBasis: fc.nat(3),
      pType: fc.nat(7),
      protEn: fc.boolean(),
      piExponent: fc.nat(15),
      lbppbe: fc.nat(15),
      lbpme: fc.boolean(),
      lbprz: fc.boolean(),
      lowestAlignedLba: fc.nat(0x3fff),
    })
    identity(codec, values)
  })
})
