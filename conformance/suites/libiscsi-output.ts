// Reads what one test of libiscsi's iscsi-test-cu 1.19 (-d -n -V) has printed. Its exit status and its CUnit summary tell
// pass from fail; a skip counts as a pass there, so it is told from the text: a line [SKIPPED], or a test that sends
// nothing and says nothing (a LUN too big for it, a prerequisite that it drops without a word).

import type { Outcome } from '../suite.ts'

export interface ToolVerdict {
  readonly outcome: Outcome
  readonly detail: string
}

/** Between CUnit's banner and its summary stands the test itself. */
const BANNER = 'http://cunit.sourceforge.net/'
const SUMMARY = /^Run Summary:.*\n(?:.*\n)*? +tests +(?<total>\d+) +(?<ran>\d+) +(?<passed>\d+) +(?<failed>\d+) /m
/** The suite's clean-up looks for reservation keys; what it meets says nothing about the test. */
const CLEAN_UP = 'Send PRIN/READ_KEYS'
const DETAIL_LINES_MAX = 12

export function readVerdict(output: string, status: number | null): ToolVerdict {
  const summary = SUMMARY.exec(output)?.groups
  if (summary === undefined) return { outcome: 'fail', detail: `no summary, status ${status}: ${lastLine(output)}` }
  if (Number(summary.total) === 0) return { outcome: 'fail', detail: 'iscsi-test-cu knows no test of that name' }
  const body = bodyOf(output)
  if (status !== 0 || Number(summary.failed) > 0) return { outcome: 'fail', detail: failures(body, status) }
  const skipped = body.filter((line) => line.includes('[SKIPPED]'))
  if (skipped.length > 0)
    return { outcome: 'skip', detail: [...new Set(skipped)].join('; ').replaceAll('[SKIPPED] ', '') }
  if (body.length === 0) return { outcome: 'skip', detail: 'a silent skip: the test sent nothing and said nothing' }
  return { outcome: 'pass', detail: '' }
}

/** The test's own lines, without the blank ones. */
function bodyOf(output: string): string[] {
  const start = output.indexOf(BANNER) + BANNER.length
  const text = output.slice(start, output.indexOf('\nRun Summary:', start))
  const cleanUp = text.lastIndexOf(CLEAN_UP)
  return (cleanUp < 0 ? text : text.slice(0, cleanUp))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function failures(body: readonly string[], status: number | null): string {
  const lines = body.filter(
    (line) => line.startsWith('[FAILED]') || line.startsWith('[FAIL]') || /^\d+\. .*\.c:\d+/.test(line),
  )
  if (lines.length === 0) return `status ${status} without a failed assertion: ${body.at(-1) ?? 'no output'}`
  const left = lines.length - DETAIL_LINES_MAX
  return [...lines.slice(0, DETAIL_LINES_MAX), ...(left > 0 ? [`and ${left} more`] : [])].join('\n')
}

const lastLine = (output: string) => output.trimEnd().split('\n').at(-1) ?? ''

/** The tests that `iscsi-test-cu -l` names, each once, as SUITE.TEST. */
export function readTestList(output: string): string[] {
  return output.split('\n').flatMap((line) => /^ALL\.(?<test>[^.]+\.[^.]+)$/.exec(line.trim())?.groups?.test ?? [])
}
