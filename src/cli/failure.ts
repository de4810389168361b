// How a command that failed says so. What the operator can cure is one sentence; anything else is ours: it shows its stack
// and asks for a report.

import { StoreError } from '../../luns/errors.ts'
import { OperatorError } from '../errors.ts'
import type { Terminal } from './command.ts'

/** Gives the exit code. */
export function reportFailure(error: unknown, { stderr, version }: Terminal): number {
  if (isOperators(error)) {
    stderr.write(`${error.message}\n`)
    return 1
  }
  const stack = error instanceof Error ? error.stack : String(error)
  stderr.write(
    `${stack}\nThis is a fault of Lunette ${version} (Node ${process.version}): please report it with the lines above.\n`,
  )
  return 1
}

function isOperators(error: unknown): error is Error {
  return error instanceof OperatorError || (error instanceof StoreError && error.failure === 'cannot open')
}
