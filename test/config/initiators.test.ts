// Lists of initiators with wildcards: what an entry may be, and whom it stands for.

import { describe, expect, test } from 'vitest'
import { matcher, normalizeInitiator } from '../../src/config/initiators.ts'

const HOST = 'iqn.2026-11.com.example:rack1.host7'

describe('an entry', () => {
  test.each([
    ['iqn.2026-11.com.Example:Host', 'iqn.2026-11.com.example:host'],
    ['EUI.0123456789ABCDEF', 'eui.0123456789abcdef'],
    ['iqn.2026-11.com.Example:*', 'iqn.2026-11.com.example:*'],
    ['*', '*'],
    ['**', '*'],
    ['iqn.***:x', 'iqn.*:x'],
    ['*:Rack1.*', '*:rack1.*'],
    ['i*', 'i*'],
    ['naa.5*', 'naa.5*'],
  ])('%s is kept as %s', (text, kept) => expect(normalizeInitiator(text)).toBe(kept))

  test.each([
    ['', 'nothing'],
    ['iqn', 'no name'],
    ['host*', 'no type of name begins so'],
    ['iqm.*', 'no type of name begins so'],
    ['iqn.2026-11.com.example:a b*', 'a space'],
    ['iqn.2026-11.com.example:h?st*', 'another wildcard'],
    ['iqn.2026-11.com.example:[ab]*', 'a set'],
    [`iqn.*${'x'.repeat(219)}`, 'longer than a name (RFC 7143 4.2.7.1)'],
  ])('%j is none: %s', (text) => expect(normalizeInitiator(text)).toBeUndefined())
})

describe('* is any run of characters', () => {
  test.each([
    ['*', HOST, true],
    ['iqn.2026-11.com.example:*', HOST, true],
    ['iqn.2026-11.com.example:*', 'iqn.2026-11.com.example:', true],
    ['iqn.2026-11.com.example:*', 'iqn.2026-11.com.example', false],
    ['iqn.2026-11.com.example:*', 'iqn.2026-11.com.example.evil:rack1', false],
    ['iqn.*', HOST, true],
    ['*host7', HOST, true],
    ['*host', HOST, false],
    ['*:rack1.*', HOST, true],
    ['iqn.*:rack1.host*', HOST, true],
    ['iqn.*:rack2.host*', HOST, false],
    ['iqn.2026-11.com.example:rack1.*host7', HOST, true],
    ['iqn.2026-11.com.example:rack1.h*host7', HOST, false],
    ['*rack1*rack1*', HOST, false],
    ['*1*1*7', HOST, true],
    ['*7*', HOST, true],
    ['eui.*', HOST, false],
  ])('%s, %s: %s', (pattern, name, admitted) => expect(matcher([pattern])(name)).toBe(admitted))

  test('a dot is a dot: nothing else in an entry is special', () => {
    expect(matcher(['iqn.2026-11.com.example:*'])('iqnx2026-11xcomxexample:host')).toBe(false)
  })

  test('many wildcards and a long name that almost matches are no work to speak of', () => {
    const is = matcher([`iqn.${'*a'.repeat(100)}*b`])
    expect(is(`iqn.${'a'.repeat(200)}`)).toBe(false)
    expect(is(`iqn.${'a'.repeat(200)}b`)).toBe(true)
  })
})

test('any is everybody, an empty list nobody, a list each of its entries', () => {
  expect(matcher('any')('whoever')).toBe(true)
  expect(matcher([])(HOST)).toBe(false)
  const is = matcher(['eui.0123456789abcdef', 'iqn.*:rack1.*'])
  expect([HOST, 'eui.0123456789abcdef', 'eui.0123456789abcdee'].map(is)).toEqual([true, true, false])
})
