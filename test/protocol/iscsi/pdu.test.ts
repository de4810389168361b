import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodePdu, encodePdu, PDU_LAYOUTS } from '../../../protocol/iscsi/pdu.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import type { PduFixture } from './fixture.ts'
import { PDU_FIXTURES } from './fixtures.ts'

const DIGESTS = { header: true, data: true }
const wireOf = ({ hex }: PduFixture): Buffer => Buffer.from(hex, 'hex')
const encoded = ({ opcode, values, ahs, data }: PduFixture, digests = { header: false, data: false }): Buffer =>
  encodePdu(opcode, values, { ahs, data, digests })

describe.each(PDU_FIXTURES)('$name', (fixture) => {
  const { opcode, layout, values, ahs, data } = fixture
  const wire = wireOf(fixture)

  test('the header is decoded', () => expect(layout.decode(wire)).toEqual(values))

  test('the header is encoded', () => expect(layout.encode(values)).toEqual(wire.subarray(0, 48)))

  test('no reserved bit is set', () => expect(layout.reservedBit(wire)).toBeUndefined())

  test('the whole PDU is decoded and encoded, lengths computed', () => {
    expect(decodePdu(wire)).toEqual({ header: { opcode, ...values }, ahs, data, length: wire.length })
    expect(encoded(fixture)).toEqual(wire)
    expect(encodePdu(opcode, { ...values, totalAhsLength: 9, dataSegmentLength: 9 }, { ahs, data })).toEqual(wire)
  })

  test('mirrored, with every combination of digests, in front of other bytes', () => {
    for (const header of [false, true])
      for (const withData of [false, true]) {
        const digests = { header, data: withData }
        const sent = encoded(fixture, digests)
        const length = wire.length + (header ? 4 : 0) + (withData && data.length > 0 ? 4 : 0)
        expect(sent).toHaveLength(length)
        const expected = { header: { opcode, ...values }, ahs, data, length }
        expect(decodePdu(Buffer.concat([sent, Buffer.alloc(9, 0xff)]), digests)).toEqual(expected)
      }
  })

  test('truncated at every length: a WireError', () => {
    const sent = encoded(fixture, DIGESTS)
    for (let length = 0; length < wire.length; length++)
      expect(() => decodePdu(wire.subarray(0, length)), `${length}`).toThrow(WireError)
    for (let length = 0; length < sent.length; length++)
      expect(() => decodePdu(sent.subarray(0, length), DIGESTS), `${length}`).toThrow(WireError)
  })

  test('one bit wrong anywhere in header or data: a digest error', () => {
    const sent = encoded(fixture, DIGESTS)
    const headEnd = 48 + 4 * Number(values.totalAhsLength)
    for (let byte = 0; byte < sent.length; byte++) {
      if (byte >= 4 && byte < 8) continue // another length: another place for the digest
      const wrong = Buffer.from(sent)
      wrong[byte]! ^= 0x80
      const segment = byte < headEnd + 4 ? 'header' : 'data'
      expect(() => decodePdu(wrong, DIGESTS), `byte ${byte}`).toThrow(
        expect.objectContaining({ name: 'WireError', problem: `${segment} digest` }),
      )
    }
  })
})

describe('PDU', () => {
  test('there are 18, each under its own opcode (RFC 7143 11.2.1.2)', () => {
    const opcodes = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10]
    opcodes.push(0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f)
    expect(Object.keys(PDU_LAYOUTS).map(Number)).toEqual(opcodes)
    expect(new Set(PDU_FIXTURES.map(({ opcode }) => opcode))).toEqual(new Set(opcodes))
    for (const layout of Object.values(PDU_LAYOUTS)) expect(layout.size).toBe(48)
  })

  test('an opcode that is reserved is a WireError', () => {
    for (const opcode of [0x07, 0x0f, 0x11, 0x1c, 0x1f, 0x27, 0x30, 0x33, 0x3e])
      expect(() => decodePdu(Buffer.from([opcode, ...Buffer.alloc(47)]))).toThrow('PDU: opcode at byte 0: bad value')
  })

  test('reserved bits that are set are ignored (RFC 7143 11)', () => {
    const wire = wireOf(PDU_FIXTURES.find(({ opcode }) => opcode === 0x06)!)
    wire[0]! |= 0x80
    wire.fill(0xff, 8, 16)
    wire.fill(0xff, 32, 48)
    expect(decodePdu(wire).header).toMatchObject({ opcode: 0x06, reason: 1, cid: 7 })
  })

  test('a bit that is always one and is zero is a WireError', () => {
    const wire = wireOf(PDU_FIXTURES.find(({ opcode }) => opcode === 0x31)!)
    wire[1] = 0
    expect(() => decodePdu(wire)).toThrow('Ready To Transfer: final at byte 1: bad value')
  })

  test('no data segment, no data digest (RFC 7143 11.2.3)', () => {
    expect(encodePdu(0x06, { reason: 0 }, { digests: { header: false, data: true } })).toHaveLength(48)
    expect(encodePdu(0x06, { reason: 0 }, { digests: DIGESTS })).toHaveLength(52)
  })

  test('the largest header: 1,020 bytes of AHS', () => {
    const ahs = [{ kind: 'other', ahsType: 9, content: Buffer.alloc(1017, 0x5a) }] as const
    const wire = encodePdu(0x01, {}, { ahs, data: Buffer.from('x') })
    expect(wire).toHaveLength(48 + 1020 + 4)
    expect(decodePdu(wire)).toMatchObject({ header: { totalAhsLength: 255, dataSegmentLength: 1 }, ahs, length: 1072 })
  })

  test('what does not fit is refused when it is written', () => {
    const ahs = [{ kind: 'other', ahsType: 9, content: Buffer.alloc(1018) }] as const
    expect(() => encodePdu(0x01, {}, { ahs })).toThrow('AHS of 1024 bytes, more than 1020')
    expect(() => encodePdu(0x01, {}, { data: Buffer.alloc(2 ** 24) })).toThrow(RangeError)
    expect(() => encodePdu(0x01, { cmdSn: 2 ** 32 })).toThrow(RangeError)
  })

  test('random bytes: decoded, or a WireError', () => {
    const opcode = fc.constantFrom(...Object.keys(PDU_LAYOUTS).map(Number))
    const start = fc.tuple(opcode, fc.integer({ min: 0, max: 255 }), fc.nat(12), fc.nat(80))
    const tail = fc.uint8Array({ maxLength: 200 })
    fc.assert(
      fc.property(start, tail, fc.boolean(), fc.boolean(), ([op, flags, ahs, length], rest, header, data) => {
        const wire = Buffer.from([op, flags, 0, 0, ahs, 0, 0, length, ...rest])
        expectWireErrorAtMost(() => decodePdu(wire, { header, data }))
      }),
      { numRuns: 500 },
    )
    fc.assert(fc.property(tail, (any) => expectWireErrorAtMost(() => decodePdu(Buffer.from(any)))))
  })
})

function expectWireErrorAtMost(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(WireError)
  }
}
