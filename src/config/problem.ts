// What is wrong with a configuration, one problem a line: the key path, what was found, what is allowed. A reader of files
// puts the position in front.

import type { z } from 'zod'
import { OperatorError } from '../errors.ts'
import { nearest } from './nearest.ts'

export type Path = readonly PropertyKey[]

export interface Problem {
  readonly path: Path
  readonly found: unknown
  readonly allowed: string
  /** The key itself is what is wrong, and `allowed` lists those that exist. */
  readonly unknownKey?: true
  /** A sentence in place of what was found and what is allowed: no other value cures it. */
  readonly reason?: string
}

/** A configuration that is right by itself, and cannot be used where it is to be used. */
export class RefusedConfig extends OperatorError {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'))
    this.name = 'RefusedConfig'
    this.problems = problems
  }
}

/** The schema's issues as problems. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], input: unknown): Problem[] {
  return issues.flatMap((issue) => {
    const { path, message: allowed } = issue
    if (issue.code !== 'unrecognized_keys') return [{ path, found: valueAt(input, path), allowed }]
    return issue.keys.map((key): Problem => ({ path: [...path, key], found: key, allowed, unknownKey: true }))
  })
}

/** A problem in words, without its path. `written` is the value as its author wrote it, where that is known. */
export function textOf({ path, found, allowed, unknownKey, reason }: Problem, written?: string): string {
  if (reason !== undefined) return reason
  if (!unknownKey) {
    const shown = isConfidential(path) ? describeKind(found) : (written ?? describe(found))
    return `found ${shown}; allowed: ${allowed}`
  }
  const meant = nearest(String(found), allowed.split(', '))
  return `unknown key${meant ? `, did you mean ${meant}?` : ';'} allowed: ${allowed}`
}

/** `targets[0].luns[1].blockSize` */
export function formatPath(path: Path): string {
  const text = path.map((step) => {
    if (typeof step === 'number') return `[${step}]`
    return /^[\w-]+$/.test(String(step)) ? `.${String(step)}` : `[${JSON.stringify(String(step))}]`
  })
  return text.join('').replace(/^\./, '')
}

/** One line for a problem of a configuration that no file holds. */
export function formatProblem(problem: Problem): string {
  return [formatPath(problem.path), textOf(problem)].filter(Boolean).join(': ')
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (value as Record<PropertyKey, unknown> | null | undefined)?.[step],
    input,
  )
}

/** Where a secret may stand, in its place or in a wrong one. */
function isConfidential(path: Path): boolean {
  const at = path.findIndex((step) => step === 'auth' || step === 'discoveryAuth')
  return at >= 0 && !path.slice(at).some((step) => OPEN.has(step))
}

const OPEN: ReadonlySet<PropertyKey> = new Set(['user', 'secretFile', 'secretEnv', 'name', 'algorithms'])

/** What kind of value it is, without the value. */
function describeKind(value: unknown): string {
  if (typeof value === 'string') return `text of ${Buffer.byteLength(value)} bytes`
  return typeof value === 'number' ? 'a number' : describe(value)
}

const LONGEST = 60

function describe(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'string') return shorten(JSON.stringify(value))
  if (typeof value === 'object') return 'a mapping'
  return typeof value === 'function' || typeof value === 'symbol' ? `a ${typeof value}` : String(value)
}

export function shorten(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`
}
