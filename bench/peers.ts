// npm run bench:peers: tgt and Lunette side by side, loaded by the same clients in alternating rounds. Medians and ratios
// in a table; exit status 1 when a ratio is lower than it must be, or something failed.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isInstalled } from '../conformance/process.ts'
import { measure } from './clients.ts'
import { choose, parser, run, UsageError } from './command.ts'
import { describeMachine, thisMachine, versionOf } from './machine.ts'
import { type Rates, type Summary, shortfalls, summarize, summaryTable } from './peers-report.ts'
import { type Responder, type ResponderName, type Responders, startResponders } from './responders.ts'
import { WORKLOADS, type Workload } from './workloads.ts'

const TOOLS = [
  ['tgtd', 'tgt'],
  ['tgtadm', 'tgt'],
  ['iscsi-perf', 'libiscsi-bin'],
  ['qemu-img', 'qemu-utils'],
  ['qemu/block-iscsi.so', 'qemu-block-extra'],
] as const
/** Many short rounds: where the scheduler places client and target is settled anew in each, and matters most at queue 1. */
const ROUNDS = 9
const WARM_UP_SECONDS = 1

type Options = Awaited<ReturnType<typeof parseOptions>>
type Say = (line: string) => void

async function main(): Promise<number> {
  const options = await parseOptions()
  const workloads = choose(WORKLOADS, ({ name }) => name, options.only)
  const say: Say = options.json ? (line) => console.error(line) : (line) => console.log(line)
  const missing = TOOLS.filter(([tool]) => !isInstalled(tool))
  if (missing.length > 0) {
    for (const [tool, packageName] of missing) say(`${tool} is missing: it is in the Debian package ${packageName}`)
    return 1
  }
  const machine = thisMachine()
  const versions = {
    tgt: await versionOf('tgtd', '--version'),
    // iscsi-perf tells no version but its own 0.1
    libiscsi: await versionOf('dpkg', '-s', 'libiscsi-bin'),
    'qemu-img': await versionOf('qemu-img', '--version'),
  }
  say(describeMachine(machine))
  const tools = Object.entries(versions).map((pair) => pair.join(' '))
  say(tools.join(', '))
  const summaries = await measureAll(workloads, options, say)
  const short = shortfalls(summaries)
  if (options.json) console.log(JSON.stringify({ machine, versions, options, summaries, short }, undefined, 2))
  else for (const line of ['', ...summaryTable(summaries), '', ...short]) console.log(line)
  return short.length === 0 ? 0 : 1
}

const parseOptions = () =>
  parser('npm run bench:peers --', 'Measures Lunette and tgt side by side.')
    .epilogue(`Workloads:\n${WORKLOADS.map(({ name }) => `  ${name}`).join('\n')}`)
    .example('$0 --only "random read"', 'three of the workloads')
    .option('rounds', { type: 'number', default: ROUNDS, describe: 'measurements of each figure' })
    .option('seconds', { type: 'number', default: 1, describe: 'whole seconds that one measurement takes' })
    .option('ceiling', { type: 'string', describe: 'path of the ceiling responder: a third column' })
    .check(({ rounds, seconds }) => {
      if (!Number.isInteger(rounds) || rounds < 1) throw new UsageError('--rounds: a whole number from 1')
      if (!Number.isInteger(seconds) || seconds < 1) throw new UsageError('--seconds: a whole number from 1')
      return true
    })
    .parseAsync()
    .then(({ rounds, seconds, only, ceiling, json }) => ({ rounds, seconds, only, ceiling, json }))

async function measureAll(workloads: readonly Workload[], options: Options, say: Say): Promise<Summary[]> {
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort())
  const directory = mkdtempSync(join(tmpdir(), 'lunette-bench-'))
  const { signal } = interrupted
  let responders: Responders | undefined
  try {
    responders = await startResponders(directory, options.ceiling, signal)
    return await runRounds(new Bench(responders, directory, signal), workloads, options, say)
  } catch (error) {
    throw signal.aborted ? new Error('interrupted') : error
  } finally {
    for (const complaint of (await responders?.stop()) ?? []) console.error(complaint)
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Measures single figures, and remembers the last of each: qemu-img bench is told a number of requests, not a time. */
class Bench {
  readonly responders: Responders
  readonly #directory: string
  readonly #signal: AbortSignal
  readonly #last = new Map<string, number>()

  constructor(responders: Responders, directory: string, signal: AbortSignal) {
    this.responders = responders
    this.#directory = directory
    this.#signal = signal
  }

  async measure(workload: Workload, { name, url }: Responder, seconds: number): Promise<number> {
    const key = `${name} ${workload.name}`
    const expectedRate = this.#last.get(key)
    const run = { url, seconds, directory: this.#directory, signal: this.#signal, expectedRate }
    const rate = await measure(workload, run)
    this.#last.set(key, rate)
    return rate
  }
}

async function runRounds(
  bench: Bench,
  workloads: readonly Workload[],
  { rounds, seconds }: Options,
  say: Say,
): Promise<Summary[]> {
  const rates = new Map(
    workloads.map((workload) => [workload, { tgt: [], lunette: [], ceiling: [] } as Mutable<Rates>]),
  )
  for (let round = 0; round <= rounds; round++) {
    for (const [workload, byResponder] of rates) {
      const line: string[] = []
      for (const responder of inTurn(bench.responders.all, round, workload)) {
        const rate = await bench.measure(workload, responder, round === 0 ? WARM_UP_SECONDS : seconds)
        if (round > 0) byResponder[responder.name].push(rate)
        line.push(`${responder.name} ${Math.round(rate)}`)
      }
      say(`${round === 0 ? 'warm-up' : `round ${round}`}: ${workload.name}: ${line.join(', ')} requests/s`)
    }
    await bench.responders.settle()
  }
  return [...rates].map(([workload, byResponder]) => summarize(workload, byResponder))
}

type Mutable<R extends Rates> = { -readonly [Name in keyof R & ResponderName]: number[] }

/** Every second round in reverse, so that what changes with time falls on each of them alike. */
function inTurn(all: readonly Responder[], round: number, { access }: Workload): Responder[] {
  const able = all.filter(({ writable }) => writable || access === 'read')
  return round % 2 === 0 ? able : able.reverse()
}

run(main)
