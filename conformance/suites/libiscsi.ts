// libiscsi's iscsi-test-cu, the public conformance suite: every test in a process of its own on every kind of LUN, so that
// each verdict stands alone and a hang costs one test; then, where the kind asks, all of them as a user runs the tool.

import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FAMILIES, LUN_KINDS, type LunKind } from '../kinds.ts'
import { runTool } from '../process.ts'
import type { Bench, Result, Suite, TestCase } from '../suite.ts'
import type { ArraySpec } from '../targets/array.ts'
import { readTestList, readVerdict } from './libiscsi-output.ts'

const TEST_MS = 60_000
const TOGETHER_MS = 300_000
/** A LUN that hangs this many tests is given up. */
const TIMEOUTS_MAX = 3
const TOGETHER = 'all in one run'
const LUN = 0

const iqn = (kind: string) => `iqn.2026-11.io.lunette:${kind.toLowerCase()}`

export const LIBISCSI: Suite = {
  name: 'libiscsi',
  about: 'iscsi-test-cu, one process per test, on each kind of LUN',
  tools: { 'iscsi-test-cu': 'libiscsi-bin' },

  async cases() {
    const known = readTestList(execFileSync('iscsi-test-cu', ['-l'], { encoding: 'utf8' })).filter((test) =>
      FAMILIES.test(test),
    )
    return LUN_KINDS.flatMap((kind) => [
      ...known.filter((test) => kind.only?.test(test) ?? true).map((test) => caseOf(kind, test.split('.')[0]!, test)),
      ...(kind.together === true ? [caseOf(kind, TOGETHER, TOGETHER)] : []),
    ])
  },

  array(cases): ArraySpec {
    const kinds = kindsOf(cases)
    return {
      targets: kinds.map((kind) => ({ iqn: iqn(kind.name), luns: [{ id: LUN, ...kind.lun }] })),
      portals: kinds.some((kind) => kind.paths === 2) ? 2 : 1,
    }
  },

  async run(bench, cases) {
    for (const kind of kindsOf(cases))
      await runKind(
        bench,
        kind,
        cases.filter((each) => each.kind === kind.name),
      )
  },
}

const caseOf = (kind: LunKind, group: string, test: string): TestCase => ({ kind: kind.name, group, test })

const kindsOf = (cases: readonly TestCase[]) =>
  LUN_KINDS.filter((kind) => cases.some((each) => each.kind === kind.name))

async function runKind(bench: Bench, kind: LunKind, cases: readonly TestCase[]) {
  mkdirSync(join(bench.directory, kind.name), { recursive: true })
  let timeouts = 0
  for (const testCase of cases) {
    const ended = bench.array.ended()
    const givenUp = timeouts >= TIMEOUTS_MAX ? `not run: ${TIMEOUTS_MAX} tests of this LUN hang` : undefined
    const hopeless = ended ?? givenUp
    if (hopeless !== undefined) {
      bench.report({ ...testCase, outcome: 'fail', detail: hopeless, durationMs: 0 })
      continue
    }
    const result = await runTest(bench, kind, testCase, cases)
    if (result.timedOut) timeouts += 1
    bench.report(result)
  }
}

async function runTest(bench: Bench, kind: LunKind, testCase: TestCase, cases: readonly TestCase[]) {
  const together = testCase.test === TOGETHER
  const outputFile = join(bench.directory, kind.name, `${testCase.test.replaceAll(' ', '-')}.txt`)
  const selection = together ? togetherFile(bench, kind, cases) : `ALL.${testCase.test}`
  const urls = Array.from({ length: kind.paths ?? 1 }, (_, portal) => bench.array.url(iqn(kind.name), LUN, portal))
  const command = ['iscsi-test-cu', '-d', '-n', ...(together ? [] : ['-V']), '-t', selection, ...urls]
  const timeoutMs = together ? TOGETHER_MS : TEST_MS
  const { status, timedOut, durationMs, output } = await runTool(command, {
    outputFile,
    timeoutMs,
    signal: bench.signal,
  })
  const read = readVerdict(output, status)
  // In company, skips are not told apart: each was judged alone.
  const verdict = together && read.outcome === 'skip' ? { outcome: 'pass' as const, detail: '' } : read
  const failed = timedOut ? { outcome: 'fail' as const, detail: `no end within ${timeoutMs / 1000} s` } : verdict
  if (failed.outcome === bench.expected(testCase)) rmSync(outputFile)
  return { ...testCase, ...failed, durationMs, outputFile, timedOut } satisfies Result & { timedOut: boolean }
}

/** A file of test names, which -t accepts: all that are not expected to fail. */
function togetherFile(bench: Bench, kind: LunKind, cases: readonly TestCase[]): string {
  const file = join(bench.directory, kind.name, 'tests.txt')
  const tests = cases.filter((each) => each.test !== TOGETHER && bench.expected(each) !== 'fail')
  writeFileSync(file, tests.map(({ test }) => `ALL.${test}\n`).join(''))
  return file
}
