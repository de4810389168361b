// From a plain value to the effective configuration, or to the list of everything that is wrong with it.

import { OperatorError } from '../errors.ts'
import { checkArray } from './array-rules.ts'
import { formatProblem, type Problem, problemsOf } from './problem.ts'
import { type ArrayConfig, type ArrayInput, arraySchema } from './schema.ts'

/** All problems at once, in the order of the document where it has one. */
export function examine(input: unknown): { config: ArrayConfig } | { problems: Problem[] } {
  const result = arraySchema.safeParse(input)
  const problems = [...(result.success ? [] : problemsOf(result.error.issues, input)), ...checkArray(input)]
  return result.success && problems.length === 0 ? { config: result.data } : { problems }
}

/**
 * The effective configuration of an array that a program starts: every default filled in, sizes in bytes. Where no portals
 * are given it is a free port of 127.0.0.1, so that arrays of several tests never meet. Parsing a result again gives the same.
 * @throws OperatorError one line for each thing that is wrong: its key path, what was found, what is allowed
 */
export function parseConfig(input: ArrayInput): ArrayConfig {
  const silent = typeof input === 'object' && input !== null && !Array.isArray(input) && input.portals === undefined
  const examined = examine(silent ? { ...input, portals: ['127.0.0.1:0'] } : input)
  if ('config' in examined) return examined.config
  throw new OperatorError(examined.problems.map(formatProblem).join('\n'))
}
