// The report: one line per group of tests as it ends, failures in full, and the count line that .ci/run adds up.

import type { Judged, Verdict } from './expectations.ts'

export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export function count(results: readonly Judged[]): Counts {
  const number = (verdict: Verdict) => results.filter((each) => each.verdict === verdict).length
  return { passed: number('passed'), failed: number('failed'), skipped: number('skipped') }
}

export const countLine = ({ passed, failed, skipped }: Counts) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`

/** Collects results; says one line for each run of results of one suite, kind and group. */
export class Report {
  readonly results: Judged[] = []
  readonly #say: (line: string) => void
  #group: Judged[] = []

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  add(result: Judged) {
    if (this.#group[0] !== undefined && groupName(this.#group[0]) !== groupName(result)) this.endGroup()
    this.results.push(result)
    this.#group.push(result)
  }

  note(line: string) {
    this.endGroup()
    this.#say(line)
  }

  endGroup() {
    if (this.#group.length === 0) return
    for (const line of groupLines(this.#group)) this.#say(line)
    this.#group = []
  }
}

const groupName = ({ suite, kind, group }: Judged) => `${suite.padEnd(11)} ${kind.padEnd(9)} ${group}`

export function groupLines(group: readonly Judged[]): string[] {
  const first = group[0]!
  const seconds = group.reduce((sum, each) => sum + each.durationMs, 0) / 1000
  const line = `${groupName(first).padEnd(64)} ${summary(group).padEnd(24)} ${seconds.toFixed(1).padStart(5)} s`
  const alone = group.length === 1 && first.test === first.group
  const details = group
    .filter((each) => each.verdict === 'failed' || (alone && each.verdict === 'skipped'))
    .flatMap((each) => detailLines(each, alone))
  return [line, ...details]
}

function summary(group: readonly Judged[]): string {
  if (group.length === 1) return group[0]!.verdict
  const counts = count(group)
  return (['failed', 'passed', 'skipped'] as const)
    .filter((verdict) => counts[verdict] > 0)
    .map((verdict) => `${counts[verdict]} ${verdict}`)
    .join(', ')
}

function detailLines({ test, verdict, why, outputFile }: Judged, alone: boolean): string[] {
  const title = alone ? [] : [`    ${verdict}: ${test}`]
  const text = (why ?? '').split('\n').map((line) => `      ${line}`)
  const output = verdict === 'failed' && outputFile !== undefined ? [`      full output: ${outputFile}`] : []
  return [...title, ...text, ...output]
}
