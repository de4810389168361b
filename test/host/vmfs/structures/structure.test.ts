import { expect, test } from 'vitest'
import { VmfsError } from '../../../../src/host/vmfs/errors.ts'
import { bytes, size64, structure, text, u8, u16, u32, u64 } from '../../../../src/host/vmfs/structures/structure.ts'

const SAMPLE = structure('sample', 32, {
  kind: u8(0),
  count: u16(1),
  magic: u32(4),
  generation: u64(8),
  length: size64(16),
  tail: bytes(2)(24),
  label: text(6)(26),
})

test('fields stand where they are declared, little-endian', () => {
  const raw = SAMPLE.encode({ kind: 1, count: 0x0302, magic: 0x07060504, generation: 1n, length: 2, label: 'héh' })
  expect(raw.toString('hex')).toBe('010203000405060701000000000000000200000000000000000068c3a9680000'.padEnd(64, '0'))
  expect(SAMPLE.decode(raw)).toEqual({
    ...{ kind: 1, count: 0x0302, magic: 0x07060504, generation: 1n, length: 2 },
    ...{ tail: Buffer.alloc(2), label: 'héh' },
  })
})

test('what is not given stays as it stands', () => {
  const raw = SAMPLE.encode({ count: 5 }, Buffer.alloc(40, 0xee), 4)
  expect(SAMPLE.fields.count.read(raw, 5)).toBe(5)
  expect(raw[4]).toBe(0xee)
})

test.each([
  ['a source that ends too early', Buffer.alloc(31)],
  ['a size beyond 2^53', SAMPLE.encode({ length: 0 }).fill(0xff, 16, 24)],
])('%s is damage', (_, raw) => {
  expect(() => SAMPLE.decode(raw)).toThrow(VmfsError)
})

test('a field that does not fit its structure is a mistake in the declaration', () => {
  expect(() => structure('short', 4, { late: u32(1) })).toThrow('short: late ends at 5 of 4 bytes')
})

test.each([
  ['bytes of another length', { tail: Buffer.alloc(3) }],
  ['a text that is too long', { label: 'sevenen' }],
])('%s is refused', (_, values) => {
  expect(() => SAMPLE.encode(values)).toThrow(RangeError)
})
