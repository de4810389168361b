// A YAML document that remembers where everything stands. What is wrong with its syntax is found here; what is wrong with
// its values is found elsewhere and located here.

import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  visit,
} from 'yaml'
import { type Problem, shorten } from './problem.ts'

/** Aliases are resolved up to this many values, all together: a few lines can stand for billions. */
const MAX_ALIASED = 1000

/** Something wrong, and where its text begins. */
export interface Flaw {
  readonly offset: number
  readonly text: string
  /** The values can be judged all the same. */
  readonly harmless: boolean
}

export class Source {
  readonly flaws: readonly Flaw[]
  readonly #document: Document<ParsedNode>
  readonly #lines = new LineCounter()

  constructor(text: string) {
    const options = { lineCounter: this.#lines, merge: true, prettyErrors: false, logLevel: 'error' } as const
    this.#document = parseDocument(text, options)
    const { errors, warnings } = this.#document
    const found = [...errors, ...warnings].map(({ code, message, pos: [offset] }): Flaw => {
      if (code !== 'DUPLICATE_KEY') return { offset, text: message, harmless: false }
      return { offset, text: `found ${keyAt(text, offset)} twice; allowed: each key once`, harmless: true }
    })
    this.flaws = [...found, ...strayAliases(this.#document)]
  }

  get kind(): 'nothing' | 'mapping' | 'other' {
    const { contents } = this.#document
    if (contents === null || (isScalar(contents) && contents.source === '')) return 'nothing'
    return isMap(contents) ? 'mapping' : 'other'
  }

  /** The document as plain values. Throws an Error when its aliases are too many, or hold themselves. */
  toJS(): Record<string, unknown> {
    return this.#document.toJS({ maxAliasCount: MAX_ALIASED })
  }

  /** "12:9" */
  position(offset: number): string {
    const { line, col } = this.#lines.linePos(offset)
    return `${line}:${col}`
  }

  /** Where a problem stands and what is written there; its nearest neighbour upwards where it is not in the document. */
  locate({ path, unknownKey }: Problem): { offset: number; written?: string } {
    let node: Node | null = this.#document.contents
    let offset = node?.range?.[0] ?? 0
    for (const [depth, step] of path.entries()) {
      const next = this.#child(node, step)
      if (next === undefined) return { offset }
      const onKey = unknownKey && depth === path.length - 1
      offset = (onKey ? next.key : (next.value ?? next.key))?.range?.[0] ?? offset
      node = next.value
    }
    // A number as its author wrote it: 1.0 is not 1, and 32 digits are not what JavaScript makes of them.
    if (!isScalar(node) || typeof node.value !== 'number' || !node.source) return { offset }
    return { offset, written: shorten(node.source) }
  }

  #child(parent: Node | null, step: PropertyKey): { key: Node | null; value: Node | null } | undefined {
    const node = isAlias(parent) ? parent.resolve(this.#document) : parent
    if (isSeq(node)) {
      const item = node.items[Number(step)]
      return isNode(item) ? { key: item, value: item } : undefined
    }
    if (!isMap(node)) return undefined
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step)
    return pair && { key: pair.key as Node, value: pair.value as Node | null }
  }
}

/** An anchor stands before its aliases (YAML 1.2.2, 7.1). */
function strayAliases(document: Document<ParsedNode>): Flaw[] {
  const anchors = new Set<string>()
  const flaws: Flaw[] = []
  visit(document, {
    Node(_, node) {
      if (!isAlias(node)) {
        if (node.anchor) anchors.add(node.anchor)
      } else if (!anchors.has(node.source))
        flaws.push({
          offset: node.range?.[0] ?? 0,
          text: `nothing before it is named &${node.source}`,
          harmless: false,
        })
    },
  })
  return flaws
}

function keyAt(text: string, offset: number): string {
  return /^(?:"[^"\n]*"|'[^'\n]*'|[^\s:,]+)/.exec(text.slice(offset, offset + 100))?.[0] ?? 'a key'
}
