// Binary values in text keys (RFC 7143 6.1; base64 of RFC 4648 4, its test vectors in section 10).

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBinaryValue, encodeBinaryValue } from '../../../protocol/index.ts'

const decoded = (value: string, maxBytes = 1024): string | undefined =>
  decodeBinaryValue(value, maxBytes)?.toString('latin1')

describe('binary values', () => {
  test.each([
    ['0x666f6f', 'foo'],
    ['0X666F6f', 'foo'],
    ['0x00', '\0'],
    ['0bZg==', 'f'],
    ['0BZm8=', 'fo'],
    ['0bZm9v', 'foo'],
    ['0bZm9vYg==', 'foob'],
    ['0bZm9vYmE=', 'fooba'],
    ['0bZm9vYmFy', 'foobar'],
    ['0b++//', '\xfb\xef\xff'],
  ])('%s', (value, bytes) => expect(decoded(value)).toBe(bytes))

  test.each([
    ['nothing', ''],
    ['no prefix', '666f6f'],
    ['a decimal number', '12'],
    ['a prefix alone', '0x'],
    ['a base64 prefix alone', '0b'],
    ['an odd number of digits', '0x666'],
    ['a digit that is none', '0x6g'],
    ['a space', '0x66 6f'],
    ['base64 without its padding', '0bZg'],
    ['base64 with too much padding', '0bZm8=='],
    ['padding in the middle', '0bZg==Zg=='],
    ['padding alone', '0b===='],
    ['base64 of the URL alphabet', '0b--__'],
    ['base64 with a newline', '0bZm9v\nYmFy'],
    ['base64 whose padding bits are not zero', '0bZh=='],
  ])('%s is none: %j', (_, value) => expect(decoded(value)).toBeUndefined())

  test('as long as is allowed, and one byte longer', () => {
    for (const length of [1, 2, 3, 16, 1024]) {
      const bytes = Buffer.alloc(length, 0xa5)
      for (const value of [encodeBinaryValue(bytes), `0b${bytes.toString('base64')}`]) {
        expect(decodeBinaryValue(value, length)).toEqual(bytes)
        expect(decodeBinaryValue(value, length - 1)).toBeUndefined()
      }
    }
  })

  test('any bytes come back from both forms', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (array) => {
        const bytes = Buffer.from(array)
        expect(decodeBinaryValue(encodeBinaryValue(bytes), 300)).toEqual(bytes)
        expect(decodeBinaryValue(`0b${bytes.toString('base64')}`, 300)).toEqual(bytes)
      }),
    )
  })

  test('1 MiB of base64 is refused for its length alone', () => {
    const value = `0b${'A'.repeat(2 ** 20)}`
    expect(decodeBinaryValue(value, 1024)).toBeUndefined()
    expect(decodeBinaryValue(`${value}!`, 1024)).toBeUndefined()
  })
})
