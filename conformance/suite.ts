// What a suite is: a public tool or a real initiator that judges a running array. One row of suites.ts each; the runner
// starts the array that the suite asks for, compares what it reports with the expectations, and stops the array.

import type { Judged } from './expectations.ts'
import type { ArraySpec, RunningArray, StartArray } from './targets/array.ts'

/** One thing that passes, is skipped or fails. `group` is what one line of the report stands for. */
export interface TestCase {
  readonly kind: string
  readonly group: string
  readonly test: string
}

export type Outcome = 'pass' | 'skip' | 'fail'

export interface Result extends TestCase {
  readonly outcome: Outcome
  /** What the tool said: the reason of a skip, the assertions of a failure. */
  readonly detail: string
  readonly durationMs: number
  /** The tool's whole output, kept when the verdict is a failure. */
  readonly outputFile?: string
}

export interface Bench {
  readonly array: RunningArray
  /** An empty directory of the suite's own for images and outputs. */
  readonly directory: string
  readonly signal: AbortSignal
  /** Starts another array in a directory; who starts it stops it. */
  readonly startArray: StartArray
  expected(testCase: TestCase): Outcome
  report(result: Result): void
}

export interface Suite {
  readonly name: string
  readonly about: string
  /** Program, or library under /usr/lib, to the Debian package that holds it. */
  readonly tools: Readonly<Record<string, string>>
  /** It runs in virtual machines: a lane of its own beside the suites that mostly wait. */
  readonly inMachines?: true
  /** Of what Lunette alone has: for another array it runs where it is named. */
  readonly ownOnly?: true
  cases(): Promise<readonly TestCase[]>
  /** The array that these cases need. */
  array(cases: readonly TestCase[]): ArraySpec
  /** Reports every case once. */
  run(bench: Bench, cases: readonly TestCase[]): Promise<void>
  /** What all its results together say; printed at its end. */
  summary?(results: readonly Judged[]): Promise<readonly string[]>
}
