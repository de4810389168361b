import { describe, expect, test } from 'vitest'
import {
  expectationOf,
  judge,
  parseExpectations,
  readExpectations,
  staleExpectations,
} from '../../conformance/expectations.ts'
import { asset } from '../../conformance/root.ts'
import type { Outcome, Result } from '../../conformance/suite.ts'

const FILE = 'lunette.yaml'
const YAML = `
- { suite: libiscsi, kind: [thick512, thin512], test: [Unmap.Simple, Unmap.VPD], expected: skip, says: provisioned,
    reason: a thick LUN has no UNMAP, clause: SBC-4 4.7.2 }
- { suite: libiscsi, kind: thin512, test: iSCSITMF.LUNResetSimpleAsync, expected: fail,
    reason: the test cannot pass, clause: RFC 7143 11.5 }
`
const result = (test: string, outcome: Outcome, detail = ''): Result => ({
  ...{ kind: 'thin512', group: test, test, outcome, detail, durationMs: 1 },
})
const judged = (each: Result) => judge('libiscsi', each, expectationOf(parseExpectations(YAML, FILE), 'libiscsi', each))

describe('the verdict', () => {
  test('a test without an entry must pass', () => {
    expect(judged(result('Read10.Simple', 'pass')).verdict).toBe('passed')
    expect(judged(result('Read10.Simple', 'fail', 'test.c:1'))).toMatchObject({ verdict: 'failed', why: 'test.c:1' })
  })

  test('a skip without an entry fails', () => {
    expect(judged(result('Read10.Simple', 'skip', 'not implemented'))).toMatchObject({
      verdict: 'failed',
      why: expect.stringContaining('a skip where a pass is expected: not implemented'),
    })
  })

  test('an expected skip is skipped, with its reason and clause', () => {
    expect(judged(result('Unmap.Simple', 'skip', 'fully provisioned'))).toMatchObject({
      verdict: 'skipped',
      why: 'a thick LUN has no UNMAP (SBC-4 4.7.2)',
    })
  })

  test('an expected skip for another reason fails', () => {
    expect(judged(result('Unmap.Simple', 'skip', 'not implemented')).verdict).toBe('failed')
  })

  test('an expected failure is skipped: it shows nothing', () => {
    expect(judged(result('iSCSITMF.LUNResetSimpleAsync', 'fail', 'x'))).toMatchObject({
      verdict: 'skipped',
      why: expect.stringContaining('known failure'),
    })
  })

  test.each(['Unmap.Simple', 'iSCSITMF.LUNResetSimpleAsync'])('an unexpected pass fails: %s', (name) => {
    expect(judged(result(name, 'pass'))).toMatchObject({
      verdict: 'failed',
      why: expect.stringContaining('unexpected pass'),
    })
  })

  test('a failure where a skip is expected, and a skip where a failure is expected, fail', () => {
    expect(judged(result('Unmap.VPD', 'fail', 'x')).verdict).toBe('failed')
    expect(judged(result('iSCSITMF.LUNResetSimpleAsync', 'skip')).verdict).toBe('failed')
  })
})

test('an entry that names no test of its suite is stale; entries of other suites are left alone', () => {
  const expectations = parseExpectations(YAML, FILE)
  const cases = [
    { kind: 'thin512', group: '', test: 'Unmap.Simple' },
    { kind: 'thick512', group: '', test: 'Unmap.VPD' },
    { kind: 'thin512', group: '', test: 'Unmap.VPD' },
  ]
  const stale = staleExpectations(expectations, 'libiscsi', cases).map(({ kind, test }) => `${kind} ${test}`)
  expect(stale).toEqual(['thick512 Unmap.Simple', 'thin512 iSCSITMF.LUNResetSimpleAsync'])
  expect(staleExpectations(expectations, 'qemu', [])).toEqual([])
})

describe('the file', () => {
  const entry = (text: string) => () => parseExpectations(text, FILE)

  test('an empty file expects every test to pass', () => expect(parseExpectations('# nothing\n', FILE)).toEqual([]))

  test.each([
    ['no reason', '- { suite: qemu, kind: all, test: x, expected: skip, clause: SBC-4 5 }', /reason/],
    ['no clause', '- { suite: qemu, kind: all, test: x, expected: skip, reason: because it is so }', /clause/],
    [
      'another outcome',
      '- { suite: q, kind: a, test: x, expected: maybe, reason: because it is so, clause: SBC }',
      /expected/,
    ],
    [
      'an unknown key',
      '- { suite: q, kind: a, test: x, expected: skip, reason: because it is so, clause: SBC, why: x }',
      /why/,
    ],
    ['no tests', '- { suite: q, kind: a, test: [], expected: skip, reason: because it is so, clause: SBC }', /test/],
    ['no list', 'suite: qemu', /lunette\.yaml/],
  ])('is refused with the file named: %s', (_, text, says) => {
    expect(entry(text)).toThrow(says)
    expect(entry(text)).toThrow(FILE)
  })

  test('two expectations of one test are refused', () => {
    const one = '- { suite: q, kind: a, test: x, expected: skip, reason: because it is so, clause: SBC }\n'
    expect(entry(one + one)).toThrow('q a x has two expectations')
  })

  test.each(['lunette', 'tgt'])('expectations/%s.yaml is one', (target) => {
    expect(readExpectations(asset('expectations', `${target}.yaml`)).length).toBeGreaterThan(0)
  })
})
