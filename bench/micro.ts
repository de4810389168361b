// npm run bench: what single operations of the hot path cost, by benchmark.js.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Benchmark from 'benchmark'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { describeMachine, thisMachine } from './machine.ts'
import { type Timing, timingTable } from './micro-report.ts'
import { type Operation, openOperations } from './operations.ts'

async function main(): Promise<number> {
  const { seconds, only, json } = await parseOptions()
  const directory = mkdtempSync(join(tmpdir(), 'lunette-bench-'))
  const operations = await openOperations(join(directory, 'image'))
  try {
    const machine = thisMachine()
    if (!json) console.log(`${describeMachine(machine)}\n`)
    const chosen = operations.all.filter(({ group, name }) => new RegExp(only).test(`${group}: ${name}`))
    const timings = chosen.map((operation) => time(operation, seconds))
    if (json) console.log(JSON.stringify({ machine, timings }, undefined, 2))
    else for (const line of timingTable(timings)) console.log(line)
    return 0
  } finally {
    await operations.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

function parseOptions() {
  return yargs(hideBin(process.argv))
    .scriptName('npm run bench --')
    .usage('$0\n\nMeasures what single operations of the hot path cost.')
    .example('$0 --only CRC32C', 'one group')
    .option('seconds', { type: 'number', default: 1, describe: 'how long each operation is measured' })
    .option('only', { type: 'string', default: '', describe: 'operations whose line matches this regular expression' })
    .option('json', { type: 'boolean', default: false, describe: 'print one JSON document' })
    .strict()
    .version(false)
    .locale('en')
    .parseAsync()
}

function time({ group, name, count, run }: Operation, seconds: number): Timing {
  const benchmark = new Benchmark(name, run, { maxTime: seconds }).run()
  if (benchmark.error) throw benchmark.error
  const { mean, rme } = benchmark.stats
  return { group, name, nanoseconds: (1e9 * mean) / count, marginPercent: rme }
}

process.exitCode = await main()
