// What the two benchmark commands share: wrong usage is told in one line, and the exit code is 0 done, 1 failed, 2 wrong usage.

import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'

const HELP_WIDTH = 110

/** A mistake on the command line. */
export class UsageError extends Error {}

/** A strict parser of this process's command line, named as one types it. */
export function parser(name: string, about: string) {
  return yargs(hideBin(process.argv))
    .scriptName(name)
    .usage(`$0 [options]\n\n${about}`)
    .option('only', { type: 'string', describe: 'what matches this regular expression, and nothing else' })
    .option('json', { type: 'boolean', default: false, describe: 'print one JSON document' })
    .strict()
    .version(false)
    .locale('en')
    .wrap(HELP_WIDTH)
    .fail((message, error) => {
      throw new UsageError(error?.message ?? message)
    })
}

/** The items whose name matches; all of them without a regular expression. Throws a UsageError when none does. */
export function choose<Item>(items: readonly Item[], nameOf: (item: Item) => string, only: string | undefined): Item[] {
  const chosen = only === undefined ? [...items] : items.filter((item) => expression(only).test(nameOf(item)))
  if (chosen.length === 0) throw new UsageError(`--only: nothing matches ${only}`)
  return chosen
}

function expression(source: string): RegExp {
  try {
    return new RegExp(source)
  } catch (error) {
    throw new UsageError(`--only: ${(error as Error).message}`)
  }
}

/** Runs the command to its exit code, and ends the process. */
export function run(main: () => Promise<number>): void {
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      const usage = error instanceof UsageError
      console.error(error instanceof Error ? `${error.message}${usage ? ' (see --help)' : ''}` : error)
      process.exit(usage ? 2 : 1)
    },
  )
}
