// The unit attention conditions of one logical unit (SAM-5 5.14), a queue for each I_T nexus: reported once, oldest first.

import type { Sense, SenseData } from '../../protocol/scsi/sense.ts'
import { LIMITS } from './limits.ts'
import type { Nexus } from './nexus.ts'

/** What is reported: some conditions say more than their name. */
export type Condition = Pick<SenseData, 'sense' | 'information'>

export class UnitAttentions {
  readonly #queues = new Map<Nexus, Condition[]>()
  /** Nexuses that have one pending: the hot path asks for zero first. */
  pending = 0
  /** Hears of every condition that a nexus has from now on and has not had before. */
  onEstablished: ((nexus: Nexus, condition: Condition) => void) | undefined

  /** From now on the nexus is told of what happens here. */
  attach(nexus: Nexus): void {
    if (!this.#queues.has(nexus)) this.#queues.set(nexus, [])
  }

  detach(nexus: Nexus): void {
    if (this.#queues.get(nexus)?.length) this.pending--
    this.#queues.delete(nexus)
  }

  /** Establishes a condition for one nexus. A condition that is pending already is not queued twice. */
  establish(nexus: Nexus, sense: Sense, information?: bigint): void {
    const queue = this.#queues.get(nexus)
    if (!queue || queue.length >= LIMITS.unitAttentionsPerNexus) return
    if (queue.some((pending) => pending.sense === sense && pending.information === information)) return
    const condition = information === undefined ? { sense } : { sense, information }
    if (queue.push(condition) === 1) this.pending++
    this.onEstablished?.(nexus, condition)
  }

  establishForAll(sense: Sense, but?: Nexus): void {
    for (const nexus of this.#queues.keys()) if (nexus !== but) this.establish(nexus, sense)
  }

  /** The nexuses that are told, those that have been here longest first. */
  get nexuses(): Iterable<Nexus> {
    return this.#queues.keys()
  }

  /** A reset leaves nothing of what went before (SAM-5 5.14.4 lets it supersede the others). */
  supersedeForAll(sense: Sense): void {
    for (const [nexus, queue] of this.#queues) {
      if (queue.length > 0) this.pending--
      queue.length = 0
      this.establish(nexus, sense)
    }
  }

  /** The oldest condition of the nexus, which is cleared by being taken. */
  take(nexus: Nexus): Condition | undefined {
    if (this.pending === 0) return undefined
    const queue = this.#queues.get(nexus)
    const first = queue?.shift()
    if (first && queue?.length === 0) this.pending--
    return first
  }

  /** The same, left pending: UA_INTLCK_CTRL (SPC-4 7.5.8). */
  peek(nexus: Nexus): Condition | undefined {
    return this.#queues.get(nexus)?.[0]
  }

  /** How many the nexus has. */
  depth(nexus: Nexus): number {
    return this.#queues.get(nexus)?.length ?? 0
  }

  /** Clears a condition without reporting it: REPORT LUNS does that to 3Fh/0Eh (SPC-4 6.33). */
  clear(nexus: Nexus, sense: Sense): void {
    const queue = this.#queues.get(nexus)
    const index = queue?.findIndex((pending) => pending.sense === sense) ?? -1
    if (!queue || index < 0) return
    queue.splice(index, 1)
    if (queue.length === 0) this.pending--
  }
}
