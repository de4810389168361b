// Runs a command line in this process, as the binary does, with streams that keep what is printed.

import { run } from '../../src/cli/program.ts'
import { LUNETTE } from '../../src/cli/registry.ts'

export interface Printed {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface Circumstances {
  readonly env?: NodeJS.ProcessEnv
  /** The streams are terminals. */
  readonly isTTY?: boolean
}

export async function runHere(
  words: readonly string[],
  { env = {}, isTTY = false }: Circumstances = {},
): Promise<Printed> {
  const printed = { stdout: '', stderr: '' }
  const write = (name: 'stdout' | 'stderr') => ({
    isTTY,
    write: (text: string) => {
      printed[name] += text
    },
  })
  const terminal = { stdout: write('stdout'), stderr: write('stderr'), env, version: '9.9.9' }
  return { code: await run(LUNETTE, words, terminal), ...printed }
}
