// What a run of the hosts has come to: counts, and what was wrong, by the check that fails for it.

export type FindingKind = 'model' | 'zombies' | 'heartbeats' | 'locks' | 'end' | 'left'

export interface Held {
  readonly host: string
  readonly initiatorName: string
}

const MAX_FINDINGS = 12

export class Story {
  readonly counts: Record<string, number> = {}
  /** Files that a host holds open exclusively, by their paths. */
  readonly held = new Map<string, Held>()
  readonly findings: Record<FindingKind, string[]> = {
    model: [],
    zombies: [],
    heartbeats: [],
    locks: [],
    end: [],
    left: [],
  }
  readonly #tell: (line: string) => void

  /** `tell` writes a line of the run's log. */
  constructor(tell: (line: string) => void) {
    this.#tell = tell
  }

  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by
  }

  /** How long an operation took: the longest of each kind is kept. */
  took(what: string, ms: number): void {
    const name = `longest ${what}, ms`
    this.counts[name] = Math.max(this.counts[name] ?? 0, Math.round(ms))
  }

  wrong(kind: FindingKind, what: string): void {
    this.#tell(`WRONG, ${kind}: ${what}`)
    if (this.findings[kind].length < MAX_FINDINGS) this.findings[kind].push(what)
  }

  /** Of no consequence in itself: an operation of a host that dies. */
  failed(what: string): void {
    this.#tell(what)
  }

  say(line: string): void {
    this.#tell(line)
  }
}
