import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { asset } from '../../conformance/root.ts'
import { readGuestLine, readGuestTests } from '../../conformance/suites/guest.ts'

describe('the conversation with the guest', () => {
  test.each([
    ['begin write_same', { says: 'begin', name: 'write_same' }],
    ['| FAILED: fio  ', { says: 'output', line: 'FAILED: fio' }],
    ['|', { says: 'output', line: '' }],
    ['end write_same 14', { says: 'end', name: 'write_same', status: 14 }],
    ['host restart SIGKILL', { says: 'restart', signal: 'SIGKILL' }],
  ])('%s', (line, meaning) => expect(readGuestLine(line)).toEqual(meaning))

  test.each(['', 'host restart SIGHUP', 'host', 'begin', 'end write_same', '[ 1.2] kernel: hello'])(
    'anything else is no part of it: %j',
    (line) => expect(readGuestLine(line)).toBeUndefined(),
  )
})

test('a test is a function with its kind of LUN and what it shows', () => {
  const script = 'helper() { # not: one\n}\ntest_write_same() { # thin512: repeats a block\n  attach\n}\n'
  expect(readGuestTests(script)).toEqual([
    { kind: 'thin512', group: 'write same', test: 'write same', name: 'write_same', about: 'repeats a block' },
  ])
})

test('every function test_* of the guest is found, each name once', () => {
  const folder = asset('vm', 'guest')
  const scripts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  const defined = scripts.flatMap((script) => script.match(/^test_\w+/gm) ?? [])
  expect(scripts.flatMap(readGuestTests).map(({ name }) => `test_${name}`)).toEqual(defined)
  expect(new Set(defined).size).toBe(defined.length)
})
