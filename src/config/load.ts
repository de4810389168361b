// Reads a configuration file: YAML, of which JSON is a part. Every error names the file, the line and the column, the key
// path, what was found and what is allowed; all of them are told at once, and nothing of a file with errors is used.

import { dirname, resolve } from 'node:path'
import { OperatorError } from '../errors.ts'
import { examine } from './parse.ts'
import { formatPath, type Problem, textOf } from './problem.ts'
import { readText } from './read-text.ts'
import { type ArrayConfig, arraySchema } from './schema.ts'
import { locateSecrets, readSecrets } from './secrets.ts'
import { Source } from './source.ts'

/** Told, and looked up in the file: past these, a count must do. */
const MAX_TOLD = 50
const MAX_LOCATED = 1000

/** What the command line says in place of the file. */
export interface Overrides {
  readonly data?: string
  readonly portals?: string[]
}

interface Line {
  readonly offset: number
  readonly line: string
}

/** What is served without a file: one target with one thin LUN, its data seen from the working directory. */
export function defaultConfig(overrides: Overrides = {}): ArrayConfig {
  const { data, ...rest } = arraySchema.parse(overrides)
  return { data: resolve(data), ...rest }
}

/** A file that is a configuration. */
export interface ConfigFile {
  /** The effective configuration. A relative `data` or `secretFile` is seen from the file's directory and returned absolute. */
  readonly config: ArrayConfig
  /** What is wrong with it where it is to be used, a line each, with its place in the file. */
  refusal(problems: readonly Problem[]): OperatorError
}

/** The effective configuration that FILE describes. Throws OperatorError as readConfig. */
export async function loadConfig(file: string, overrides: Overrides = {}): Promise<ArrayConfig> {
  return (await readConfig(file, overrides)).config
}

/** @throws OperatorError one line for each thing that is wrong */
export async function readConfig(file: string, overrides: Overrides = {}): Promise<ConfigFile> {
  const source = new Source(await readText(file))
  const where = (offset: number) => `${file}:${source.position(offset)}`
  const syntax = source.flaws.map(({ offset, text }) => ({ offset, line: `${where(offset)}: ${text}` }))
  if (!source.flaws.every(({ harmless }) => harmless)) throw refused(syntax)

  const placed = (problem: Problem): Line => {
    if (problem.path[0] !== undefined && problem.path[0] in overrides) return { offset: -1, line: ofOption(problem) }
    const { offset, written } = source.locate(problem)
    return { offset, line: [where(offset), formatPath(problem.path), textOf(problem, written)].join(': ') }
  }
  const refusal = (problems: readonly Problem[]): OperatorError => {
    const wrong = problems.slice(0, MAX_LOCATED).map(placed)
    return refused([...syntax, ...wrong], problems.length - wrong.length)
  }
  const examined = examine({ ...valuesOf(source, file), ...overrides })
  if ('problems' in examined) throw refusal(examined.problems)
  if (syntax.length > 0) throw refused(syntax)
  const config = await locateSecrets(examined.config, dirname(file))
  const { problems } = await readSecrets(config)
  if (problems.length > 0) throw refusal(problems)
  return { config: { ...config, data: overrides.data ?? resolve(dirname(file), config.data) }, refusal }
}

function valuesOf(source: Source, file: string): Record<string, unknown> {
  if (source.kind === 'nothing') throw new OperatorError(`${file}: is empty; a configuration is a YAML mapping`)
  if (source.kind === 'other') throw new OperatorError(`${file}: is not a YAML mapping of keys and values`)
  try {
    return source.toJS()
  } catch (error) {
    throw new OperatorError(`${file}: its aliases cannot be resolved (${(error as Error).message})`, { cause: error })
  }
}

/** The options are named like the keys, in the singular. */
function ofOption(problem: Problem): string {
  return `--${String(problem.path[0]).replace(/s$/, '')}: ${textOf(problem)}`
}

/** In the order of the file. */
function refused(found: Line[], untold = 0): OperatorError {
  const lines = found.sort((a, b) => a.offset - b.offset).map(({ line }) => line)
  const more = untold + Math.max(0, lines.length - MAX_TOLD)
  return new OperatorError([...lines.slice(0, MAX_TOLD), ...(more > 0 ? [`and ${more} more`] : [])].join('\n'))
}
