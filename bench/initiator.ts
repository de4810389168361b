// npm run bench:initiator: Lunette's initiator and libiscsi's iscsi-perf load the same array in alternating rounds, each in a
// process of its own. Medians and their ratio; exit status 1 when it is lower than it must be, or something failed.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isInstalled, runTool } from '../conformance/process.ts'
import { repositoryRoot } from '../conformance/root.ts'
import { startLunette } from '../conformance/targets/lunette.ts'
import { type Column, formatTable } from '../src/cli/table.ts'
import { iscsiPerfCommand, parseIscsiPerf } from './clients.ts'
import { choose, parser, run, UsageError } from './command.ts'
import { describeMachine, thisMachine, versionOf } from './machine.ts'
import { formatRate } from './peers-report.ts'
import { median } from './statistics.ts'
import { WORKLOADS, type Workload } from './workloads.ts'

const IQN = 'iqn.2026-11.io.lunette:bench'
const BLOCK_BYTES = 512
const ROUNDS = 9
const GRACE_MS = 30_000
/** What reads at queue 32 must not fall below; the others are told. */
const AT_LEAST = 0.5
const BINDING = '4 KiB random read, queue 32'
const READS = WORKLOADS.filter(({ access, sessions, random }) => access === 'read' && sessions === 1 && random)

const INITIATORS = {
  'iscsi-perf': iscsiPerfCommand,
  lunette: ({ queue, length }: Workload, url: string, seconds: number): string[] => [
    process.execPath,
    join(repositoryRoot(), 'dist/bench/read-load.js'),
    url,
    ...[queue, length / BLOCK_BYTES, seconds].map(String),
  ],
} as const
type Initiator = keyof typeof INITIATORS

interface Row {
  readonly workload: Workload
  readonly rates: Readonly<Record<Initiator, number[]>>
}

const parseOptions = () =>
  parser('npm run bench:initiator --', "Measures Lunette's initiator and iscsi-perf side by side.")
    .epilogue(`Workloads:\n${READS.map(({ name }) => `  ${name}`).join('\n')}`)
    .example('$0 --only "queue 32"', 'one of the workloads')
    .option('rounds', { type: 'number', default: ROUNDS, describe: 'measurements of each figure' })
    .option('seconds', { type: 'number', default: 1, describe: 'whole seconds that one measurement takes' })
    .check(({ rounds, seconds }) => {
      for (const [name, value] of Object.entries({ rounds, seconds }))
        if (!Number.isInteger(value) || value < 1) throw new UsageError(`--${name}: a whole number from 1`)
      return true
    })
    .parseAsync()

async function main(): Promise<number> {
  const { only, rounds, seconds, json } = await parseOptions()
  const workloads = choose(READS, ({ name }) => name, only)
  const say = (line: string): void => (json ? console.error(line) : console.log(line))
  if (!isInstalled('iscsi-perf')) {
    say('iscsi-perf is missing: it is in the Debian package libiscsi-bin')
    return 1
  }
  const machine = thisMachine()
  say(`${describeMachine(machine)}, libiscsi ${await versionOf('dpkg', '-s', 'libiscsi-bin')}`)
  const rows = await measureAll(workloads, rounds, seconds, say)
  const summaries = rows.map(summarize)
  const short = summaries.filter(({ workload, ratio }) => workload === BINDING && ratio < AT_LEAST)
  if (json) console.log(JSON.stringify({ machine, summaries }, undefined, 2))
  else for (const line of ['', ...table(rows)]) console.log(line)
  for (const { workload, ratio } of short)
    say(`${workload}: ${ratio.toFixed(2)} times iscsi-perf, at least ${AT_LEAST.toFixed(2)} expected`)
  return short.length === 0 ? 0 : 1
}

async function measureAll(
  workloads: readonly Workload[],
  rounds: number,
  seconds: number,
  say: (line: string) => void,
): Promise<Row[]> {
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort())
  const directory = mkdtempSync(join(tmpdir(), 'lunette-bench-'))
  mkdirSync(join(directory, 'array'))
  const luns = [{ id: 0, size: '64MiB', provisioning: 'thick' }] as const
  const array = await startLunette({ targets: [{ iqn: IQN, luns }] }, join(directory, 'array'))
  const rows = workloads.map((workload): Row => ({ workload, rates: { 'iscsi-perf': [], lunette: [] } }))
  try {
    // The first round warms up. Every second one in reverse, so that what changes with time falls on both alike.
    for (let round = 0; round <= rounds; round++)
      for (const { workload, rates } of rows) {
        const names = Object.keys(INITIATORS) as Initiator[]
        for (const name of round % 2 === 0 ? names : names.reverse()) {
          const rate = await measure(
            INITIATORS[name](workload, array.url(IQN, 0), seconds),
            directory,
            interrupted.signal,
          )
          if (round > 0) rates[name].push(rate)
          say(`${round === 0 ? 'warm-up' : `round ${round}`}: ${workload.name}: ${name} ${Math.round(rate)} requests/s`)
        }
      }
  } finally {
    for (const complaint of await array.stop()) console.error(complaint)
    rmSync(directory, { recursive: true, force: true })
  }
  return rows
}

async function measure(command: readonly string[], directory: string, signal: AbortSignal): Promise<number> {
  const options = { outputFile: join(directory, 'client.txt'), timeoutMs: GRACE_MS, signal }
  const { status, output } = await runTool(command, options)
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}:\n${output.trim()}`)
  return parseIscsiPerf(output)
}

const summarize = ({ workload, rates }: Row) => {
  const [theirs, ours] = [median(rates['iscsi-perf']), median(rates.lunette)]
  return { workload: workload.name, 'iscsi-perf': theirs, lunette: ours, ratio: ours / theirs, rates }
}

function table(rows: readonly Row[]): string[] {
  const right = true
  const columns: Column<Row>[] = [
    { title: 'workload', value: ({ workload }) => workload.name },
    { title: 'iscsi-perf', right, value: ({ workload, rates }) => formatRate(workload, median(rates['iscsi-perf'])) },
    { title: 'Lunette', right, value: ({ workload, rates }) => formatRate(workload, median(rates.lunette)) },
    { title: 'ratio', right, value: (row) => summarize(row).ratio.toFixed(2) },
    { title: 'at least', right, value: ({ workload }) => (workload.name === BINDING ? AT_LEAST.toFixed(2) : '-') },
  ]
  return formatTable(columns, rows)
}

run(main)
