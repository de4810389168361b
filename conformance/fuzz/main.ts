// npm run fuzz: seeded nonsense and good sessions against an array at full speed. Exit status 0: nothing was wrong, 1: something
// was, and the seed and the file that say what, 2: wrong usage.

import { resolve } from 'node:path'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { TARGET_OPCODE } from '../../protocol/iscsi/index.ts'
import { type FuzzResult, fuzz } from './fuzz.ts'
import { type Recording, readRecording } from './recording.ts'

const MIB = 1024 * 1024
const USAGE = 2
const MAX_SEED = 2 ** 32 - 1

class UsageError extends Error {}

async function main(): Promise<number> {
  const { seed, minutes, pdus, connections, recording: written, replay } = await parseOptions()
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())
  const recording = replay === undefined ? undefined : recordingIn(replay)
  if (recording) console.log(`once more: ${recording.wrong}`)
  else console.log(`seed ${seed}: ${connections} connections at a time, ${pdus ?? 'all'} PDUs in ${minutes} min`)
  const recordingFile = resolve(written ?? `fuzz-${seed}.jsonl`)
  const options = { seed, minutes, pdus, connections, signal: interrupted.signal, recordingFile, recording }
  const result = await fuzz({ ...options, progress: (line) => console.log(line) })
  if (!recording) report(result)
  if (interrupted.signal.aborted) console.error('interrupted')
  if (result.complaints.length > 0) {
    console.error(`\n${result.complaints.length} wrong with seed ${seed}:`)
    for (const complaint of result.complaints) console.error(`  ${complaint}`)
    if (!recording) console.error(`what the last connections sent: ${recordingFile}`)
  }
  return result.complaints.length === 0 && !interrupted.signal.aborted ? 0 : 1
}

function recordingIn(file: string): Recording {
  try {
    return readRecording(file)
  } catch (error) {
    throw new UsageError(`--replay: ${(error as Error).message}`)
  }
}

function report({ counts, seconds, honest, residentBytes }: FuzzResult): void {
  const { pdus, connections, logins, answers } = counts
  const names = Object.entries(TARGET_OPCODE).map(([name, opcode]) => `${name} ${answers.get(opcode) ?? 0}`)
  console.log(`answered: ${names.join(', ')}`)
  console.log(
    `${pdus} PDUs in ${seconds.toFixed(0)} s (${Math.round(pdus / seconds)}/s) on ${connections} connections, ${logins} logged in; ` +
      `honest session: ${honest.commands} commands, ${(honest.verifiedBytes / MIB).toFixed(0)} MiB verified, ` +
      `slowest ${honest.slowestMs.toFixed(0)} ms; resident ${residentBytes.map((bytes) => (bytes / MIB).toFixed(0)).join(' -> ')} MiB`,
  )
}

function parseOptions() {
  return yargs(hideBin(process.argv))
    .scriptName('npm run fuzz --')
    .usage('$0\n\nSends an array of its own valid and invalid sessions, and watches it and an honest session.')
    .example('$0 --seed 7 --minutes 10', 'ten minutes of the row of chances that begins with 7')
    .option('seed', { type: 'number', default: 1, describe: `0 to ${MAX_SEED}` })
    .option('minutes', {
      type: 'number',
      default: 1,
      describe: 'how long to send; what is less than a minute may be a fraction',
    })
    .option('pdus', { type: 'number', describe: 'stop after so many PDUs' })
    .option('connections', { type: 'number', default: 8, describe: 'so many at a time' })
    .option('recording', {
      type: 'string',
      describe: 'the file for what was sent when something is wrong; fuzz-SEED.jsonl',
    })
    .option('replay', { type: 'string', describe: 'send what such a file holds, in place of what the seed gives' })
    .strict()
    .wrap(110)
    .version(false)
    .check(({ seed, minutes, pdus = 1, connections }) => {
      if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) throw new UsageError(`--seed: 0 to ${MAX_SEED}`)
      if (!(minutes > 0)) throw new UsageError('--minutes: more than 0')
      if (!Number.isInteger(pdus) || pdus < 1) throw new UsageError('--pdus: 1 and more')
      if (!Number.isInteger(connections) || connections < 1 || connections > 1000)
        throw new UsageError('--connections: 1 to 1000')
      return true
    })
    .fail((message, error) => {
      throw error instanceof UsageError ? error : error ? error : new UsageError(message)
    })
    .parseAsync()
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    console.error(error instanceof UsageError ? `fuzz: ${error.message} (see --help)` : error)
    process.exit(error instanceof UsageError ? USAGE : 1)
  },
)
