import { describe, expect, test } from 'vitest'
import type { Judged, Verdict } from '../../conformance/expectations.ts'
import { count, countLine, groupLines, Report } from '../../conformance/report.ts'

const judged = (group: string, test: string, verdict: Verdict, more: Partial<Judged> = {}): Judged => ({
  ...{ suite: 'libiscsi', kind: 'thin512', group, test, outcome: 'pass', detail: '', durationMs: 500, verdict },
  ...more,
})

test('the count line, as .ci/run adds it up', () => {
  const results = [
    judged('a', 'a', 'passed'),
    judged('b', 'b', 'failed'),
    judged('c', 'c', 'skipped'),
    judged('d', 'd', 'passed'),
  ]
  expect(countLine(count(results))).toBe('2 passed, 1 failed, 1 skipped')
  expect(countLine(count([]))).toBe('0 passed, 0 failed, 0 skipped')
})

describe('a group of tests', () => {
  test('that is as expected is one line, with its duration', () => {
    const lines = groupLines([judged('Read10', 'Read10.Simple', 'passed'), judged('Read10', 'Read10.Async', 'skipped')])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^libiscsi +thin512 +Read10 +1 passed, 1 skipped +1\.0 s$/)
  })

  test('tells each failure with its cause and the file of the whole output', () => {
    const failed = judged('Read10', 'Read10.Async', 'failed', { why: 'first\nsecond', outputFile: 'async.txt' })
    const lines = groupLines([judged('Read10', 'Read10.Simple', 'passed'), failed])
    expect(lines[0]).toMatch(/1 failed, 1 passed/)
    expect(lines.slice(1).map((line) => line.trim())).toEqual([
      'failed: Read10.Async',
      'first',
      'second',
      'full output: async.txt',
    ])
  })

  test('of one test needs no second name, and tells why it is skipped', () => {
    const lines = groupLines([judged('tools', 'tools', 'skipped', { why: 'missing: fio' })])
    expect(lines.map((line) => line.trim())).toEqual([expect.stringMatching(/tools +skipped/), 'missing: fio'])
  })
})

test('the report says a line whenever a group ends', () => {
  const said: string[] = []
  const report = new Report((line) => said.push(line))
  report.add(judged('Read10', 'Read10.Simple', 'passed'))
  report.add(judged('Read10', 'Read10.Async', 'passed'))
  expect(said).toHaveLength(0)
  report.add(judged('Read12', 'Read12.Simple', 'passed'))
  expect(said).toHaveLength(1)
  report.endGroup()
  report.endGroup()
  expect(said.map((line) => line.split(/ {2,}/)[2])).toEqual(['Read10', 'Read12'])
})
