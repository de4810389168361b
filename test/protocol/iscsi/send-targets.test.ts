import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  buildSendTargets,
  type DiscoveredTarget,
  formatTargetAddress,
  parseSendTargets,
  parseTargetAddress,
  type TargetAddress,
} from '../../../protocol/iscsi/send-targets.ts'
import { WireError } from '../../../protocol/wire/error.ts'

describe('TargetAddress (RFC 7143 13.8)', () => {
  test.each<[string, TargetAddress]>([
    ['10.0.0.1:5003,1', { host: '10.0.0.1', port: 5003, tag: 1 }],
    ['[2001:db8::8:800:200c:417a]:5003,65535', { host: '2001:db8::8:800:200c:417a', port: 5003, tag: 65535 }],
    ['[::1]:3260,0', { host: '::1', port: 3260, tag: 0 }],
    ['san.example.com:3260', { host: 'san.example.com', port: 3260 }],
  ])('%s', (text, address) => {
    expect(parseTargetAddress(text)).toEqual(address)
    expect(formatTargetAddress(address)).toBe(text)
  })

  test('the port is 3260 where none is given', () => {
    expect(parseTargetAddress('[2001:db8::1],65')).toEqual({ host: '2001:db8::1', port: 3260, tag: 65 })
    expect(parseTargetAddress('computingcenter.example.com,23')).toEqual({
      host: 'computingcenter.example.com',
      port: 3260,
      tag: 23,
    })
    expect(parseTargetAddress('10.0.0.1')).toEqual({ host: '10.0.0.1', port: 3260 })
  })

  test('numbers may be hexadecimal', () => {
    expect(parseTargetAddress('a:0xcbc,0x10')).toEqual({ host: 'a', port: 3260, tag: 16 })
  })

  test.each([
    '',
    ':3260',
    ',1',
    'a:',
    'a,',
    'a:b,1',
    'a:3260,x',
    'a:65536,1',
    'a:1,65536',
    'a:1,1,1',
    '::1',
    '::1:3260,1',
    '[]',
    '[::1',
    '[a]b',
    'a b',
  ])('not "%s"', (text) => expect(parseTargetAddress(text)).toBeUndefined())
})

const TARGETS: DiscoveredTarget[] = [
  {
    name: 'iqn.2026-11.io.lunette:array1',
    addresses: [
      { host: '10.0.0.1', port: 3260, tag: 1 },
      { host: 'fe80::1', port: 3261, tag: 2 },
    ],
  },
  { name: 'eui.02004567a425678d', addresses: [] },
]
const WIRE = Buffer.from(
  'TargetName=iqn.2026-11.io.lunette:array1\0TargetAddress=10.0.0.1:3260,1\0' +
    'TargetAddress=[fe80::1]:3261,2\0TargetName=eui.02004567a425678d\0',
)

describe('SendTargets response (RFC 7143 appendix C)', () => {
  test('is written and read', () => {
    expect(buildSendTargets(TARGETS)).toEqual(WIRE)
    expect(parseSendTargets(WIRE)).toEqual(TARGETS)
    expect(parseSendTargets(Buffer.alloc(0))).toEqual([])
  })

  test('other keys are passed over', () => {
    const wire = Buffer.from('TargetName=eui.02004567a425678d\0TargetAlias=Disk\0TargetAddress=a:1,1\0')
    expect(parseSendTargets(wire)).toEqual([
      { name: 'eui.02004567a425678d', addresses: [{ host: 'a', port: 1, tag: 1 }] },
    ])
  })

  test.each([
    [
      'an address before any name',
      'TargetAddress=a:1,1\0',
      'TargetAddress at byte 0: bad value (before any TargetName)',
    ],
    ['an address that is none', 'TargetName=n\0TargetAddress=a:b\0', 'TargetAddress at byte 13: bad value ("a:b")'],
    ['text that is none', 'TargetName\0', 'text: key at byte 0: bad value'],
  ])('%s is a WireError', (_, text, message) => {
    expect(() => parseSendTargets(Buffer.from(text))).toThrow(WireError)
    expect(() => parseSendTargets(Buffer.from(text))).toThrow(message)
  })

  test('truncated at every length: a shorter list, or a WireError', () => {
    for (let length = 0; length < WIRE.length; length++) expectListOrWireError(WIRE.subarray(0, length))
  })

  test('random bytes: a list, or a WireError', () => {
    const piece = fc.constantFrom('TargetName=', 'TargetAddress=', '[::1]', ':3260', ',1', '\0', 'a', '\xff')
    fc.assert(fc.property(fc.array(piece), (pieces) => expectListOrWireError(Buffer.from(pieces.join(''), 'latin1'))))
    fc.assert(fc.property(fc.uint8Array(), (any) => expectListOrWireError(Buffer.from(any))))
  })
})

function expectListOrWireError(wire: Buffer): void {
  try {
    expect(parseSendTargets(wire)).toBeInstanceOf(Array)
  } catch (error) {
    expect(error).toBeInstanceOf(WireError)
  }
}
