// Portals: HOST:PORT and [IPV6]:PORT.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatPortal, parsePortal } from '../../src/config/portal.ts'

describe('parsePortal', () => {
  test.each([
    ['127.0.0.1:3260', '127.0.0.1', 3260],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['localhost:65535', 'localhost', 65535],
    ['a-b.example.com:3260', 'a-b.example.com', 3260],
    ['[::1]:3260', '::1', 3260],
    ['[::]:0', '::', 0],
    ['[::ffff:10.0.0.1]:3260', '::ffff:10.0.0.1', 3260],
    ['[fe80::1%eth0]:3260', 'fe80::1%eth0', 3260],
  ])('%s', (text, host, port) => {
    expect(parsePortal(text)).toEqual({ host, port })
    expect(formatPortal({ host, port })).toBe(text)
  })

  test.each([
    ['no port', '127.0.0.1'],
    ['an empty port', '127.0.0.1:'],
    ['an empty host', ':3260'],
    ['a port over 65535', '127.0.0.1:65536'],
    ['a port in words', '127.0.0.1:iscsi'],
    ['a negative port', '127.0.0.1:-1'],
    ['IPv6 without brackets', '::1:3260'],
    ['IPv6 without a port', '[::1]'],
    ['IPv6 with two elisions', '[1::2::3]:3260'],
    ['IPv6 with a group too many', '[1:2:3:4:5:6:7:8:9]:3260'],
    ['IPv6 with an empty zone', '[fe80::1%]:3260'],
    ['IPv6 with two zones', '[fe80::1%a%b]:3260'],
    ['a name in brackets', '[localhost]:3260'],
    ['IPv4 in brackets', '[127.0.0.1]:3260'],
    ['an octet over 255', '127.0.0.256:3260'],
    ['three octets', '127.0.1:3260'],
    ['five octets', '1.2.3.4.5:3260'],
    ['octets with leading zeroes, which some read as octal', '010.0.0.1:3260'],
    ['a trailing dot', '1.2.3.4.:3260'],
    ['a path', '127.0.0.1:3260/x'],
    ['white space', ' 127.0.0.1:3260'],
    ['a name with an empty label', 'a..b:3260'],
    ['a name that starts with a hyphen', '-a:3260'],
    ['a URL', 'iscsi://127.0.0.1:3260'],
    ['a wildcard', '*:3260'],
    ['nothing', ''],
  ])('refuses %s', (_, text) => expect(parsePortal(text)).toBeUndefined())

  test('takes every IPv4 and IPv6 address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 65535 }), (host, port) => {
        expect(parsePortal(formatPortal({ host, port }))).toEqual({ host, port })
      }),
    )
  })
})
