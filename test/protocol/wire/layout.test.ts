import { describe, expect, expectTypeOf, test } from 'vitest'
import { WireError } from '../../../protocol/wire/error.ts'
import { bits, bytes, flag, ignored, reserved, text, u8, u16, u24, u32, u64 } from '../../../protocol/wire/fields.ts'
import { layout } from '../../../protocol/wire/layout.ts'

const COMMAND = layout('COMPARE AND WRITE', 'SBC-4 5.3', 16, [
  u8('opcode', 0x89),
  bits(3, 'wrprotect'),
  flag('dpo'),
  flag('fua'),
  reserved(3),
  u64('lba'),
  reserved(24),
  u8('blocks'),
  reserved(2),
  bits(6, 'groupNumber'),
  ignored(2),
  reserved(6),
])

describe('layout', () => {
  const wire = Buffer.from('89b80000000100000002000000ff1f00', 'hex')
  const values = { wrprotect: 5, dpo: true, fua: true, blocks: 255, groupNumber: 31 }

  test('decodes what the standard draws, with the type that the list implies', () => {
    const decoded = COMMAND.decode(wire)
    expectTypeOf(decoded).toEqualTypeOf<{
      wrprotect: number
      dpo: boolean
      fua: boolean
      lba: bigint
      blocks: number
      groupNumber: number
    }>()
    expect(decoded).toEqual({ ...values, lba: 0x0000_0001_0000_0002n })
  })

  test('encodes the mirror image; fields not given are zero', () => {
    expect(COMMAND.encode(COMMAND.decode(wire))).toEqual(wire)
    expect(COMMAND.encode({ blocks: 1 }).toString('hex')).toBe('89000000000000000000000000010000')
  })

  test('encodes into the middle of a buffer and clears only its own bytes', () => {
    const target = Buffer.alloc(20, 0xee)
    COMMAND.encode({}, target, 2)
    expect(target.toString('hex')).toBe(`eeee89${'00'.repeat(15)}eeee`)
    expect(COMMAND.decode(target, 2).blocks).toBe(0)
  })

  test('fields that straddle bytes: the 21-bit LBA of READ(6)', () => {
    const read6 = layout('READ(6)', 'SBC-3 5.10', 6, [u8('opcode', 8), reserved(3), bits(21, 'lba'), u8('n'), u8('c')])
    expect(read6.encode({ lba: 0x1f_fffe, n: 7 }).toString('hex')).toBe('081ffffe0700')
    expect(read6.decode(Buffer.from('081ffffe0700', 'hex'))).toEqual({ lba: 0x1f_fffe, n: 7, c: 0 })
  })

  test('every width, bytes and text', () => {
    const all = layout('all', 'none', 23, [
      u8('a'), u16('b'), u24('c'), u32('d'), u64('e'), bytes(2, 'f'), text(3, 'g'),
    ]) // biome-ignore format: one line shows the sum
    const given = { a: 1, b: 0xfffe, c: 0xfffffd, d: 0xfffffffc, e: 2n ** 64n - 1n, f: Buffer.from('xy'), g: 'ab' }
    expect(all.decode(all.encode(given))).toEqual(given)
  })

  test('usage data and reserved bits come from the same list', () => {
    expect(COMMAND.usage.toString('hex')).toBe('fff8ffffffffffffffff000000ff3f00')
    expect(COMMAND.reservedBit(wire)).toBeUndefined()
    expect(COMMAND.reservedBit(Buffer.from('89000000000000000000001000000000', 'hex'))).toEqual({ byte: 11, bit: 4 })
    expect(COMMAND.reservedBit(Buffer.from('890000000000000000000000000000c0', 'hex'))).toBeUndefined()
  })

  test('positions, for reading in place and for field pointers', () => {
    expect(COMMAND.at('lba')).toMatchObject({ byte: 2, bit: 7, bits: 64 })
    expect(COMMAND.at('fua')).toMatchObject({ byte: 1, bit: 3, bits: 1 })
    expect(COMMAND.find('nothing')).toBeUndefined()
  })

  test('truncated at every length: a WireError that names the first missing field', () => {
    for (let length = 0; length < wire.length; length++)
      expect(() => COMMAND.decode(wire.subarray(0, length))).toThrow(WireError)
    expect(() => COMMAND.decode(wire.subarray(0, 5))).toThrow('COMPARE AND WRITE: lba at byte 2: truncated (5 bytes)')
  })

  test('a fixed field that differs is a WireError', () => {
    const other = Buffer.from(wire)
    other[0] = 0x88
    expect(() => COMMAND.decode(other)).toThrow('opcode at byte 0: bad value (136 is not 137)')
  })

  test('what cannot be written is refused: too wide a value, too many bytes, widths that do not add up', () => {
    expect(() => COMMAND.encode({ blocks: 256 })).toThrow('blocks = 256 does not fit in 8 bits')
    expect(() => COMMAND.encode({ blocks: -1 })).toThrow(RangeError)
    expect(() => layout('b', '', 1, [bytes(1, 'x')]).encode({ x: Buffer.alloc(2) })).toThrow(
      '2 bytes does not fit in 1',
    )
    expect(() => layout('c', '', 2, [u8('x')])).toThrow('c: the fields hold 8 bits, not 16')
  })
})
