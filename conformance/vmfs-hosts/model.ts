// What a worker's files must be: changed by each operation that is acknowledged, and by one that is not either wholly or not at all.

import { type Content, digestOf, lengthOf } from './content.ts'
import type { Seen } from './messages.ts'

/** Undefined: there is nothing. */
export type Entry = { readonly kind: 'file'; readonly content: Content } | { readonly kind: 'directory' } | undefined

export interface Effect {
  readonly path: string
  readonly before: Entry
  readonly after: Entry
  /** It may have happened in part: the file is as it was up to its old end, and what follows is not said. */
  readonly inParts?: boolean
}

export class FileModel {
  readonly #entries = new Map<string, Exclude<Entry, undefined>>()

  get entries(): ReadonlyMap<string, Exclude<Entry, undefined>> {
    return this.#entries
  }

  get files(): [string, Content][] {
    return [...this.#entries].flatMap(([path, entry]) => (entry.kind === 'file' ? [[path, entry.content]] : []))
  }

  get directories(): string[] {
    return [...this.#entries].flatMap(([path, { kind }]) => (kind === 'directory' ? [path] : []))
  }

  set(path: string, entry: Entry): void {
    if (entry) this.#entries.set(path, entry)
    else this.#entries.delete(path)
  }

  apply(effects: readonly Effect[]): void {
    for (const { path, after } of effects) this.set(path, after)
  }

  /**
   * Settles an operation of which nobody knows whether it happened.
   * @returns what is wrong with what was seen: neither the one nor the other
   */
  settle(effects: readonly Effect[], seen: readonly Seen[]): string | undefined {
    for (const which of ['before', 'after'] as const) {
      const wrong = effects.some((effect, index) => difference(effect[which], seen[index]!) !== undefined)
      if (wrong) continue
      for (const effect of effects) this.set(effect.path, effect[which])
      return undefined
    }
    const [first] = effects
    if (first?.inParts && isInParts(first, seen[0]!)) return undefined
    return effects.map((effect, index) => `${effect.path}: ${both(effect, seen[index]!)}`).join('; ')
  }
}

const both = ({ before, after }: Effect, seen: Seen): string =>
  `neither ${describe(before)} nor ${describe(after)}, but ${describeSeen(seen)}`

function isInParts({ before, after }: Effect, seen: Seen): boolean {
  if (before?.kind !== 'file' || after?.kind !== 'file' || seen.kind !== 'file') return false
  const [least, most] = [lengthOf(before.content), lengthOf(after.content)]
  return seen.length! >= least && seen.length! <= most && seen.prefix === digestOf(before.content)
}

/** What is wrong; undefined where it is as it must be. */
export function difference(wanted: Entry, seen: Seen): string | undefined {
  const good =
    wanted?.kind === 'file'
      ? seen.kind === 'file' && seen.length === lengthOf(wanted.content) && seen.digest === digestOf(wanted.content)
      : seen.kind === (wanted?.kind ?? 'nothing')
  return good ? undefined : `should be ${describe(wanted)} and is ${describeSeen(seen)}`
}

const describe = (entry: Entry): string =>
  entry?.kind === 'file'
    ? `a file of ${lengthOf(entry.content)} bytes (${digestOf(entry.content).slice(0, 8)})`
    : entry
      ? 'a directory'
      : 'nothing'
const describeSeen = ({ kind, length, digest }: Seen): string =>
  kind === 'file' ? `a file of ${length} bytes (${digest?.slice(0, 8)})` : kind

interface Write {
  readonly entry: Entry
  readonly begun: number
  ended: number
}

/** A file that all workers write: what it holds at the end is of a write that no other one has followed. */
export class SharedFile {
  readonly path: string
  readonly #writes: Write[] = [{ entry: undefined, begun: -1, ended: -1 }]
  #time = 0

  constructor(path: string) {
    this.path = path
  }

  /** @returns what to call with what became of it: it happened, it did not, or nobody knows */
  begin(entry: Entry): (outcome: 'done' | 'not done' | 'unknown') => void {
    const write: Write = { entry, begun: this.#time++, ended: Number.POSITIVE_INFINITY }
    this.#writes.push(write)
    return (outcome) => {
      if (outcome === 'done') write.ended = this.#time++
      if (outcome === 'not done') this.#writes.splice(this.#writes.indexOf(write), 1)
    }
  }

  /** What is wrong with what was seen after all of them. */
  judge(seen: Seen): string | undefined {
    const possible = this.#writes.filter(
      ({ ended }) => !this.#writes.some((other) => isDone(other) && other.begun > ended),
    )
    if (possible.some(({ entry }) => difference(entry, seen) === undefined)) return undefined
    return `is ${describeSeen(seen)}, and of the last writes one has ${possible.map(({ entry }) => describe(entry)).join(', one ')}`
  }
}

const isDone = ({ ended }: Write): boolean => Number.isFinite(ended)
