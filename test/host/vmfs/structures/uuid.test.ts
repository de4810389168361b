import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VmfsError } from '../../../../src/host/vmfs/errors.ts'
import { decodeUuid, encodeUuid, makeUuid, NIL_UUID, UUID_BYTES } from '../../../../src/host/vmfs/structures/uuid.ts'

test('the three numbers are little-endian, the MAC address is bytes in order', () => {
  const raw = Buffer.from('78563412efcdab90341200506201ff00', 'hex')
  expect(decodeUuid(raw)).toBe('12345678-90abcdef-1234-00506201ff00')
  expect(encodeUuid('12345678-90abcdef-1234-00506201FF00')).toEqual(raw)
  expect(decodeUuid(Buffer.alloc(UUID_BYTES))).toBe(NIL_UUID)
})

test('every UUID is its text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: UUID_BYTES, maxLength: UUID_BYTES }), (raw) => {
      expect(encodeUuid(decodeUuid(Buffer.from(raw)))).toEqual(Buffer.from(raw))
    }),
  )
})

test('a new one starts with the seconds since 1970 and ends in a locally administered address', () => {
  expect(makeUuid(0x5f5e1000, Buffer.alloc(12, 0xff))).toBe('5f5e1000-ffffffff-ffff-feffffffffff')
})

test.each([
  '12345678-90abcdef-1234-00506201ff0',
  '1234567890abcdef123400506201ff00',
  'x2345678-90abcdef-1234-00506201ff00',
  '',
])('"%s" is no UUID', (text) => {
  expect(() => encodeUuid(text)).toThrow(VmfsError)
  expect(() => encodeUuid(text)).toThrow('write it as xxxxxxxx-xxxxxxxx-xxxx-xxxxxxxxxxxx')
})
