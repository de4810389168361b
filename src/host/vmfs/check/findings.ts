// Collects what is wrong, with what would mend it. A report has room for so many findings; those past them are counted, and come
// with the next round of a repair.

import type { Volume } from '../volume.ts'
import type { Writing } from '../writing.ts'
import type { Claims, Counted } from './claims.ts'

import type { Finding } from './report.ts'

/** Repairs come in this order, each kind in a round of its own: later ones rely on what earlier ones have mended. */
export const PHASES = ['hosts', 'headers', 'claims', 'directories', 'entries', 'descriptors', 'bitmaps'] as const
export type Phase = (typeof PHASES)[number]

export interface Mend {
  readonly phase: Phase
  /** Findings of one key are mended together, by the mend of the first. */
  readonly key: string
  run(writing: Writing): Promise<void>
}

const MAX_FINDINGS = 10_000
/** Of what seems to be in use by nobody, when not everything could be read. */
export const KEPT = '(it is kept: what cannot be read may lead to it)'

export class Findings {
  readonly list: Finding[] = []
  readonly mends = new Map<string, Mend & { readonly findings: Finding[] }>()
  more = 0
  /** Locks that hosts held whose heartbeat is over: they go to whoever wants them, and are no finding. */
  locksOfTheDead = 0
  /** Something could not be read that may lead to what seems to be in use by nobody: that is kept. */
  incomplete = false

  add(finding: Finding, mend?: Mend): void {
    if (this.list.length >= MAX_FINDINGS) {
      this.more++
      return
    }
    this.list.push(finding)
    if (!mend) return
    const known = this.mends.get(mend.key)
    if (known) known.findings.push(finding)
    else this.mends.set(mend.key, { ...mend, findings: [finding] })
  }

  /** A lock that excludes nobody any more. */
  addLockOfTheDead(mend: Mend): void {
    this.locksOfTheDead++
    if (this.mends.size < MAX_FINDINGS) this.mends.set(mend.key, { ...mend, findings: [] })
  }

  /** Says of the findings of a mend why it did not work. */
  fail(key: string, why: string): void {
    const mend = this.mends.get(key)
    for (const finding of mend?.findings ?? []) {
      const { repair: _, ...rest } = finding
      this.list[this.list.indexOf(finding)] = {
        ...rest,
        message: `${finding.message} (it could not be mended: ${why})`,
      }
    }
  }

  /** Of the first phase that has any, up to the last one, without those that have failed. */
  nextMends(last: Phase, failed: ReadonlyMap<string, string>): (Mend & { readonly findings: Finding[] })[] {
    const all = [...this.mends.values()].filter(({ key }) => !failed.has(key))
    const phases = PHASES.slice(0, PHASES.indexOf(last) + 1)
    const phase = phases.find((each) => all.some((mend) => mend.phase === each))
    return all.filter((mend) => mend.phase === phase)
  }
}

/** What the parts of the checker share. */
export interface CheckContext {
  readonly volume: Volume
  readonly findings: Findings
  readonly claims: Readonly<Partial<Record<Counted, Claims>>>
}
