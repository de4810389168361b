// Reads a configuration file: YAML, of which JSON is a part. Every error names the file, the line and the column, the key
// path, what was found and what is allowed; all of them are told at once, and nothing of a file with errors is used.

import { type FileHandle, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { OperatorError } from '../errors.ts'
import { examine } from './parse.ts'
import { formatPath, type Problem, shorten, textOf } from './problem.ts'
import type { ArrayConfig } from './schema.ts'

const MAX_FILE_BYTES = 2 ** 20
/** Values that aliases may stand for, all together. */
const MAX_ALIASED = 1000
const MAX_PROBLEMS = 50

/** What the command line says in place of the file. */
export interface Overrides {
  readonly data?: string
  readonly portals?: string[]
}

/**
 * The effective configuration that FILE describes. A relative `data` is seen from the file's directory and returned absolute.
 * @throws OperatorError one line for each thing that is wrong
 */
export async function loadConfig(file: string, overrides: Overrides = {}): Promise<ArrayConfig> {
  const text = await readText(file)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false, logLevel: 'silent' })
  const where = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const flaws = [...document.errors, ...document.warnings]
  const syntax = flaws.map(({ code, message, pos: [start] }) => {
    const what = code === 'DUPLICATE_KEY' ? `found ${keyAt(text, start)} twice; allowed: each key once` : message
    return { offset: start, line: `${where(start)}: ${what}` }
  })
  if (flaws.some(({ code }) => code !== 'DUPLICATE_KEY')) throw refused(syntax)

  const input = toMapping(document, file)
  const examined = examine({ ...input, ...overrides })
  if ('config' in examined && syntax.length === 0)
    return { ...examined.config, data: overrides.data ?? resolve(dirname(file), examined.config.data) }
  const problems = 'config' in examined ? [] : examined.problems
  throw refused([
    ...syntax,
    ...problems.map((problem) => {
      const [option] = problem.path
      if (typeof option === 'string' && option in overrides)
        return { offset: -1, line: `--${option.replace(/s$/, '')}: ${textOf(problem)}` }
      const { offset, written } = locate(document, problem)
      return { offset, line: `${where(offset)}: ${formatPath(problem.path)}: ${textOf(problem, written)}` }
    }),
  ])
}

/** In the order of the file. */
function refused(found: { offset: number; line: string }[]): OperatorError {
  const lines = found.sort((a, b) => a.offset - b.offset).map(({ line }) => line)
  const rest = lines.length - MAX_PROBLEMS
  return new OperatorError([...lines.slice(0, MAX_PROBLEMS), ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n'))
}

function toMapping(document: Document, file: string): Record<string, unknown> {
  if (document.contents === null) throw new OperatorError(`${file}: is empty; a configuration is a YAML mapping`)
  if (!isMap(document.contents)) throw new OperatorError(`${file}: is not a YAML mapping of keys and values`)
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASED })
  } catch (error) {
    throw new OperatorError(`${file}: its aliases cannot be resolved (${(error as Error).message})`, { cause: error })
  }
}

/** Where a problem stands and what is written there; its nearest neighbour upwards where it is not in the file. */
function locate(document: Document, { path, unknownKey }: Problem): { offset: number; written?: string } {
  let node: Node | null = document.contents
  let offset = node?.range?.[0] ?? 0
  for (const [depth, step] of path.entries()) {
    const last = depth === path.length - 1
    const next = child(node, step, document)
    if (next === undefined) return { offset }
    offset = (last && unknownKey ? next.key : (next.value ?? next.key))?.range?.[0] ?? offset
    node = next.value
  }
  // A number as its author wrote it: 1.0 is not 1, and what is not decimal or has 32 digits is not what JavaScript makes of it.
  if (!isScalar(node) || typeof node.value !== 'number' || !node.source) return { offset }
  return { offset, written: shorten(node.source) }
}

function child(
  parent: Node | null,
  step: PropertyKey,
  document: Document,
): { key: Node | null; value: Node | null } | undefined {
  const node = isAlias(parent) ? parent.resolve(document) : parent
  if (isSeq(node)) {
    const item = node.items[Number(step)] as Node | undefined
    return item && { key: item, value: item }
  }
  if (!isMap(node)) return undefined
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step)
  return pair && { key: pair.key as Node, value: pair.value as Node | null }
}

function keyAt(text: string, offset: number): string {
  return /^(?:"[^"\n]*"|'[^'\n]*'|[^\s:,]+)/.exec(text.slice(offset, offset + 100))?.[0] ?? 'a key'
}

async function readText(file: string): Promise<string> {
  const bytes = await readBounded(file)
  if (bytes.length > MAX_FILE_BYTES)
    throw new OperatorError(`${file}: is larger than 1 MiB, too large for a configuration`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new OperatorError(`${file}: is not UTF-8 text`, { cause: error })
  }
}

/** At most one byte more than is allowed, from whatever can be read: a pipe has no size. */
async function readBounded(file: string): Promise<Buffer> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      chunks.push(chunk)
      length += chunk.length
      if (length > MAX_FILE_BYTES) break
    }
    return Buffer.concat(chunks)
  } catch (error) {
    throw new OperatorError(`${file}: cannot be read (${reason(error)})`, { cause: error })
  } finally {
    await handle?.close()
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
}

function reason(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return REASONS[code] ?? message
}
