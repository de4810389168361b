// The numbers that a logical unit has: its own, or for some initiators another one. A number is one logical unit's for each
// initiator (SAM-5 4.7).

import { matcher } from './initiators.ts'
import { formatPath, type Path, type Problem } from './problem.ts'
import type { LunConfig } from './schema.ts'

/** A LUN that parsed, and where it stands. */
export interface LunPart {
  readonly path: Path
  readonly lun: LunConfig
}

type Numbered = Pick<LunConfig, 'id' | 'initiators' | 'presentations'>

/** Tells the number that an initiator finds the LUN under; undefined for one that does not see it. */
export function numbering({ id, initiators, presentations }: Numbered): (name: string) => number | undefined {
  const sees = matcher(initiators)
  const others = presentations.map((one) => ({ is: matcher(one.initiators), id: one.id }))
  return (name) => (sees(name) ? (others.find(({ is }) => is(name))?.id ?? id) : undefined)
}

/** Someone that no list names. */
const STRANGER = 'iqn.1970-01.invalid.stranger'

/**
 * LUNs of one target that an initiator would find under one number. Everybody who is named is tried, each wildcard as nothing;
 * where wildcards of several lists meet in an initiator that nobody thought of, it sees the LUN with the lower id.
 */
export function presentedTwice(luns: readonly LunPart[]): Problem[] {
  if (luns.every(({ lun }) => lun.presentations.length === 0)) return []
  if (new Set(luns.map(({ lun }) => lun.id)).size < luns.length) return [] // which is told already
  const numbered = luns.map(({ path, lun }) => ({ path, lun, numberFor: numbering(lun) }))
  const wrong = new Map<LunConfig, Problem>()
  for (const name of namesIn(luns)) {
    const holders = new Map<number, Path>()
    for (const { path, lun, numberFor } of numbered) {
      const number = numberFor(name)
      if (number === undefined) continue
      const holder = holders.get(number)
      if (!holder) holders.set(number, path)
      else if (!wrong.has(lun)) wrong.set(lun, taken(path, lun, number, name, holder))
    }
  }
  return [...wrong.values()]
}

function taken(path: Path, lun: LunConfig, number: number, name: string, holder: Path): Problem {
  const who = name === STRANGER ? 'others' : name
  const index = lun.presentations.findIndex(({ id, initiators }) => id === number && matcher(initiators)(name))
  return {
    path: index < 0 ? [...path, 'id'] : [...path, 'presentations', index, 'id'],
    found: number,
    allowed: `a number that no other LUN has for ${who} (${formatPath(holder)} has this one)`,
  }
}

function namesIn(luns: readonly LunPart[]): Set<string> {
  const lists = luns.flatMap(({ lun }) => [lun.initiators, ...lun.presentations.map(({ initiators }) => initiators)])
  const names = lists.flatMap((list) => (list === 'any' ? [] : list.map((entry) => entry.replaceAll('*', ''))))
  return new Set([STRANGER, ...names])
}
