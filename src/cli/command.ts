// What a command is: its name, its options and what it does. The program turns the rows of the registry into a parser; help,
// completion and the suggestions for a mistyped word come from the same rows.

import type { InferredOptionTypes, Options } from 'yargs'

type OptionTable = Readonly<Record<string, Options>>
type Example = readonly [command: string, what: string]

/** Where a command prints, and what it is told about itself. */
export interface Terminal {
  readonly stdin: AsyncIterable<Uint8Array>
  readonly stdout: Output
  readonly stderr: Output
  readonly env: NodeJS.ProcessEnv
  readonly version: string
}

interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  /** `done` is told when the text is written, or why it never will be. */
  write(text: string | Uint8Array, done?: (error?: Error | null) => void): unknown
}

interface Common {
  readonly name: string
  readonly describe: string
  readonly examples: readonly Example[]
}

export interface Command extends Common {
  readonly kind: 'command'
  /** What must follow the name, in this order. */
  readonly positionals: OptionTable
  readonly options: OptionTable
  /** Gives the exit code: 0 done, 1 failed. */
  run(args: never, terminal: Terminal): Promise<number>
}

export interface Group extends Common {
  readonly kind: 'group'
  readonly commands: readonly Node[]
}

export type Node = Command | Group

type Args<Positionals extends OptionTable, Given extends OptionTable> = InferredOptionTypes<Positionals & Given>

/** Declares a command; the arguments of `run` have the types that its tables say. */
export function command<const Positionals extends OptionTable, const Given extends OptionTable>(
  definition: Common & {
    readonly positionals: Positionals
    readonly options: Given
    run(args: Args<Positionals, Given>, terminal: Terminal): Promise<number>
  },
): Command {
  return { kind: 'command', ...definition }
}

/** A mistake on the command line: exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
