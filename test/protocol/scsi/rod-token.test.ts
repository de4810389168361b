import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ASSOCIATION, naa, scsiName } from '../../../protocol/scsi/designator.ts'
import {
  blockDeviceZeroToken,
  decodeAllRodTokens,
  decodeRodToken,
  encodeAllRodTokens,
  encodeRodToken,
  ROD_TOKEN_BYTES,
  ROD_TOKEN_SECRET_BYTES,
  ROD_TYPE,
} from '../../../protocol/scsi/rod-token.ts'
import {
  decodePopulateTokenList,
  decodeWriteUsingTokenList,
  encodePopulateTokenList,
  encodeWriteUsingTokenList,
  populateRangeOffset,
  writeRangeOffset,
} from '../../../protocol/scsi/rod-token-lists.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { bothWays, hex, identity, onlyWireErrors } from './support.ts'

const NAA = naa(hex('6001405123456789abcdef0011223344'))

describe('ROD token (SPC-4 5.17.6.4, SBC-3 4.28)', () => {
  const token = encodeRodToken({
    type: ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE,
    identifier: hex('0102030405060708'),
    creator: {
      luIdType: 0,
      nul: false,
      peripheralDeviceType: 0,
      relativeInitiatorPortId: 0,
      designator: NAA,
      pad: false,
      blockLength: 512,
    },
    representedBytes: 0x1_0000_0200n,
    blockLength: 512,
    logicalBlocksPerPhysicalExponent: 3,
    lbpme: true,
    lbprz: true,
    targetDevice: scsiName('iqn.2026-11.io.lunette:array1', ASSOCIATION.TARGET_DEVICE),
    secret: Buffer.alloc(ROD_TOKEN_SECRET_BYTES, 0xee),
  })

  test('512 bytes: type, length 01F8h, identifier, creator, bytes represented, block length, target device, secret', () => {
    expect(token.length).toBe(ROD_TOKEN_BYTES)
    expect(token.subarray(0, 16)).toEqual(hex('00800001 0000 01f8 0102030405060708'))
    expect(token.subarray(16, 48)).toEqual(
      hex('e4 00 0000 01 03 00 10 6001405123456789abcdef0011223344 00000000 00 000200'),
    )
    expect(token.subarray(48, 64)).toEqual(hex('0000000000000000 0000000100000200'))
    expect(token.subarray(64, 96)).toEqual(Buffer.alloc(32))
    expect(token.subarray(96, 128)).toEqual(hex(`00000200 00 03 c000 ${'00'.repeat(24)}`))
    expect(token.subarray(128, 132)).toEqual(hex('53 a8 00 20'))
    expect(token.subarray(132, 161).toString()).toBe('iqn.2026-11.io.lunette:array1')
    expect(token.subarray(256)).toEqual(Buffer.alloc(256, 0xee))
  })

  test('what it says of itself', () => {
    expect(decodeRodToken(token)).toMatchObject({
      type: ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE,
      length: 0x1f8,
      representedBytes: 0x1_0000_0200n,
      blockLength: 512,
      logicalBlocksPerPhysicalExponent: 3,
    })
    onlyWireErrors(decodeRodToken, token)
  })

  test('the block device zero token: nothing but its type and its length', () => {
    expect(blockDeviceZeroToken()).toEqual(Buffer.concat([hex('ffff0001 0000 01f8'), Buffer.alloc(504)]))
  })

  test('REPORT ALL ROD TOKENS tells the first 96 bytes of each', () => {
    const wire = Buffer.concat([hex('000000c4 00000000'), token.subarray(0, 96), Buffer.alloc(96, 1)])
    expect(encodeAllRodTokens([token, Buffer.alloc(512, 1)])).toEqual(wire)
    expect(decodeAllRodTokens(wire)).toEqual([token.subarray(0, 96), Buffer.alloc(96, 1)])
    expect(decodeAllRodTokens(encodeAllRodTokens([]))).toEqual([])
    for (const length of [0, 3, 4]) expect(() => decodeAllRodTokens(wire.subarray(0, length))).toThrow(WireError)
    onlyWireErrors(decodeAllRodTokens, wire)
  })
})

const range = fc.record({ lba: fc.bigInt(0n, 2n ** 64n - 1n), blocks: fc.nat(0xffffffff) })
const ranges = fc.array(range, { minLength: 1, maxLength: 4 })

describe('POPULATE TOKEN parameter list (SBC-3 5.7.2)', () => {
  const codec = { encode: encodePopulateTokenList, decode: decodePopulateTokenList }
  const wire = hex(`002e 03 00 0000003c 00010000 0000 0020
    0000000100000002 00000003 00000000 0000000000000004 00000005 00000000`)
  const values = {
    rtv: true,
    immed: true,
    inactivityTimeout: 60,
    rodType: 0x0001_0000,
    ranges: [
      { lba: 0x1_0000_0002n, blocks: 3 },
      { lba: 4n, blocks: 5 },
    ],
  }

  test('both ways; where each range stands', () => {
    bothWays(codec, wire, values, 16)
    expect(codec.decode(wire.subarray(0, -1)).ranges).toEqual(values.ranges.slice(0, 1))
    expect(wire.readUInt32BE(populateRangeOffset(1) + 8)).toBe(5)
  })

  test.each([
    ['no range', '000e 00 00 00000000 00000000 0000 0000', 'rangeDescriptorLength at byte 14: bad length'],
    [
      'half a range',
      `001e 00 00 00000000 00000000 0000 0008 ${'00'.repeat(16)}`,
      'rangeDescriptorLength at byte 14: bad length',
    ],
    [
      'a length too short for the ranges',
      `001d 00 00 00000000 00000000 0000 0010 ${'00'.repeat(16)}`,
      'dataLength at byte 0: bad length',
    ],
  ])('%s: a WireError that tells the field', (_, text, message) => {
    expect(() => decodePopulateTokenList(hex(text))).toThrow(message)
  })

  test('inverse, and only WireErrors', () => {
    const list = fc.record({
      rtv: fc.boolean(),
      immed: fc.boolean(),
      inactivityTimeout: fc.nat(0xffffffff),
      rodType: fc.nat(0xffffffff),
      ranges,
    })
    identity(codec, list)
    onlyWireErrors(decodePopulateTokenList, wire)
  })
})

describe('WRITE USING TOKEN parameter list (SBC-3 5.46.2)', () => {
  const codec = { encode: encodeWriteUsingTokenList, decode: decodeWriteUsingTokenList }
  const token = Buffer.alloc(512, 0x5a)
  const wire = Buffer.concat([
    hex('0226 03 0000000000 0000000100000000'),
    token,
    hex('000000000000 0010 0000000100000002 00000003 00000000'),
  ])

  test('both ways; where each range stands', () => {
    bothWays(codec, wire, {
      delTkn: true,
      immed: true,
      offsetIntoRod: 0x1_0000_0000n,
      token,
      ranges: [{ lba: 0x1_0000_0002n, blocks: 3 }],
    })
    expect(wire.readUInt32BE(writeRangeOffset(0) + 8)).toBe(3)
  })

  test('no range, ranges that are not there: a WireError that tells the field', () => {
    const none = Buffer.from(wire)
    none.writeUInt16BE(0, 534)
    expect(() => decodeWriteUsingTokenList(none)).toThrow('rangeDescriptorLength at byte 534: bad length')
    expect(() => decodeWriteUsingTokenList(wire.subarray(0, 540))).toThrow('byte 534: truncated')
  })

  test('inverse, and only WireErrors', () => {
    const list = fc.record({
      delTkn: fc.boolean(),
      immed: fc.boolean(),
      offsetIntoRod: fc.bigInt(0n, 2n ** 64n - 1n),
      token: fc.uint8Array({ minLength: 512, maxLength: 512 }).map((bytes) => Buffer.from(bytes)),
      ranges,
    })
    identity(codec, list)
    onlyWireErrors(decodeWriteUsingTokenList, wire)
  })
})
