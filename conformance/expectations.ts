// What each test is expected to do. Every test passes but for those that conformance/expectations/TARGET.yaml names, each
// with its reason and clause. A test that does anything else fails, and so does an entry that names no test.

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import type { Outcome, Result, TestCase } from './suite.ts'

const oneOrMore = z.union([z.string(), z.array(z.string()).nonempty()]).transform((value) => [value].flat())

const Entry = z.strictObject({
  suite: z.string(),
  kind: oneOrMore,
  test: oneOrMore,
  expected: z.enum(['pass', 'skip', 'fail']),
  /** Words that the tool must print, so that a skip or a failure for another reason is noticed. */
  says: z.string().optional(),
  reason: z.string().min(10),
  clause: z.string().min(3),
})

export interface Expectation {
  readonly suite: string
  readonly kind: string
  readonly test: string
  readonly expected: Outcome
  readonly says?: string | undefined
  readonly reason: string
  readonly clause: string
}

export type Verdict = 'passed' | 'failed' | 'skipped'

export interface Judged extends Result {
  readonly suite: string
  readonly verdict: Verdict
  /** Why a test that is not plainly passed has this verdict. */
  readonly why?: string
}

export function readExpectations(file: string): Expectation[] {
  return parseExpectations(readFileSync(file, 'utf8'), file)
}

export function parseExpectations(text: string, file: string): Expectation[] {
  const parsed = z.array(Entry).safeParse(parse(text) ?? [])
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`)
  const expectations = parsed.data.flatMap(({ kind, test, ...rest }) =>
    kind.flatMap((eachKind) => test.map((eachTest) => ({ ...rest, kind: eachKind, test: eachTest }))),
  )
  const seen = new Set<string>()
  for (const each of expectations) {
    const name = `${each.suite} ${each.kind} ${each.test}`
    if (seen.has(name)) throw new Error(`${file}: ${name} has two expectations`)
    seen.add(name)
  }
  return expectations
}

export function expectationOf(expectations: readonly Expectation[], suite: string, { kind, test }: TestCase) {
  return expectations.find((each) => each.suite === suite && each.kind === kind && each.test === test)
}

/** Entries of a suite that name no test of it. */
export function staleExpectations(expectations: readonly Expectation[], suite: string, cases: readonly TestCase[]) {
  return expectations.filter(
    (entry) => entry.suite === suite && !cases.some(({ kind, test }) => entry.kind === kind && entry.test === test),
  )
}

/** An expected failure counts as skipped: nothing has been shown by it. */
export function judge(suite: string, result: Result, expectation: Expectation | undefined): Judged {
  const { verdict, why } = verdictOf(result, expectation)
  return { suite, ...result, verdict, ...(why === undefined ? {} : { why }) }
}

function verdictOf(
  { outcome, detail }: Result,
  expectation: Expectation | undefined,
): { verdict: Verdict; why?: string } {
  const expected = expectation?.expected ?? 'pass'
  if (outcome !== expected) {
    const wanted = expectation === undefined ? 'a pass' : `a ${expected} (${expectation.reason})`
    return {
      verdict: 'failed',
      why: outcome === 'fail' ? detail : `${NOUN[outcome]} where ${wanted} is expected: ${detail}`,
    }
  }
  if (outcome === 'pass' || expectation === undefined) return { verdict: 'passed' }
  if (expectation.says !== undefined && !detail.includes(expectation.says)) {
    return { verdict: 'failed', why: `the ${outcome} is expected to say "${expectation.says}", but says: ${detail}` }
  }
  const what = outcome === 'fail' ? 'known failure: ' : ''
  return { verdict: 'skipped', why: `${what}${expectation.reason} (${expectation.clause})` }
}

const NOUN: Record<Outcome, string> = { pass: 'an unexpected pass', skip: 'a skip', fail: 'a failure' }
