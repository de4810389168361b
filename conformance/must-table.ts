// The README's table of what RFC 7143 demands of a target: the clauses of must-clauses.ts, each with the tests that name it.

import type { MustClause } from './must-clauses.ts'
import type { TestName } from './test-names.ts'

export const MUST_START = '<!-- MUST clauses: npm run docs writes them -->'
export const MUST_END = '<!-- end of the MUST clauses -->'

const CITATION = /RFC 7143 ((?:\d+(?:\.\d+)*(?:, | to )?)+)/g

/** The clauses that a title names: "RFC 7143 6.2.1, 13.10 to 13.12" are four. */
export function clausesOf(title: string): string[] {
  return [...title.matchAll(CITATION)].flatMap(([, list]) => list!.split(', ').flatMap(range))
}

function range(item: string): string[] {
  const [first, last] = item.trim().split(' to ')
  if (last === undefined) return first === '' ? [] : [first!]
  const stem = first!.slice(0, first!.lastIndexOf('.') + 1)
  const [from, to] = [first!, last].map((clause) => Number(clause.slice(stem.length))) as [number, number]
  return Array.from({ length: to - from + 1 }, (_, i) => `${stem}${from + i}`)
}

/** Tests of the target's side: those of the initiator prove nothing about it. */
const isOfTarget = ({ file }: TestName): boolean => !file.startsWith('host/') && !file.includes('initiator')

/** For each clause the groups and tests whose own titles name it. */
export function testsByClause(names: readonly TestName[]): Map<string, TestName[]> {
  const found = new Map<string, TestName[]>()
  for (const name of names.filter(isOfTarget))
    for (const clause of clausesOf(name.path.at(-1)!)) found.set(clause, [...(found.get(clause) ?? []), name])
  return found
}

/** Markdown: one line a clause. */
export function mustTable(clauses: readonly MustClause[], names: readonly TestName[]): string {
  const tests = testsByClause(names)
  const met = clauses.filter(({ clause }) => tests.has(clause)).length
  const lines = clauses.map(({ clause, demand, but, notYet }) => {
    const cells = tests.get(clause)?.map(testCell)
    const proof = cells ? [...new Set(cells)].join('<br>') : `**not yet**: ${notYet}`
    return [clause, but === undefined ? demand : `${demand} (**but** ${but})`, proof]
  })
  const rows = [['clause', 'a target MUST', `test (${met} of ${clauses.length})`], ['---', '---', '---'], ...lines]
  return rows.map((cells) => `| ${cells.map(escaped).join(' | ')} |`).join('\n')
}

const testCell = ({ file, path }: TestName): string =>
  `\`${file.replace('.test.ts', '')}\` ${path.map(withoutCitation).join(': ')}`

const withoutCitation = (title: string): string => title.replace(/ ?\(RFC 7143 [^)]*\)/g, '')
const escaped = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll('${', '$\\{')

/** The README with the table. Throws where the markers are missing. */
export function withMustTable(readme: string, clauses: readonly MustClause[], names: readonly TestName[]): string {
  const start = readme.indexOf(MUST_START)
  const end = readme.indexOf(MUST_END)
  if (start < 0 || end < start) throw new Error('the README has no place for the MUST clauses')
  return `${readme.slice(0, start)}${MUST_START}\n\n${mustTable(clauses, names)}\n\n${readme.slice(end)}`
}
