// A log that keeps what is logged as an error, for tests in which nothing may be.

import { errorLines } from '../../../conformance/targets/lunette.ts'
import { createLogger, type Logger } from '../../../src/log.ts'

export function errorLog(): { readonly log: Logger; errors(): string[] } {
  const errors = new Set<string>()
  const write = (lines: string): void => {
    for (const error of errorLines(lines)) errors.add(error)
  }
  return { log: createLogger('error', { write }, false), errors: () => [...errors] }
}
