// Reads what one test of libiscsi's iscsi-test-cu 1.19 (-d -n -V) has printed. Its exit status and its CUnit summary tell
// pass from fail; a skip counts as a pass there, so it is told from the text: a line [SKIPPED], or a test that never comes
// to what it is named after (a LUN too big for it, a prerequisite that it drops without a word).

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

/** Of `test`, or of several tests without one. */
export function readVerdict(test: string | undefined, output: string, status: number | null): ToolVerdict {
  const summary = SUMMARY.exec(output)?.groups
  if (summary === undefined) return { outcome: 'fail', detail: `no summary, status ${status}: ${lastLine(output)}` }
  if (Number(summary.total) === 0) return { outcome: 'fail', detail: 'iscsi-test-cu knows no test of that name' }
  const body = bodyOf(test, output)
  if (status !== 0 || Number(summary.failed) > 0) return { outcome: 'fail', detail: failures(body, status) }
  const skipped = body.filter((line) => line.includes('[SKIPPED]'))
  if (skipped.length > 0)
    return { outcome: 'skip', detail: [...new Set(skipped)].join('; ').replaceAll('[SKIPPED] ', '') }
  if (body.length === 0) return { outcome: 'skip', detail: 'a silent skip: the test sent nothing and said nothing' }
  const subject = subjectOf(test)
  if (subject !== undefined && !body.some((line) => subject.test(line)))
    return { outcome: 'skip', detail: `a silent skip: the test printed nothing like ${subject}` }
  return { outcome: 'pass', detail: '' }
}

/** What -V prints of the commands that a test is about; those that send by other means than the tool's own print none. */
const SUBJECTS: Readonly<Record<string, RegExp>> = {
  CompareAndWrite: /Send COMPAREANDWRITE/,
  ExtendedCopy: /Send EXTENDED COPY/,
  GetLBAStatus: /Send GET_LBA_STATUS/,
  NoMedia: /Send WRITEVERIFY16/,
  OrWrite: /Send ORWRITE/,
  PreventAllow: /Send PREVENTALLOW/,
  ProutClear: /Send PROUT\/CLEAR/,
  ProutPreempt: /Send PROUT\/PREEMPT/,
  ProutReserve: /Send PROUT\/RESERVE/,
  ReadOnly: /Send WRITEVERIFY16/,
  ReceiveCopyResults: /Send RECEIVE COPY RESULTS/,
  ReportSupportedOpcodes: /Send REPORT_SUPPORTED_OPCODE/,
  Reserve6: /Send RESERVE6/,
  Sanitize: /Send (an asynchronous )?SANITIZE/,
  StartStopUnit: /Send STARTSTOPUNIT/,
  TestUnitReady: /Send TESTUNITREADY/,
  Unmap: /Send UNMAP/,
  WriteAtomic16: /Send WRITEATOMIC16/,
  'MultipathIO.CompareAndWrite': /Send COMPAREANDWRITE/,
}
/** Suites that are named as the tool names their command. */
const NAMED_AFTER_COMMAND = /^(?:(?:Prefetch|Read|ReadDefectData|Verify|Write|WriteSame|WriteVerify)\d+)$/
/** They queue commands by themselves. */
const SILENT = /\.Async$/

function subjectOf(test: string | undefined): RegExp | undefined {
  if (test === undefined || SILENT.test(test)) return undefined
  const suite = test.split('.')[0]!
  return (
    SUBJECTS[test] ??
    SUBJECTS[suite] ??
    (NAMED_AFTER_COMMAND.test(suite) ? new RegExp(`Send ${suite.toUpperCase()}`) : undefined)
  )
}

/** The test's own lines, without the blank ones. Tests of reservation keys print what the clean-up prints: its is the last. */
function bodyOf(test: string | undefined, output: string): string[] {
  const start = output.indexOf(BANNER) + BANNER.length
  const text = output.slice(start, output.indexOf('\nRun Summary:', start))
  const cleanUp = /^Pr(in|out)/.test(test ?? '') ? text.lastIndexOf(CLEAN_UP) : text.indexOf(CLEAN_UP)
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
