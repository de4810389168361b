// libiscsi's iscsi-test-cu, the public conformance suite: every test in a process of its own on every kind of LUN that can
// run it, so that each verdict stands alone and a hang costs one test; then, where the kind asks, all of them as a user
// runs the tool. The kinds run at the same time: most of the time is the tool's own waiting.

import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LUN_KINDS, type LunKind } from '../kinds.ts'
import { runTool } from '../process.ts'
import type { Bench, Result, Suite, TestCase } from '../suite.ts'
import { coverageLines, coverageOf } from './libiscsi-coverage.ts'
import { readTestList, readVerdict } from './libiscsi-output.ts'

const TEST_MS = 60_000
/** Sanitize.Reset asks once a minute whether the LUN is ready again. */
const SANITIZE_MS = 240_000
const TOGETHER_MS = 400_000
/** A LUN that hangs this many tests is given up. */
const TIMEOUTS_MAX = 3
const TOGETHER = 'all in one run'
const LUN = 0

export const LIBISCSI: Suite = {
  name: 'libiscsi',
  about: 'iscsi-test-cu, all of its tests, one process each, on each kind of LUN that can run them',
  tools: { 'iscsi-test-cu': 'libiscsi-bin' },

  async cases() {
    const known = knownTests()
    return LUN_KINDS.flatMap((kind) => [
      ...known.filter((test) => kind.runs(test)).map((test) => caseOf(kind, test.split('.')[0]!, test)),
      ...(kind.together === true ? [caseOf(kind, TOGETHER, TOGETHER)] : []),
    ])
  },

  array(cases) {
    const runs = runsOf(cases)
    return {
      targets: runs.map(({ iqn, kind }) => ({ iqn, luns: [{ id: LUN, ...kind.lun }] })),
      portals: runs.some(({ kind }) => kind.paths === 2) ? 2 : 1,
    }
  },

  async run(bench, cases) {
    await Promise.all(runsOf(cases).map((run) => new KindRun(bench, run).run()))
  },

  async summary(results) {
    return coverageLines(coverageOf(knownTests(), results))
  },
}

const caseOf = (kind: LunKind, group: string, test: string): TestCase => ({ kind: kind.name, group, test })

function knownTests(): readonly string[] {
  return readTestList(execFileSync('iscsi-test-cu', ['-l'], { encoding: 'utf8' }))
}

/** The tests of one kind, alone or together: each has a target of its own. */
interface Run {
  readonly kind: LunKind
  readonly iqn: string
  readonly together: boolean
  readonly cases: readonly TestCase[]
}

function runsOf(cases: readonly TestCase[]): readonly Run[] {
  return LUN_KINDS.flatMap((kind) =>
    [false, true].map((together) => ({
      kind,
      together,
      iqn: `iqn.2026-11.io.lunette:${kind.name.toLowerCase()}${together ? '-together' : ''}`,
      cases: cases.filter((each) => each.kind === kind.name && (each.test === TOGETHER) === together),
    })),
  ).filter((run) => run.cases.length > 0)
}

interface ToolEnd {
  readonly timedOut: boolean
  readonly durationMs: number
  readonly timeoutMs: number
  readonly outputFile: string
}

class KindRun {
  readonly #bench: Bench
  readonly #run: Run
  readonly #directory: string
  #timeouts = 0

  constructor(bench: Bench, run: Run) {
    this.#bench = bench
    this.#run = run
    this.#directory = join(bench.directory, run.kind.name)
    mkdirSync(this.#directory, { recursive: true })
  }

  /** Reports each group in one go, as other kinds report theirs meanwhile. */
  async run() {
    const groups = new Set(this.#run.cases.map(({ group }) => group))
    for (const group of groups) {
      const cases = this.#run.cases.filter((each) => each.group === group)
      const results: Result[] = []
      for (const testCase of cases) results.push(await this.#resultOf(testCase))
      for (const result of results) this.#bench.report(result)
    }
  }

  async #resultOf(testCase: TestCase): Promise<Result> {
    const givenUp = this.#timeouts >= TIMEOUTS_MAX ? `not run: ${TIMEOUTS_MAX} tests of this LUN hang` : undefined
    const hopeless = this.#bench.array.ended() ?? givenUp
    if (hopeless !== undefined) return { ...testCase, outcome: 'fail', detail: hopeless, durationMs: 0 }
    return this.#run.together ? this.#runTogether(testCase) : this.#runAlone(testCase)
  }

  async #runAlone(testCase: TestCase): Promise<Result> {
    const timeoutMs = testCase.group === 'Sanitize' ? SANITIZE_MS : TEST_MS
    const { status, output, ...ended } = await this.#tool(
      testCase.test,
      ['-V', '-t', `ALL.${testCase.test}`],
      timeoutMs,
    )
    return this.#result(testCase, ended, readVerdict(testCase.test, output, status))
  }

  async #runTogether(testCase: TestCase): Promise<Result> {
    const selection = ['-t', this.#testsFile()]
    const { status, output, ...ended } = await this.#tool('all-in-one-run', selection, TOGETHER_MS)
    const verdict = readVerdict(undefined, output, status)
    // In company, skips are not told apart: each was judged alone.
    return this.#result(testCase, ended, verdict.outcome === 'skip' ? { outcome: 'pass', detail: '' } : verdict)
  }

  async #tool(name: string, options: readonly string[], timeoutMs: number) {
    const { kind, iqn } = this.#run
    const { array, signal } = this.#bench
    const outputFile = join(this.#directory, `${name}.txt`)
    const urls = Array.from({ length: kind.paths ?? 1 }, (_, portal) => array.url(iqn, LUN, portal))
    const command = ['iscsi-test-cu', '-d', '-S', '-n', ...options, ...urls]
    const ended = await runTool(command, { outputFile, timeoutMs, signal })
    return { ...ended, outputFile, timeoutMs }
  }

  #result(
    testCase: TestCase,
    { timedOut, durationMs, outputFile, timeoutMs }: ToolEnd,
    read: Pick<Result, 'outcome' | 'detail'>,
  ): Result {
    if (timedOut) this.#timeouts += 1
    const verdict = timedOut ? { outcome: 'fail' as const, detail: `no end within ${timeoutMs / 1000} s` } : read
    if (verdict.outcome === this.#bench.expected(testCase)) rmSync(outputFile)
    return { ...testCase, ...verdict, durationMs, outputFile }
  }

  /** A file of test names, which -t accepts: all that are not expected to fail. */
  #testsFile(): string {
    const { kind } = this.#run
    const tests = knownTests().filter(
      (test) => kind.runs(test) && this.#bench.expected(caseOf(kind, test, test)) !== 'fail',
    )
    const file = join(this.#directory, 'tests.txt')
    writeFileSync(file, tests.map((test) => `ALL.${test}\n`).join(''))
    return file
  }
}
