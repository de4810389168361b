// How much of the public suite has been passed: a test counts when it has run un-skipped, and passed, on at least one LUN.

import type { Judged } from '../expectations.ts'

const MISSED_LINES_MAX = 60

export interface Coverage {
  readonly total: number
  readonly passed: readonly string[]
  /** The others, each with what it did on the LUNs on which it ran. */
  readonly missed: readonly { readonly test: string; readonly how: string }[]
}

/** Of `known`, all the tests that the tool has, by `results`: those of the runs of one test alone. */
export function coverageOf(known: readonly string[], results: readonly Judged[]): Coverage {
  const passed = new Set(results.filter((each) => each.outcome === 'pass').map(({ test }) => test))
  return {
    total: known.length,
    passed: known.filter((test) => passed.has(test)),
    missed: known.filter((test) => !passed.has(test)).map((test) => ({ test, how: howMissed(test, results) })),
  }
}

function howMissed(test: string, results: readonly Judged[]): string {
  const runs = results.filter((each) => each.test === test)
  if (runs.length === 0) return 'did not run'
  return runs
    .map(({ kind, outcome, verdict }) => `${kind}: ${verdict === 'skipped' ? 'known ' : ''}${outcome}`)
    .join(', ')
}

export function coverageLines({ total, passed, missed }: Coverage): string[] {
  const named = missed.slice(0, MISSED_LINES_MAX).map(({ test, how }) => `    not ${test} (${how})`)
  const left = missed.length - named.length
  return [
    `libiscsi: ${passed.length} of ${total} tests passed un-skipped on at least one LUN`,
    ...named,
    ...(left > 0 ? [`    nor ${left} more`] : []),
  ]
}
