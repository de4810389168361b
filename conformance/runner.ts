// Runs one suite: is everything installed, which cases are wanted, start the array, run, compare with the expectations,
// stop the array. What the suite does not report, and what is wrong with the array itself, are failures too.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Expectation, expectationOf, type Judged, judge, staleExpectations } from './expectations.ts'
import { isInstalled } from './process.ts'
import type { Report } from './report.ts'
import type { Outcome, Result, Suite, TestCase } from './suite.ts'
import type { RunningArray, StartArray } from './targets/array.ts'

export interface Plan {
  readonly startArray: StartArray
  readonly expectations: readonly Expectation[]
  readonly report: Report
  /** Where images, outputs and logs go, a folder for each suite. */
  readonly directory: string
  readonly signal: AbortSignal
  /** Tests to run; all of them without it. */
  readonly only?: RegExp | undefined
  /** A missing tool is a failure, not a skip. */
  readonly requireTools: boolean
}

const ARRAY = 'array'

export async function runSuite(suite: Suite, plan: Plan): Promise<void> {
  const { report } = plan
  const missing = missingTools(suite)
  if (missing !== undefined) {
    report.add({ ...ownResult(suite, 'tools'), verdict: plan.requireTools ? 'failed' : 'skipped', why: missing })
    return report.endGroup()
  }
  const all = await suite.cases()
  for (const { kind, test, expected } of staleExpectations(plan.expectations, suite.name, all)) {
    report.add(failure(suite, 'expectations', `${kind} ${test} is expected to ${expected}, but there is no such test`))
  }
  const cases = all.filter(({ kind, test }) => plan.only?.test(`${kind} ${test}`) ?? true)
  if (cases.length > 0) await runCases(suite, cases, plan)
  report.endGroup()
  if (cases.length < all.length) return
  const results = report.results.filter((each) => each.suite === suite.name)
  for (const line of (await suite.summary?.(results)) ?? []) report.note(line)
}

export function missingTools(suite: Suite): string | undefined {
  const missing = Object.entries(suite.tools).filter(([tool]) => !isInstalled(tool))
  if (missing.length === 0) return undefined
  const packages = [...new Set(missing.map(([, name]) => name))].join(' ')
  return `missing: ${missing.map(([tool]) => tool).join(', ')} (Debian: ${packages}; conformance/install.sh installs them)`
}

async function runCases(suite: Suite, cases: readonly TestCase[], plan: Plan) {
  const { report, signal } = plan
  const directory = join(plan.directory, suite.name)
  mkdirSync(directory, { recursive: true })
  const array = await startOrReport(suite, cases, plan, directory)
  if (array === undefined) return
  const pending = new Set(cases)
  const expected = (testCase: TestCase): Outcome =>
    expectationOf(plan.expectations, suite.name, testCase)?.expected ?? 'pass'
  const onResult = (result: Result) => {
    for (const each of pending) if (each.kind === result.kind && each.test === result.test) pending.delete(each)
    report.add(judge(suite.name, result, expectationOf(plan.expectations, suite.name, result)))
  }
  let complaints: readonly string[]
  try {
    await suite.run({ array, directory, signal, startArray: plan.startArray, expected, report: onResult }, cases)
  } catch (error) {
    if (signal.aborted) throw error
    report.add(failure(suite, 'suite', `it has failed itself: ${(error as Error).stack}`)) // the other suites go on
  } finally {
    complaints = await array.stop()
  }
  for (const each of pending)
    onResult({ ...each, outcome: 'fail', detail: 'the suite ended without a result for it', durationMs: 0 })
  if (complaints.length === 0) return report.add({ ...ownResult(suite, ARRAY), verdict: 'passed' })
  report.add({ ...failure(suite, ARRAY, complaints.join('\n')), outputFile: join(directory, 'array.log') })
}

async function startOrReport(
  suite: Suite,
  cases: readonly TestCase[],
  plan: Plan,
  directory: string,
): Promise<RunningArray | undefined> {
  try {
    return await plan.startArray(suite.array(cases), directory)
  } catch (error) {
    plan.report.add(failure(suite, ARRAY, `the array does not start: ${(error as Error).message}`))
    return undefined
  }
}

const ownResult = (suite: Suite, test: string) =>
  ({ suite: suite.name, kind: '-', group: test, test, outcome: 'pass', detail: '', durationMs: 0 }) as const

const failure = (suite: Suite, test: string, why: string): Judged => ({
  ...ownResult(suite, test),
  outcome: 'fail',
  verdict: 'failed',
  why,
})
