// Runs a command line in this process, as the binary does, with streams that keep what is printed.

import { Readable } from 'node:stream'
import { run } from '../../src/cli/program.ts'
import { LUNETTE } from '../../src/cli/registry.ts'

interface Printed {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface Circumstances {
  readonly env?: NodeJS.ProcessEnv
  /** The streams are terminals. */
  readonly isTTY?: boolean
  /** What standard input holds. */
  readonly stdin?: readonly Uint8Array[]
}

export async function runHere(
  words: readonly string[],
  { env = {}, isTTY = false, stdin = [] }: Circumstances = {},
): Promise<Printed> {
  const printed = { stdout: '', stderr: '' }
  const write = (name: 'stdout' | 'stderr') => ({
    isTTY,
    write: (text: string | Uint8Array, done?: () => void) => {
      printed[name] += typeof text === 'string' ? text : Buffer.from(text).toString()
      done?.()
    },
  })
  const streams = { stdin: Readable.from(stdin), stdout: write('stdout'), stderr: write('stderr') }
  return { code: await run(LUNETTE, words, { ...streams, env, version: '9.9.9' }), ...printed }
}
