// The conversation with the guest of the open-iscsi suite (conformance/vm/guest/suite.sh), line by line:
//   guest: begin NAME      | OUTPUT LINE      end NAME STATUS      host restart SIGTERM
//   host:  done            (or why not)
// and the list of its tests, which is read from the scripts: one function test_NAME each.

import type { TestCase } from '../suite.ts'

export interface GuestTest extends TestCase {
  /** The function's name without test_. */
  readonly name: string
  readonly about: string
}

const TEST = /^test_(?<name>\w+)\(\) \{ # (?<kind>\w+): (?<about>.+)$/gm

export function readGuestTests(script: string): GuestTest[] {
  return [...script.matchAll(TEST)].map(({ groups }) => {
    const test = groups!.name!.replaceAll('_', ' ')
    return { kind: groups!.kind!, group: test, test, name: groups!.name!, about: groups!.about! }
  })
}

export type GuestSays =
  | { readonly says: 'begin'; readonly name: string }
  | { readonly says: 'output'; readonly line: string }
  | { readonly says: 'end'; readonly name: string; readonly status: number }
  | { readonly says: 'restart'; readonly signal: 'SIGTERM' | 'SIGKILL' }

/** What a line of the guest means; undefined for a line that is none of the conversation's. */
export function readGuestLine(line: string): GuestSays | undefined {
  const [word, first, second] = line.trim().split(' ')
  if (word === '|') return { says: 'output', line: line.slice(2).trimEnd() }
  if (word === 'begin' && first !== undefined) return { says: 'begin', name: first }
  if (word === 'end' && first !== undefined && second !== undefined)
    return { says: 'end', name: first, status: Number(second) }
  if (word === 'host' && first === 'restart' && (second === 'SIGTERM' || second === 'SIGKILL')) {
    return { says: 'restart', signal: second }
  }
  return undefined
}
