// conformance/run: the public suites and real initiators against a running array. Exit status 0: everything is as expected,
// 1: something is not, 2: wrong usage. The last line of the report is the count.

import { setMaxListeners } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { type Expectation, expectationOf, type Judged, readExpectations } from './expectations.ts'
import { isInstalled } from './process.ts'
import { count, countLine, Report } from './report.ts'
import { asset } from './root.ts'
import { missingTools, type Plan, runSuite } from './runner.ts'
import { sideBySideLines, tgtResults } from './side-by-side.ts'
import type { Suite } from './suite.ts'
import { LIBISCSI } from './suites/libiscsi.ts'
import { SUITES } from './suites.ts'
import type { StartArray } from './targets/array.ts'
import { startLunette } from './targets/lunette.ts'
import { startTgt } from './targets/tgt.ts'

const ARRAYS: Readonly<Record<string, StartArray>> = { lunette: startLunette, tgt: startTgt }
const USAGE = 2

class UsageError extends Error {}

async function main(): Promise<number> {
  const options = await parseOptions()
  const suites = suitesNamed(options.suites, options.against)
  const expectationFile = asset('expectations', `${options.against}.yaml`)
  const expectations = existsSync(expectationFile) ? readExpectations(expectationFile) : []
  const only = options.only === undefined ? undefined : regularExpression(options.only)
  if (options.list) return list(suites, expectations, only)

  const interrupted = new AbortController()
  setMaxListeners(0, interrupted.signal) // as many as there are programs under way
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())
  const directory = mkdtempSync(join(tmpdir(), 'lunette-conformance-'))
  const report = new Report((line) => (options.json ? console.error(line) : console.log(line)))
  const plan = {
    startArray: ARRAYS[options.against]!,
    expectations,
    report,
    directory,
    signal: interrupted.signal,
    only,
    requireTools: process.env.LUNETTE_REQUIRE_TOOLS === '1',
  }
  try {
    const beside = compares(suites, options) ? tgtResults(LIBISCSI, plan) : undefined
    await runInLanes(suites, plan)
    if (beside !== undefined) for (const line of besideLines(report, await beside)) report.note(line)
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    report.endGroup()
    console.error('interrupted')
  }
  const counts = count(report.results)
  if (counts.failed === 0 && !options.keep) rmSync(directory, { recursive: true, force: true })
  else (options.json ? console.error : console.log)(`images, outputs and logs: ${directory}`)
  if (options.json) console.log(JSON.stringify({ ...counts, results: report.results }, undefined, 2))
  else console.log(countLine(counts))
  return counts.failed === 0 && !interrupted.signal.aborted ? 0 : 1
}

/** Two suites at a time: those in virtual machines one after the other, and the others. What one throws waits for all. */
async function runInLanes(suites: readonly Suite[], plan: Plan) {
  const lanes = [suites.filter(({ inMachines }) => !inMachines), suites.filter(({ inMachines }) => inMachines)]
  const ends = await Promise.allSettled(
    lanes.map(async (lane) => {
      for (const suite of lane) await runSuite(suite, plan)
    }),
  )
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

/** Where tgt is installed, its count stands beside Lunette's. */
function compares(suites: readonly Suite[], { against, only }: { against: string; only?: string | undefined }) {
  return against === 'lunette' && only === undefined && suites.includes(LIBISCSI) && isInstalled('tgtd')
}

function besideLines({ results }: Report, theirs: readonly Judged[] | string): string[] {
  return typeof theirs === 'string' ? [`tgt: ${theirs}`] : sideBySideLines(LIBISCSI.name, results, theirs)
}

function parseOptions() {
  return yargs(hideBin(process.argv))
    .scriptName('conformance/run')
    .usage('$0 [suite...]\n\nRuns public suites and real initiators against an array that it starts itself.')
    .epilogue(`Suites:\n${SUITES.map(({ name, about }) => `  ${name.padEnd(11)} ${about}`).join('\n')}`)
    .example('$0 libiscsi --only "thin512 Read10"', 'the READ(10) tests on the thin LUN')
    .example('$0 --against tgt', 'the same for tgt, to compare')
    .option('against', { choices: Object.keys(ARRAYS), default: 'lunette', describe: 'the array under test' })
    .option('only', { type: 'string', describe: 'run tests whose "KIND TEST" matches this regular expression' })
    .option('list', { type: 'boolean', default: false, describe: 'print the tests and what is expected of each' })
    .option('keep', { type: 'boolean', default: false, describe: 'keep images, outputs and logs' })
    .option('json', {
      type: 'boolean',
      default: false,
      describe: 'print one JSON document; progress goes to standard error',
    })
    .strictOptions()
    .wrap(110)
    .version(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message)
    })
    .parseAsync()
    .then(({ _, ...options }) => ({ ...options, suites: _.map(String) }))
}

function suitesNamed(names: readonly string[], against: string): readonly Suite[] {
  const unknown = names.find((name) => !SUITES.some((suite) => suite.name === name))
  if (unknown === undefined) {
    if (names.length > 0) return SUITES.filter(({ name }) => names.includes(name))
    return SUITES.filter(({ ownOnly }) => ownOnly !== true || against === 'lunette')
  }
  throw new UsageError(`no suite is named ${unknown}: choose from ${SUITES.map(({ name }) => name).join(', ')}`)
}

function regularExpression(source: string): RegExp {
  try {
    return new RegExp(source)
  } catch (error) {
    throw new UsageError(`--only: ${(error as Error).message}`)
  }
}

async function list(suites: readonly Suite[], expectations: readonly Expectation[], only: RegExp | undefined) {
  for (const suite of suites) {
    const missing = missingTools(suite)
    const cases = missing === undefined ? await suite.cases() : []
    if (missing !== undefined) console.log(`${suite.name.padEnd(11)} ${missing}`)
    for (const each of cases.filter(({ kind, test }) => only?.test(`${kind} ${test}`) ?? true)) {
      const expectation = expectationOf(expectations, suite.name, each)
      const line = `${suite.name.padEnd(11)} ${each.kind.padEnd(9)} ${each.test}`
      console.log(
        expectation === undefined ? line : `${line.padEnd(60)} ${expectation.expected}: ${expectation.reason}`,
      )
    }
  }
  return 0
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    console.error(error instanceof UsageError ? `conformance/run: ${error.message} (see --help)` : error)
    process.exit(error instanceof UsageError ? USAGE : 1)
  },
)
