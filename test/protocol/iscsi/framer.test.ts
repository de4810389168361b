import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FramedPdu, Framer, type FramerOptions } from '../../../protocol/iscsi/framer.ts'
import { INITIATOR_OPCODE } from '../../../protocol/iscsi/opcodes.ts'
import { decodePdu, encodePdu } from '../../../protocol/iscsi/pdu.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { PDU_FIXTURES } from './fixtures.ts'

const MAX = 1 << 20

interface Taken {
  header: string
  data: string
}

function take({ header, headerOffset, ahsLength, data, dataOffset, dataLength }: FramedPdu): Taken {
  return {
    header: header.toString('hex', headerOffset, headerOffset + 48 + ahsLength),
    data: data.toString('hex', dataOffset, dataOffset + dataLength),
  }
}

/** Feeds the stream in the pieces given; whatever is left goes last. */
function frame(
  stream: Buffer,
  sizes: Iterable<number>,
  options: Partial<FramerOptions> = {},
  digests = false,
): Taken[] {
  const framer = new Framer({ maxDataSegmentLength: MAX, ...options })
  framer.headerDigest = digests
  framer.dataDigest = digests
  const taken: Taken[] = []
  let at = 0
  for (const size of [...sizes, stream.length]) {
    framer.push(Buffer.from(stream.subarray(at, at + size)))
    at += size
    while (framer.next()) taken.push(take(framer))
  }
  expect(framer.incomplete).toBe(false)
  return taken
}

const whole = (hex: string, digests = false): Taken => {
  const bytes = Buffer.from(hex, 'hex')
  const { header, data, length } = decodePdu(bytes, { header: digests, data: digests })
  expect(length).toBe(bytes.length)
  return { header: bytes.toString('hex', 0, 48 + 4 * header.totalAhsLength), data: data.toString('hex') }
}

describe('framer', () => {
  const stream = Buffer.concat(PDU_FIXTURES.map(({ hex }) => Buffer.from(hex, 'hex')))
  const expected = PDU_FIXTURES.map(({ hex }) => whole(hex))

  test('every kind of PDU in one chunk, and byte by byte', () => {
    expect(frame(stream, [])).toEqual(expected)
    expect(frame(stream, Array(stream.length).fill(1))).toEqual(expected)
  })

  test('any split of the stream gives the same PDUs', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 100 }), (sizes) => {
        expect(frame(stream, sizes)).toEqual(expected)
      }),
    )
  })

  test('any split with header and data digests, also where there is no data', () => {
    const digests = { header: true, data: true }
    const pdus = [0, 1, 3, 4, 5000].map((length) =>
      encodePdu(INITIATOR_OPCODE.NOP_OUT, { initiatorTaskTag: length }, { data: Buffer.alloc(length, 0xa5), digests }),
    )
    const all = pdus.map((pdu) => whole(pdu.toString('hex'), true))
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 40 }), (sizes) => {
        expect(frame(Buffer.concat(pdus), sizes, {}, true)).toEqual(all)
      }),
    )
  })

  test('a PDU that lies whole in a chunk is not copied', () => {
    const framer = new Framer({ maxDataSegmentLength: MAX })
    const chunk = encodePdu(INITIATOR_OPCODE.NOP_OUT, {}, { data: Buffer.alloc(100) })
    framer.push(chunk)
    expect(framer.next()).toBe(true)
    expect(framer.header).toBe(chunk)
    expect(framer.data).toBe(chunk)
    expect(framer.placed).toBe(false)
  })

  test('a data segment that straddles chunks is assembled where `place` says', () => {
    const target = Buffer.alloc(8192)
    const asked: number[] = []
    const place = (_header: Buffer, _offset: number, length: number): Buffer => {
      asked.push(length)
      return target
    }
    const framer = new Framer({ maxDataSegmentLength: MAX, place })
    const pdu = encodePdu(INITIATOR_OPCODE.NOP_OUT, {}, { data: Buffer.alloc(5001, 0x5a) })
    framer.push(pdu.subarray(0, 100))
    expect(framer.next()).toBe(false)
    expect(framer.incomplete).toBe(true)
    framer.push(pdu.subarray(100))
    expect(framer.next()).toBe(true)
    expect(asked).toEqual([5001])
    expect(framer.data).toBe(target)
    expect(framer.placed).toBe(true)
    expect(target.subarray(0, 5001)).toEqual(Buffer.alloc(5001, 0x5a))
    expect(target.subarray(5001)).toEqual(Buffer.alloc(8192 - 5001))
  })

  test('a place that is wanted back is left alone from then on, and the PDU is whole all the same', () => {
    const target = Buffer.alloc(4096)
    const framer = new Framer({ maxDataSegmentLength: MAX, place: () => target })
    const pdu = encodePdu(INITIATOR_OPCODE.NOP_OUT, {}, { data: Buffer.alloc(4096, 0x5a) })
    framer.push(pdu.subarray(0, 1000))
    framer.next()
    framer.displace(Buffer.alloc(4096)) // another one: nothing happens
    framer.displace(target)
    target.fill(0)
    framer.push(pdu.subarray(1000))
    expect(framer.next()).toBe(true)
    expect(framer.placed).toBe(false)
    expect(target).toEqual(Buffer.alloc(4096))
    expect(framer.data).toEqual(Buffer.alloc(4096, 0x5a))
  })

  test('a stream that ends inside a PDU gives back what `place` gave', () => {
    const target = Buffer.alloc(4096)
    const framer = new Framer({ maxDataSegmentLength: MAX, place: () => target })
    const pdu = encodePdu(INITIATOR_OPCODE.NOP_OUT, { initiatorTaskTag: 7 }, { data: Buffer.alloc(4096) })
    expect(framer.abandon()).toBeUndefined()
    framer.push(pdu.subarray(0, 1000))
    framer.next()
    expect(framer.abandon()).toMatchObject({ placed: target })
    expect(framer.incomplete).toBe(false)
  })

  test('a chunk that is about to change: what has not been taken of it is kept', () => {
    const framer = new Framer({ maxDataSegmentLength: MAX })
    const pdus = [1, 2].map((tag) =>
      encodePdu(INITIATOR_OPCODE.NOP_OUT, { initiatorTaskTag: tag }, { data: Buffer.alloc(9, tag) }),
    )
    const chunk = Buffer.concat(pdus)
    framer.push(chunk)
    expect(framer.next()).toBe(true)
    framer.keepRest()
    chunk.fill(0xff)
    expect(framer.next()).toBe(true)
    expect(take(framer)).toEqual(whole(pdus[1]!.toString('hex')))
    framer.keepRest()
    expect(framer.next()).toBe(false)
  })

  test('a data segment over the declared maximum is refused when its header is there, before it is buffered', () => {
    for (const cut of [47, 48, 60]) {
      const framer = new Framer({ maxDataSegmentLength: 4096 })
      const pdu = encodePdu(INITIATOR_OPCODE.NOP_OUT, {}, { data: Buffer.alloc(4097) })
      framer.push(pdu.subarray(0, cut))
      if (cut < 48) {
        expect(framer.next()).toBe(false)
        framer.push(pdu.subarray(cut, 48))
      }
      expect(() => framer.next()).toThrow('dataSegmentLength at byte 5: too large (4097 > 4096)')
    }
  })

  test.each([
    ['header', 20],
    ['header', 50],
    ['data', 60],
    ['data', 52 + 4097],
    ['data', 52 + 4100],
  ])('a %s that differs from its digest (byte %i) is a WireError, in one chunk or in two', (part, byte) => {
    const digests = { header: true, data: true }
    const pdu = encodePdu(INITIATOR_OPCODE.NOP_OUT, {}, { data: Buffer.alloc(4097), digests })
    pdu[byte]! ^= 0x10
    for (const split of [pdu.length, 30, 3000]) {
      expect(() => frame(pdu, [split], {}, true)).toThrow(WireError)
      expect(() => frame(pdu, [split], {}, true)).toThrow(`${part} digest`)
    }
  })

  test('no bytes make it throw anything but a WireError', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 4000 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 500 }),
        (bytes, digests, size) => {
          const framer = new Framer({ maxDataSegmentLength: 1024 })
          framer.headerDigest = digests
          framer.dataDigest = digests
          try {
            for (let at = 0; at < bytes.length; at += size) {
              framer.push(Buffer.from(bytes.subarray(at, at + size)))
              while (framer.next()) take(framer)
            }
          } catch (error) {
            expect(error).toBeInstanceOf(WireError)
          }
        },
      ),
    )
  })
})
