// How many of libiscsi's tests Lunette and tgt pass on the same LUNs, side by side. tgt has its own expectations, which
// `conformance/run libiscsi --against tgt` holds it to; here nothing but its count is of interest.

import { join } from 'node:path'
import type { Judged } from './expectations.ts'
import { Report } from './report.ts'
import { type Plan, runSuite } from './runner.ts'
import type { Suite } from './suite.ts'
import { startTgt } from './targets/tgt.ts'

/** The suite's results against tgt; why there are none where it fails altogether. */
export async function tgtResults(suite: Suite, plan: Plan): Promise<readonly Judged[] | string> {
  const report = new Report(() => {})
  try {
    await runSuite(suite, {
      ...plan,
      startArray: startTgt,
      expectations: [],
      report,
      directory: join(plan.directory, 'tgt'),
    })
    return report.results
  } catch (error) {
    return (error as Error).message
  }
}

/** Of `suite`, without what is said of the array or of all tests in one run. */
const testsOf = (suite: string, results: readonly Judged[]) =>
  results.filter((each) => each.suite === suite && each.kind !== '-' && each.test.includes('.'))

/** A table of tests passed un-skipped: one line a LUN kind, and one for the union of all kinds. */
export function sideBySideLines(suite: string, ours: readonly Judged[], theirs: readonly Judged[]): string[] {
  const own = testsOf(suite, ours)
  const others = testsOf(suite, theirs)
  const kinds = [...new Set(own.map(({ kind }) => kind))]
  const line = (name: string, ...columns: readonly (number | string)[]) =>
    `  ${name.padEnd(22)}${columns.map((column) => `${column}`.padStart(9)).join('')}`
  const rows = kinds.map((kind) => {
    const tests = own.filter((each) => each.kind === kind)
    const other = others.filter((each) => each.kind === kind)
    return line(kind, new Set(tests.map(({ test }) => test)).size, passes(tests).size, passes(other).size)
  })
  const union = line(
    'on at least one of them',
    new Set(own.map(({ test }) => test)).size,
    passes(own).size,
    passes(others).size,
  )
  return [
    `${suite}, passed un-skipped`.padEnd(24) + line('', 'tests', 'Lunette', 'tgt').slice(24),
    ...rows.sort(),
    union,
  ]
}

const passes = (results: readonly Judged[]) =>
  new Set(results.filter(({ outcome }) => outcome === 'pass').map(({ test }) => test))
