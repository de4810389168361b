// npm run bench: what single operations of the hot path cost, by benchmark.js.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Benchmark from 'benchmark'
import { choose, parser, run, UsageError } from './command.ts'
import { describeMachine, thisMachine } from './machine.ts'
import { type Timing, timingTable } from './micro-report.ts'
import { type Operation, openOperations } from './operations.ts'

async function main(): Promise<number> {
  const { seconds, only, json } = await parseOptions()
  const directory = mkdtempSync(join(tmpdir(), 'lunette-bench-'))
  try {
    const operations = await openOperations(join(directory, 'image'))
    const chosen = choose(operations.all, ({ group, name }) => `${group}: ${name}`, only)
    const machine = thisMachine()
    if (!json) console.log(`${describeMachine(machine)}\n`)
    const timings = chosen.map((operation) => time(operation, seconds))
    await operations.close()
    if (json) console.log(JSON.stringify({ machine, timings }, undefined, 2))
    else for (const line of timingTable(timings)) console.log(line)
    return 0
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const parseOptions = () =>
  parser('npm run bench --', 'Measures what single operations of the hot path cost.')
    .example('$0 --only CRC32C', 'two of the operations')
    .option('seconds', { type: 'number', default: 1, describe: 'how long each operation is measured' })
    .check(({ seconds }) => {
      if (!(seconds > 0)) throw new UsageError('--seconds: more than 0')
      return true
    })
    .parseAsync()

function time({ group, name, count, run }: Operation, seconds: number): Timing {
  const benchmark = new Benchmark(name, run, { maxTime: seconds }).run()
  if (benchmark.error) throw benchmark.error
  const { mean, rme } = benchmark.stats
  return { group, name, nanoseconds: (1e9 * mean) / count, marginPercent: rme }
}

run(main)
