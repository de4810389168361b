// What a logical unit remembers of the EXTENDED COPYs of its initiators, for RECEIVE COPY STATUS (SPC-4 6.24): by nexus and
// list identifier, dropped at logical unit reset and with the nexus.

import type { Nexus } from './nexus.ts'

export interface CopyResult {
  status: 'running' | 'completed' | 'failed'
  segments: number
  /** Bytes. */
  transferred: number
}

/** The oldest result makes room for the newest. */
const RESULTS_PER_NEXUS = 64

export class CopyResults {
  readonly #results = new Map<Nexus, Map<number, CopyResult>>()

  /** Undefined when a copy of this nexus with that list identifier is under way. */
  begin(nexus: Nexus, listId: number): CopyResult | undefined {
    const results = this.#results.get(nexus) ?? new Map<number, CopyResult>()
    this.#results.set(nexus, results)
    if (results.get(listId)?.status === 'running') return undefined
    results.delete(listId)
    for (const [id, { status }] of results)
      if (results.size >= RESULTS_PER_NEXUS && status !== 'running') results.delete(id)
    const result: CopyResult = { status: 'running', segments: 0, transferred: 0 }
    results.set(listId, result)
    return result
  }

  get(nexus: Nexus, listId: number): CopyResult | undefined {
    return this.#results.get(nexus)?.get(listId)
  }

  drop(nexus: Nexus): void {
    this.#results.delete(nexus)
  }

  clear(): void {
    this.#results.clear()
  }
}
