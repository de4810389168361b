// The result functions of text negotiation (RFC 7143 6.2.1, 6.2.2): what a responder answers to an offer, and whether
// an answer may follow from one.

import type { BooleanKey, ListKey, NegotiatedKey, NumberKey } from './keys.ts'
import { parseNumber } from './text.ts'

export type KeyValue = string | number | boolean
/** What a side is ready for: of a list every value that it supports, in its order of preference. */
export type OwnValue = KeyValue | readonly string[]

/** What the responder answers to `offered`, or undefined when it is malformed, out of range or has nothing in common. */
export function respond(row: NegotiatedKey, offered: string, own: OwnValue): KeyValue | undefined {
  if (row.kind === 'list') return offered.split(',').find((value) => (own as readonly string[]).includes(value))
  const value = parseValue(row, offered)
  return value === undefined ? undefined : combine(row, value, own as number | boolean)
}

/** The result that `answer` makes of what was offered, or undefined when the answer is not admissible. */
export function conclude(row: NegotiatedKey, offered: string, answer: string): KeyValue | undefined {
  if (row.kind === 'list') return offered.split(',').includes(answer) ? answer : undefined
  const value = parseValue(row, answer)
  if (value === undefined) return undefined
  // A result stays what it is when the result function is applied to it again.
  return combine(row, parseValue(row, offered)!, value) === value ? value : undefined
}

/** Whether an offer settles the result alone, so that the answer is optional (RFC 7143 6.2.2). */
export const isDecisive = (row: NegotiatedKey, offered: string): boolean =>
  (row.kind === 'or' && offered === 'Yes') || (row.kind === 'and' && offered === 'No')

function parseValue(row: BooleanKey | NumberKey, text: string): number | boolean | undefined {
  if (!('min' in row)) return text === 'Yes' ? true : text === 'No' ? false : undefined
  const number = parseNumber(text)
  return number !== undefined && number >= row.min && number <= row.max ? number : undefined
}

function combine(row: BooleanKey | NumberKey, a: number | boolean, b: number | boolean): number | boolean {
  switch (row.kind) {
    case 'or':
      return a || b
    case 'and':
      return a && b
    case 'minimum':
      return Math.min(a as number, b as number)
    case 'maximum':
      return Math.max(a as number, b as number)
  }
}

/** The value as text. */
export function formatValue(value: OwnValue): string {
  if (typeof value === 'boolean') return value ? 'Yes' : 'No'
  return typeof value === 'object' ? value.join(',') : String(value)
}

/** Whether a side may be ready for `own`: within the range of the row, or a list of its values. */
export function isAdmissible(row: NegotiatedKey, own: OwnValue): boolean {
  if (row.kind === 'list') return isListOf(row, own)
  return typeof own === typeof row.default && parseValue(row, formatValue(own)) === own
}

function isListOf(row: ListKey, own: OwnValue): boolean {
  return typeof own === 'object' && own.length > 0 && own.every((value) => row.values.includes(value))
}
