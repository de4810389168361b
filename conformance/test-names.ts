// The names of all tests, read from their sources: what `describe` and `test` are called with, and how they are nested. The
// formatter keeps one statement a line and two blanks a level, which is all that this relies on.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface TestName {
  /** Under test/, "target/login.test.ts". */
  readonly file: string
  /** The titles of the groups around it, and its own. */
  readonly path: readonly string[]
}

const CALL = /^( *)(?:describe|test)(?:\.(each|for|concurrent))?(?:<.*>)?(?=[(`])/

/** Every group and every test under a folder, in the order of the files. */
export function testNames(folder: string): TestName[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'))
  return files.sort().flatMap((file) => namesIn(file, readFileSync(join(folder, file), 'utf8')))
}

export function namesIn(file: string, source: string): TestName[] {
  const names: TestName[] = []
  const around: { readonly indent: number; readonly title: string }[] = []
  let offset = 0
  for (const line of source.split('\n')) {
    const call = CALL.exec(line)
    if (call) {
      const indent = call[1]!.length
      while (around.length > 0 && around.at(-1)!.indent >= indent) around.pop()
      const title = titleAt(source, offset + call[0].length, call[2] === 'each' || call[2] === 'for')
      if (title !== undefined) {
        around.push({ indent, title })
        names.push({ file, path: around.map((each) => each.title) })
      }
    }
    offset += line.length + 1
  }
  return names
}

/** The first argument of the call whose parenthesis stands at `at`; of the second call for `each` and `for`. */
function titleAt(source: string, at: number, table: boolean): string | undefined {
  let start = at
  if (table) start = source[at] === '`' ? endOfString(source, at) : endOfParenthesis(source, at)
  const open = /^\(\s*/.exec(source.slice(start, start + 200))
  if (!open) return undefined
  const quote = start + open[0].length
  if (!'\'"`'.includes(source[quote]!)) return undefined
  return source.slice(quote + 1, endOfString(source, quote) - 1).replaceAll("\\'", "'")
}

/** Right behind the parenthesis that closes the one at `at`. */
function endOfParenthesis(source: string, at: number): number {
  let depth = 0
  for (let i = at; i < source.length; i++) {
    const char = source[i]!
    if ('\'"`'.includes(char)) i = endOfString(source, i) - 1
    else if (source.startsWith('//', i)) i = source.indexOf('\n', i)
    else if (char === '(') depth++
    else if (char === ')' && --depth === 0) return i + 1
  }
  return source.length
}

/** Right behind the quote that closes the one at `at`. */
function endOfString(source: string, at: number): number {
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] === '\\') i++
    else if (source[i] === source[at]) return i + 1
  }
  return source.length
}
