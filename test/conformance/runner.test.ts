// The runner with suites and an array of the tests' own: what it must notice besides what a suite reports.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Expectation, parseExpectations } from '../../conformance/expectations.ts'
import { Report } from '../../conformance/report.ts'
import { missingTools, type Plan, runSuite } from '../../conformance/runner.ts'
import type { Suite, TestCase } from '../../conformance/suite.ts'
import type { StartArray } from '../../conformance/targets/array.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'lunette-runner-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const CASES: readonly TestCase[] = ['one', 'two'].map((test) => ({ kind: 'thin512', group: test, test }))

const suiteThat = (reports: readonly string[], more: Partial<Suite> = {}): Suite => ({
  name: 'example',
  about: '',
  tools: { sh: 'dash' },
  cases: async () => CASES,
  array: () => ({ targets: [] }),
  async run(bench, cases) {
    for (const each of cases) {
      if (reports.includes(each.test)) bench.report({ ...each, outcome: 'pass', detail: '', durationMs: 0 })
    }
  },
  ...more,
})

const arrayThat =
  (complaints: readonly string[]): StartArray =>
  async () => ({
    portals: ['127.0.0.1:1'],
    lun: (id) => id,
    url: () => '',
    ended: () => undefined,
    logged: () => '',
    change: async () => {},
    restart: async () => {},
    stop: async () => complaints,
  })

async function run(suite: Suite, more: Partial<Plan> = {}) {
  const report = new Report(() => {})
  const signal = new AbortController().signal
  await runSuite(suite, {
    startArray: arrayThat([]),
    expectations: [],
    report,
    directory,
    signal,
    requireTools: false,
    ...more,
  })
  return report.results.map(({ test, verdict, why }) => [test, verdict, why ?? ''])
}

describe('runSuite', () => {
  test('reports every case, and that the array ended well', async () => {
    expect(await run(suiteThat(['one', 'two']))).toEqual([
      ['one', 'passed', ''],
      ['two', 'passed', ''],
      ['array', 'passed', ''],
    ])
  })

  test('a case without a result fails', async () => {
    expect(await run(suiteThat(['one']))).toContainEqual(['two', 'failed', 'the suite ended without a result for it'])
  })

  test('an array that does not end well or logs an error fails', async () => {
    const results = await run(suiteThat(['one', 'two']), { startArray: arrayThat(['logged: oh']) })
    expect(results).toContainEqual(['array', 'failed', 'logged: oh'])
  })

  test('an array that does not start fails the suite once', async () => {
    const startArray = () => Promise.reject(new Error('no port'))
    expect(await run(suiteThat([]), { startArray })).toEqual([['array', 'failed', 'the array does not start: no port']])
  })

  test('--only runs and misses nothing but what matches', async () => {
    expect(await run(suiteThat(['one']), { only: /^thin512 one$/ })).toEqual([
      ['one', 'passed', ''],
      ['array', 'passed', ''],
    ])
    expect(await run(suiteThat([]), { only: /nothing/ })).toEqual([])
  })

  test('an expectation that names no test fails, with --only as well', async () => {
    const expectations: Expectation[] = parseExpectations(
      '- { suite: example, kind: thin512, test: three, expected: skip, reason: it has gone away, clause: SBC-4 }',
      'file',
    )
    const stale = ['expectations', 'failed', 'thin512 three is expected to skip, but there is no such test']
    expect(await run(suiteThat(['one', 'two']), { expectations })).toContainEqual(stale)
    expect(await run(suiteThat([]), { expectations, only: /nothing/ })).toEqual([stale])
  })

  test('a missing tool names its Debian package, and is a skip unless tools are required', async () => {
    const suite = suiteThat([], {
      tools: { sh: 'dash', 'no-such-tool': 'such-tools', 'qemu/no-such.so': 'such-tools' },
    })
    const why = 'missing: no-such-tool, qemu/no-such.so (Debian: such-tools; conformance/install.sh installs them)'
    expect(missingTools(suite)).toBe(why)
    expect(await run(suite)).toEqual([['tools', 'skipped', why]])
    expect(await run(suite, { requireTools: true })).toEqual([['tools', 'failed', why]])
  })
})
