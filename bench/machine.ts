// The machine and the versions that figures were measured with: without them no two tables can be compared.

import { execFile } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { toolEnvironment } from '../conformance/process.ts'

const run = promisify(execFile)
const GIB = 1024 ** 3

export interface Machine {
  readonly cores: number
  readonly processor: string
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  /** Processes that wanted to run in the last minute: what else goes on disturbs the figures. */
  readonly load: number
}

export const thisMachine = (): Machine => ({
  cores: availableParallelism(),
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  memoryGiB: Math.round(totalmem() / GIB),
  kernel: release(),
  node: process.version,
  load: loadavg()[0] as number,
})

export function describeMachine({ cores, processor, memoryGiB, kernel, node, load }: Machine): string {
  return `${cores} cores (${processor}), ${memoryGiB} GiB, Linux ${kernel}, Node ${node}, load ${load.toFixed(1)}`
}

/** The version in what a program prints when asked with `args`; "unknown" where it prints none. */
export async function versionOf(program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await run(program, args, { env: toolEnvironment }).catch(
    (failed: { stdout?: string; stderr?: string }) => ({ stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' }),
  )
  return findVersion(`${stdout}\n${stderr}`)
}

/** The first version number in a text. */
export function findVersion(text: string): string {
  return /\d+\.\d+(?:\.\d+)*/.exec(text)?.[0] ?? 'unknown'
}
