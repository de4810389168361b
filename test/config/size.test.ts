// Sizes both ways.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatSize, parseSize } from '../../src/config/size.ts'

describe('parseSize', () => {
  test.each([
    ['512', 512],
    ['0', 0],
    [4096, 4096],
    ['1KiB', 1024],
    ['64MiB', 64 * 1024 ** 2],
    ['64 MiB', 64 * 1024 ** 2],
    ['10GiB', 10 * 1024 ** 3],
    ['1.5TiB', 1.5 * 1024 ** 4],
    ['0.5KiB', 512],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%j is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  test.each([
    ['a decimal unit, which leaves open which thousand', '10GB'],
    ['a unit alone', 'GiB'],
    ['a short unit', '10G'],
    ['another case', '10gib'],
    ['a sign', '-1'],
    ['a fraction of a byte', '1.0001KiB'],
    ['a fraction of a byte without a unit', '1.5'],
    ['hexadecimal', '0x200'],
    ['an exponent', '1e9'],
    ['two spaces', '1  KiB'],
    ['white space around', ' 1KiB'],
    ['nothing', ''],
    ['more than 2^53', '9007199254740992'],
    ['more than 2^53 in a unit', '8388608TiB'],
    ['a negative number', -512],
    ['a broken number', 0.5],
    ['not a number', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['null', null],
    ['a list', [512]],
    ['a bigint', 512n],
  ])('refuses %s', (_, value) => expect(parseSize(value)).toBeUndefined())

  test('gives a whole number of bytes or nothing, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.float().map(String), fc.anything()), (value) => {
        const bytes = parseSize(value)
        expect(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)).toBe(true)
      }),
    )
  })
})

describe('formatSize', () => {
  test.each([
    [10 * 1024 ** 3, '10GiB'],
    [1536 * 1024 ** 2, '1.5GiB'],
    [1025 * 1024 ** 2, '1025MiB'],
    [1024, '1KiB'],
    [1023, '1023'],
    [0, '0'],
    [513, '513'],
    [2 * 1024 ** 4, '2TiB'],
  ])('%d bytes are %j', (bytes, text) => expect(formatSize(bytes)).toBe(text))

  test('parseSize gives the same number back', () => {
    const sizes = fc.oneof(
      fc.maxSafeNat(),
      fc.tuple(fc.nat(100_000), fc.constantFrom(512, 1024, 2 ** 17, 2 ** 20, 2 ** 30)).map(([count, of]) => count * of),
    )
    fc.assert(
      fc.property(sizes, (bytes) => {
        expect(parseSize(formatSize(bytes))).toBe(bytes)
      }),
    )
  })
})
