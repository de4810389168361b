// The list of sg3_utils and ddpt commands (suites/sg3.ts) as tables: a row is a line of the list, its steps are commands in
// the guest with what each must end with and print. Commands know the nodes of suites/sg3.ts and the functions of
// conformance/vm/guest/lib.sh and sg3.sh.

import type { CommandEnd } from '../suites/guest-shell.ts'

/** sg3_utils' exit status, by what it stands for. */
export const STATUS = {
  GOOD: 0,
  NOT_READY: 2,
  ILLEGAL_REQUEST: 5,
  UNIT_ATTENTION: 6,
  DATA_PROTECT: 7,
  INVALID_OPCODE: 9,
  COPY_ABORTED: 10,
  MISCOMPARE: 14,
  OUT_OF_RANGE: 22,
  RESERVATION_CONFLICT: 24,
} as const

interface Command {
  readonly command: string
  /** One of these. */
  readonly status: readonly number[]
  /** Each must match what is printed. */
  readonly says: readonly RegExp[]
}

/** The array is ended by the signal and started again; sessions recover by themselves. */
interface Restart {
  readonly restart: 'SIGTERM' | 'SIGKILL'
}

export type Step = Command | Restart

export interface Row {
  readonly kind: string
  readonly test: string
  readonly steps: readonly Step[]
}

export const ends = (status: number | readonly number[], command: string, ...says: readonly RegExp[]): Step => ({
  command,
  status: [status].flat(),
  says,
})
export const good = (command: string, ...says: readonly RegExp[]): Step => ends(STATUS.GOOD, command, ...says)
export const restart = (signal: Restart['restart']): Step => ({ restart: signal })

/** The rows of one kind of LUN. */
export const rowsOf = (kind: string, rows: Readonly<Record<string, readonly Step[]>>): readonly Row[] =>
  Object.entries(rows).map(([test, steps]) => ({ kind, test, steps }))

const LINES_MAX = 16

/** Undefined when the command did what the step wants. */
export function failureOf({ command, status, says }: Command, end: CommandEnd): string | undefined {
  const missing = says.filter((pattern) => !pattern.test(end.output))
  if (status.includes(end.status) && missing.length === 0) return undefined
  const wanted = status.includes(end.status)
    ? `should print ${missing.join(' and ')}`
    : `should end with ${status.join(' or ')} and ends with ${end.status}`
  const lines = end.output.trimEnd().split('\n')
  const cut = lines.length > LINES_MAX ? [`(${lines.length - LINES_MAX} more lines)`] : []
  return [`${command.trim()}: ${wanted}`, ...cut, ...lines.slice(-LINES_MAX)].join('\n')
}
