// Suites that are lists of small checks: each runs a few commands against the array and compares what comes out.

import { join } from 'node:path'
import { runTool } from '../process.ts'
import type { Bench, TestCase } from '../suite.ts'

const COMMAND_MS = 60_000

/** What a check may do; every method throws CheckFailed when the outcome is not the one that is wanted. */
export interface Tools {
  readonly directory: string
  url(id: number): string
  portal(): string
  /** Runs a command that must end with the status (0) and within the time, and returns what it printed. */
  run(command: readonly string[], status?: number | 'failure', timeoutMs?: number): Promise<string>
}

export interface Check {
  readonly kind: string
  readonly test: string
  run(tools: Tools): Promise<void>
}

class CheckFailed extends Error {}

export function requireThat(condition: boolean, wanted: string, found: string): asserts condition {
  if (!condition) throw new CheckFailed(`${wanted}, but found:\n${found.trimEnd().split('\n').slice(-12).join('\n')}`)
}

export const checkCases = (checks: readonly Check[]): TestCase[] =>
  checks.map(({ kind, test }) => ({ kind, group: test, test }))

export async function runChecks(bench: Bench, iqn: string, checks: readonly Check[], cases: readonly TestCase[]) {
  for (const testCase of cases) {
    const check = checks.find(({ kind, test }) => kind === testCase.kind && test === testCase.test)!
    const started = performance.now()
    const outputFile = join(bench.directory, `${testCase.test.replaceAll(/[^\w-]+/g, '-')}.txt`)
    const detail = bench.array.ended() ?? (await failureOf(check, toolsOf(bench, iqn, outputFile)))
    const durationMs = performance.now() - started
    const outcome = detail === undefined ? 'pass' : 'fail'
    bench.report({ ...testCase, outcome, detail: detail ?? '', durationMs, outputFile })
  }
}

async function failureOf(check: Check, tools: Tools): Promise<string | undefined> {
  try {
    await check.run(tools)
    return undefined
  } catch (error) {
    if (error instanceof CheckFailed) return error.message
    throw error
  }
}

function toolsOf(bench: Bench, iqn: string, outputFile: string): Tools {
  return {
    directory: bench.directory,
    url: (id) => bench.array.url(iqn, id),
    portal: () => bench.array.portals[0]!,
    async run(command, wanted = 0, timeoutMs = COMMAND_MS) {
      const ended = await runTool(command, { outputFile, timeoutMs, signal: bench.signal })
      const { status, output } = ended
      const title = command.join(' ')
      if (ended.timedOut) throw new CheckFailed(`${title}: no end within ${timeoutMs / 1000} s`)
      const good = wanted === 'failure' ? status !== 0 : status === wanted
      requireThat(good, `${title} should end with ${wanted} and ends with ${status}`, output)
      return output
    },
  }
}
