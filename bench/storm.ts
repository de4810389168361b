// npm run bench:storm: hosts that share one volume and keep its locks busy, by ATS and by SCSI reservations, 1 to 64 of them. The
// array is one process, the hosts of a measurement are another. Exit status 1 when a host failed.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runTool } from '../conformance/process.ts'
import { repositoryRoot } from '../conformance/root.ts'
import { startLunette } from '../conformance/targets/lunette.ts'
import { type Column, formatTable } from '../src/cli/table.ts'
import { STORM_LOCKINGS, type StormLocking } from '../src/host/vmfs/storm/options.ts'
import type { StormReport } from '../src/host/vmfs/storm/report.ts'
import { choose, parser, run, UsageError } from './command.ts'
import { describeMachine, type Machine, thisMachine } from './machine.ts'

const IQN = 'iqn.2026-11.io.lunette:bench'
/** Thin; a volume of that size has journals for all hosts, and clusters for each of them. */
const LUN = { id: 0, size: '32768MiB', provisioning: 'thin' } as const
const HOSTS = [1, 2, 4, 8, 16, 32, 64]
const SECONDS = 5
const VERSIONS = [6, 5] as const
/** Opening, cleaning, and a storm of reservations that comes to its end. */
const GRACE_MS = 120_000

type Version = (typeof VERSIONS)[number]
interface Row {
  readonly version: Version
  readonly hosts: number
  readonly reports: Readonly<Record<StormLocking, StormReport>>
}

const parseOptions = () =>
  parser('npm run bench:storm --', 'Measures hosts that share a volume, by ATS and by SCSI reservations.')
    .example('$0 --only "^(1|16)$"', 'with 1 host and with 16')
    .option('seconds', { type: 'number', default: SECONDS, describe: 'whole seconds that one measurement takes' })
    .option('vmfs', { type: 'number', choices: VERSIONS, array: true, default: [6], describe: 'versions of VMFS' })
    .check(({ seconds }) => {
      if (!Number.isInteger(seconds) || seconds < 1) throw new UsageError('--seconds: a whole number from 1')
      return true
    })
    .parseAsync()

async function main(): Promise<number> {
  const { only, seconds, vmfs, json } = await parseOptions()
  const hosts = choose(HOSTS, String, only)
  const say = (line: string): void => (json ? console.error(line) : console.log(line))
  const machine = thisMachine()
  say(describeMachine(machine))
  const rows: Row[] = []
  for (const version of vmfs as Version[]) rows.push(...(await measure(version, hosts, seconds, say)))
  const failed = rows.flatMap(({ reports }) => Object.values(reports).flatMap(({ errors }) => errors))
  if (json) console.log(JSON.stringify(toJson(machine, seconds, rows), undefined, 2))
  else for (const version of vmfs as Version[]) for (const line of ['', ...table(version, rows)]) console.log(line)
  for (const { message } of failed) say(`a host failed: ${message}`)
  return failed.length === 0 ? 0 : 1
}

/** On an array and a volume of its own. */
async function measure(
  version: Version,
  hosts: readonly number[],
  seconds: number,
  say: (line: string) => void,
): Promise<Row[]> {
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort())
  const directory = mkdtempSync(join(tmpdir(), 'lunette-bench-'))
  mkdirSync(join(directory, 'array'))
  const array = await startLunette({ targets: [{ iqn: IQN, luns: [LUN] }] }, join(directory, 'array'))
  const lunette = new Lunette(array.url(IQN, LUN.id), join(directory, 'host.txt'), interrupted.signal)
  const rows: Row[] = []
  try {
    await lunette.run(['format'], ['--version', String(version), '--label', 'storm'])
    await lunette.storm(1, 'ats', 1)
    for (const count of hosts) {
      const reports = {} as Record<StormLocking, StormReport>
      for (const locking of STORM_LOCKINGS) {
        const report = await lunette.storm(count, locking, seconds)
        reports[locking] = report
        say(
          `VMFS${version}: ${count} ${count === 1 ? 'host' : 'hosts'}: ${locking} ${Math.round(report.total.perSecond)} operations/s`,
        )
      }
      rows.push({ version, hosts: count, reports })
    }
    await lunette.run(['check'], [])
  } finally {
    for (const complaint of await array.stop()) console.error(complaint)
    rmSync(directory, { recursive: true, force: true })
  }
  return rows
}

/** Commands on the volume, each in a process of its own. */
class Lunette {
  readonly #url: string
  readonly #outputFile: string
  readonly #signal: AbortSignal

  constructor(url: string, outputFile: string, signal: AbortSignal) {
    this.#url = url
    this.#outputFile = outputFile
    this.#signal = signal
  }

  async storm(hosts: number, locking: StormLocking, seconds: number): Promise<StormReport> {
    const options = ['--hosts', hosts, '--locking', locking, '--seconds', seconds, '--json'].map(String)
    const output = await this.run(['storm'], options, { timeoutMs: seconds * 1000 + GRACE_MS, mayFail: true })
    // What hosts tell meanwhile comes before it.
    const report = output.split('\n').find((line) => line.startsWith('{"volume"'))
    if (report === undefined) throw new Error(`lunette vmfs storm has told no figures:\n${output.trim()}`)
    return JSON.parse(report) as StormReport
  }

  async run(
    words: readonly string[],
    options: readonly string[],
    { timeoutMs = GRACE_MS, mayFail = false } = {},
  ): Promise<string> {
    const command = [process.execPath, join(repositoryRoot(), 'dist/src/cli/main.js'), 'vmfs', ...words, this.#url]
    const limits = { outputFile: this.#outputFile, timeoutMs, signal: this.#signal }
    const { status, output } = await runTool([...command, ...options], limits)
    if (status !== 0 && !mayFail)
      throw new Error(`lunette vmfs ${words.join(' ')} ended with ${status}:\n${output.trim()}`)
    return output
  }
}

const conflictsPerOperation = ({ total }: StormReport): number => total.conflicts / Math.max(1, total.count)
const ratioOf = ({ reports: { ats, scsi } }: Row): number => ats.total.perSecond / scsi.total.perSecond

function table(version: Version, rows: readonly Row[]): string[] {
  const right = true
  const rate =
    (locking: StormLocking) =>
    ({ reports }: Row) =>
      reports[locking].total.perSecond.toFixed(0)
  const times = (locking: StormLocking) => (row: Row) => {
    const { p50Ms, p99Ms } = row.reports[locking].total
    return `${milliseconds(p50Ms)} / ${milliseconds(p99Ms)}`
  }
  const columns: Column<Row>[] = [
    { title: `hosts, VMFS${version}`, right, value: ({ hosts }) => hosts },
    { title: 'ATS ops/s', right, value: rate('ats') },
    { title: 'p50 / p99 ms', right, value: times('ats') },
    { title: 'SCSI ops/s', right, value: rate('scsi') },
    { title: 'p50 / p99 ms', right, value: times('scsi') },
    { title: 'conflicts per op', right, value: ({ reports }) => conflictsPerOperation(reports.scsi).toFixed(1) },
    { title: 'ATS / SCSI', right, value: (row) => ratioOf(row).toFixed(1) },
  ]
  return formatTable(
    columns,
    rows.filter((row) => row.version === version),
  )
}

const milliseconds = (value: number): string => value.toFixed(value < 100 ? 1 : 0)

function toJson(machine: Machine, seconds: number, rows: readonly Row[]) {
  const summaries = rows.map((row) => ({
    ...{ version: row.version, hosts: row.hosts, ratio: ratioOf(row) },
    conflictsPerOperation: conflictsPerOperation(row.reports.scsi),
    ...row.reports,
  }))
  return { machine, seconds, summaries }
}

run(main)
