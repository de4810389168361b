// The README's table of MUST clauses is what the tests' names say, and every clause is proven or is said not to be met yet.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { MUST_CLAUSES } from '../../conformance/must-clauses.ts'
import {
  clausesOf,
  MUST_END,
  MUST_START,
  mustTable,
  testsByClause,
  withMustTable,
} from '../../conformance/must-table.ts'
import { namesIn, testNames } from '../../conformance/test-names.ts'

const NAMES = testNames(fileURLToPath(new URL('..', import.meta.url)))
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

describe('the clauses of RFC 7143 that say MUST to a target', () => {
  test('the README has the table (npm run docs writes it)', () => {
    expect(withMustTable(README, MUST_CLAUSES, NAMES)).toBe(README)
  })

  test('each has a test that names it, or is marked as not met yet; none both', () => {
    const tests = testsByClause(NAMES)
    const wrong = MUST_CLAUSES.filter(({ clause, notYet }) => tests.has(clause) === (notYet !== undefined))
    expect(wrong).toEqual([])
  })

  test('each stands there once, in the order of the standard', () => {
    const clauses = MUST_CLAUSES.map(({ clause }) => clause.split('.').map(Number))
    const inOrder = clauses.every((clause, i) => i === 0 || follows(clause, clauses[i - 1]!))
    expect(inOrder).toBe(true)
  })

  test('a README without its place is an error', () => {
    expect(() => withMustTable(`${MUST_END} ${MUST_START}`, MUST_CLAUSES, NAMES)).toThrow(/no place/)
  })
})

describe('a line of the table', () => {
  const names = [
    { file: 'target/a.test.ts', path: ['a group', 'a | test (RFC 7143 1.2, 3)'] },
    { file: 'host/b.test.ts', path: ['of an initiator (RFC 7143 1.2)'] },
  ]
  const line = (...clauses: Parameters<typeof mustTable>[0]) => mustTable(clauses, names).split('\n').at(-1)

  test('a clause and its test; the initiator’s tests prove nothing of a target', () => {
    expect(line({ clause: '1.2', demand: 'do' })).toBe('| 1.2 | do | `target/a` a group: a \\| test |')
  })

  test('what is missing, and what is not met', () => {
    expect(line({ clause: '3', demand: 'do', but: 'not all' })).toContain('| do (**but** not all) |')
    expect(line({ clause: '4', demand: 'do', notYet: 'too early' })).toBe('| 4 | do | **not yet**: too early |')
  })
})

describe('what a title names', () => {
  test.each([
    ['a test (RFC 7143 11.13.5)', ['11.13.5']],
    ['a test (RFC 7143 6.2.1, 13.9 to 13.11, 7): more', ['6.2.1', '13.9', '13.10', '13.11', '7']],
    ['a target that has moved (RFC 7143 11.13.5: out of resources)', ['11.13.5']],
    ['SendTargets (RFC 7143 appendix C), SAM-5 8.6', []],
  ])('%s', (title, clauses) => expect(clausesOf(title)).toEqual(clauses))
})

test('names are read from sources as they are nested', () => {
  const source = `
describe('outer', () => {
  test('it’s one', () => {})
  test.each([
    ['(', ')'], // a comment with ')
  ])('%s, the second', () => {})
  describe.each<[string, () => void]>(CASES)('inner', (_, a) => {
    test(
      "the third",
      () => {},
    )
  })
})
test(\`the fourth\`, () => {})
test(nameOf(1), () => {})
`
  expect(namesIn('x.test.ts', source).map(({ path }) => path)).toEqual([
    ['outer'],
    ['outer', 'it’s one'],
    ['outer', '%s, the second'],
    ['outer', 'inner'],
    ['outer', 'inner', 'the third'],
    ['the fourth'],
  ])
})

/** Whether a clause comes after another one. */
function follows(clause: readonly number[], before: readonly number[]): boolean {
  const at = clause.findIndex((number, i) => number !== before[i])
  return at >= 0 && clause[at]! > (before[at] ?? -1)
}
