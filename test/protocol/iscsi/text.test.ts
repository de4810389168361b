import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildText, parseNumber, parseText, type TextPair } from '../../../protocol/iscsi/text.ts'
import { WireError } from '../../../protocol/wire/error.ts'

const LONG_KEY = `X-${'a'.repeat(61)}`

// RFC 7143 6.1: every pair, the last one too, ends with a zero byte.
const FIXTURES: [name: string, text: string, pairs: TextPair[]][] = [
  ['nothing', '', []],
  ['one pair', 'SendTargets=All\0', [{ key: 'SendTargets', value: 'All' }]],
  [
    'a login, in its order',
    'InitiatorName=iqn.2026-11.io.lunette:host\0SessionType=Discovery\0AuthMethod=None\0',
    [
      { key: 'InitiatorName', value: 'iqn.2026-11.io.lunette:host' },
      { key: 'SessionType', value: 'Discovery' },
      { key: 'AuthMethod', value: 'None' },
    ],
  ],
  ['the key ends at the first "="', 'X-a=b=c=\0', [{ key: 'X-a', value: 'b=c=' }]],
  ['an empty value', 'SendTargets=\0', [{ key: 'SendTargets', value: '' }]],
  ['UTF-8', 'InitiatorAlias=Büro 東京\0', [{ key: 'InitiatorAlias', value: 'Büro 東京' }]],
  ['a byte order mark is text', 'InitiatorAlias=\ufeffa\0', [{ key: 'InitiatorAlias', value: '\ufeffa' }]],
  [
    'the same key twice is the negotiation’s affair',
    'A=1\0A=2\0',
    [
      { key: 'A', value: '1' },
      { key: 'A', value: '2' },
    ],
  ],
  ['the longest key name, 63 characters', `${LONG_KEY}=1\0`, [{ key: LONG_KEY, value: '1' }]],
  ['the longest value, 8,192 bytes', `X-v=${'v'.repeat(8192)}\0`, [{ key: 'X-v', value: 'v'.repeat(8192) }]],
  ['a public extension key', 'X#NodeArchitecture=a,b\0', [{ key: 'X#NodeArchitecture', value: 'a,b' }]],
  ['the one standard key with a small initial', 'iSCSIProtocolLevel=1\0', [{ key: 'iSCSIProtocolLevel', value: '1' }]],
]

describe('text (RFC 7143 6.1)', () => {
  test.each(FIXTURES)('%s', (_, text, pairs) => {
    expect(parseText(Buffer.from(text))).toEqual(pairs)
    expect(buildText(pairs)).toEqual(Buffer.from(text))
  })

  test.each(FIXTURES)('%s: truncated at every length', (_, text) => {
    const wire = Buffer.from(text)
    for (let length = 0; length < wire.length; length++) {
      const whole = wire.subarray(0, length).lastIndexOf(0) === length - 1 || length === 0
      if (whole) expect(parseText(wire.subarray(0, length))).toBeInstanceOf(Array)
      else expect(() => parseText(wire.subarray(0, length))).toThrow(WireError)
    }
  })

  test('zero bytes behind the last pair are ignored: a sender that counts its padding', () => {
    expect(parseText(Buffer.from('A=1\0\0\0\0'))).toEqual([{ key: 'A', value: '1' }])
    expect(parseText(Buffer.alloc(4))).toEqual([])
  })

  test.each([
    ['no zero byte at the end', 'A=1\0B=2', 'text: delimiter at byte 7: truncated'],
    ['no "="', 'A=1\0B\0', 'text: key at byte 4: bad value (no "=")'],
    ['an empty pair', 'A=1\0\0B=2\0', 'text: key at byte 4: bad value (no "=")'],
    ['an empty key', '=1\0', 'text: key at byte 0: bad value ("")'],
    ['a key that starts with a digit', '1A=1\0', 'text: key at byte 0: bad value ("1A")'],
    ['a space in the key', 'A=1\0B C=1\0', 'text: key at byte 4: bad value ("B C")'],
    ['a key of other letters', 'Ä=1\0', 'text: key at byte 0: bad value'],
    ['a key of 64 characters', `${LONG_KEY}a=1\0`, 'text: key at byte 0: too large (64 bytes)'],
    ['a value of 8,193 bytes', `A=1\0X-v=${'v'.repeat(8193)}\0`, 'text: X-v at byte 8: too large (8193 bytes)'],
  ])('%s is a WireError', (_, text, message) => {
    expect(() => parseText(Buffer.from(text))).toThrow(WireError)
    expect(() => parseText(Buffer.from(text))).toThrow(message)
  })

  test.each(['ff', 'c3', 'c080', 'eda080', 'f8888080'])('a value that is not UTF-8 (%s) is a WireError', (hex) => {
    const wire = Buffer.concat([Buffer.from('A=1\0Key=a'), Buffer.from(hex, 'hex'), Buffer.from('\0')])
    expect(() => parseText(wire)).toThrow('text: Key at byte 8: bad value (not UTF-8)')
  })

  test('what could not be read back is not written', () => {
    expect(() => buildText([{ key: '', value: '1' }])).toThrow(RangeError)
    expect(() => buildText([{ key: 'A=B', value: '1' }])).toThrow(RangeError)
    expect(() => buildText([{ key: 'A', value: '1\0B=2' }])).toThrow(RangeError)
    expect(() => buildText([{ key: 'A', value: 'v'.repeat(8193) }])).toThrow(RangeError)
  })

  test('random bytes: pairs that are written as they were, or a WireError', () => {
    const any = fc.array(fc.constantFrom(0, 0x3d, 0x41, 0x58, 0x23, 0x2d, 0x20, 0xc3, 0xa4, 0xff), { maxLength: 40 })
    fc.assert(
      fc.property(fc.oneof(any, fc.uint8Array()), (content) => {
        const wire = Buffer.from(content)
        let pairs: TextPair[] = []
        try {
          pairs = parseText(wire)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
          return
        }
        const written = buildText(pairs)
        expect(wire.subarray(0, written.length)).toEqual(written)
        expect(wire.subarray(written.length).every((byte) => byte === 0)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('numerical-value (RFC 7143 6.1)', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    ['65535', 65535],
    ['16777215', 16777215],
    ['0x0', 0],
    ['0x1F', 31],
    ['0X1f', 31],
    ['0x0000ffff', 65535],
    ['18446744073709551615', 2 ** 64],
  ])('%s', (text, number) => expect(parseNumber(text)).toBe(number))

  test.each([
    '',
    ' ',
    '1 ',
    ' 1',
    '-1',
    '+1',
    '1.0',
    '1e3',
    '00',
    '01',
    '0x',
    'x1',
    '0xg',
    '0b10',
    '0o7',
    'Yes',
    '1,2',
    '1~2',
  ])('not "%s"', (text) => expect(parseNumber(text)).toBeUndefined())
})
