// What a logical unit remembers of the commands by which initiators exclude each other: the last of them in a ring, and of
// every block that a COMPARE AND WRITE was about, who wrote it last. Nothing is kept of a unit that sees no such command, and
// its data path is told of nothing.

import type { Gate } from '../../luns/gate.ts'
import { MATCH } from '../../luns/supply.ts'
import { LIMITS } from './limits.ts'
import { digested, type LockEvent, type Verdict } from './lock-event.ts'
import type { Nexus } from './nexus.ts'
import type { Task } from './task.ts'

/** Of one block. */
export interface BlockHistory {
  /** Who wrote it last; undefined when no COMPARE AND WRITE was about it, or so long ago that it is forgotten. */
  readonly last: LockEvent | undefined
  /** Those that lost against what `last` wrote: they expected something else. The latest are last. */
  readonly losers: readonly LockEvent[]
  /** Those that were accepted before, as far as they are remembered, the latest last. */
  readonly before: readonly LockEvent[]
}

export type LockEventSink = (event: LockEvent) => void

export class LockHistory {
  readonly #gate: Gate
  readonly #blockSize: number
  readonly #sink: LockEventSink | undefined
  readonly #now: () => number
  /** A ring of those that ended last, and where the next one goes. */
  readonly #events: LockEvent[] = []
  #next = 0
  #number = 0
  /** By block: its last writer. In the order in which they were first seen. */
  readonly #writers = new Map<number, LockEvent>()
  #observing = false

  /** `sink` is told of each event once it has ended. `now` counts milliseconds since 1970. */
  constructor(gate: Gate, blockSize: number, sink?: LockEventSink, now: () => number = Date.now) {
    this.#gate = gate
    this.#blockSize = blockSize
    this.#sink = sink
    this.#now = now
  }

  /** Whether writes are of interest: the data path asks first. */
  get observing(): boolean {
    return this.#observing
  }

  /** A comparison has been decided, with its range locked: that gives it its place among the others. */
  judged(task: Task, data: Buffer, index: number, medium: Buffer): void {
    const half = data.length / 2
    const copy = half <= LIMITS.lockImageBytes ? (part: Buffer) => Buffer.from(part) : (part: Buffer) => part
    const images = {
      expected: copy(data.subarray(0, half)),
      replacement: copy(data.subarray(half)),
      ...(index !== MATCH && { found: copy(medium), differsAt: index }),
    }
    const event = this.#make(task, index === MATCH ? 'accepted' : 'miscompare')
    event.images = half <= LIMITS.lockImageBytes ? images : digested(images)
    task.lockEvent = event
    if (index === MATCH) this.#wrote(event)
  }

  /** A command of the table's `recorded` rows has ended; `verdict` counts where none was given when it was judged. */
  ended(task: Task, verdict: Verdict, answered: boolean): void {
    const judged = task.lockEvent
    const event = judged ?? this.#refused(task, verdict)
    // It was written, and the medium failed then: or the answer never left.
    if (judged?.verdict === 'accepted' && verdict === 'failed') judged.verdict = 'failed'
    event.answered = answered
    this.#keep(event)
  }

  /** A command has written blocks: of those that are of interest it is named as their writer. */
  written(task: Task): void {
    const end = task.lba + task.blocks
    let event: LockEvent | undefined
    for (const lba of this.#known(task.lba, end)) {
      if (this.#writers.get(lba)?.nexus !== undefined) continue // a COMPARE AND WRITE came after
      event ??= this.#make(task, 'written', this.#number)
      this.#writers.set(lba, event)
    }
  }

  /** An I_T nexus or a reset has ended a RESERVE. */
  released(nexus: Nexus | undefined, why: string): void {
    this.#keep({
      ...this.#blank(++this.#number),
      nexus: nexus && namesOf(nexus),
      command: why,
      verdict: 'accepted',
      answered: false,
    })
  }

  of(lba: number): BlockHistory {
    const about = this.#inOrder().filter((event) => event.images && event.lba !== undefined && isIn(event, lba))
    const last = this.#writers.get(lba)
    const since = last?.number ?? 0
    return {
      last,
      losers: about.filter(({ verdict, number }) => verdict === 'miscompare' && number > since),
      before: about.filter((event) => event.verdict === 'accepted' && event.number < since),
    }
  }

  /** The reservations among the last events, the latest last. */
  reservations(): readonly LockEvent[] {
    return this.#inOrder().filter(({ images }) => !images)
  }

  /** A command that was refused before its range was looked at has one all the same. */
  #refused(task: Task, verdict: Verdict): LockEvent {
    const { lba, blocks } = task.cdb as { lba?: bigint; blocks?: number }
    const event = this.#make(task, verdict)
    return lba === undefined ? event : { ...event, lba: Number(lba), blocks: blocks ?? 0 }
  }

  /** What only writes has no number of its own: it stands behind the last that has one. */
  #make({ nexus, row, lba, blocks }: Task, verdict: Verdict, number = ++this.#number): LockEvent {
    const ranged = row.access !== 'none'
    return {
      ...this.#blank(number),
      nexus: namesOf(nexus),
      command: row.wire.name,
      verdict,
      lba: ranged ? lba : undefined,
      blocks: ranged ? blocks : undefined,
    }
  }

  #blank(number: number) {
    return { number, at: this.#now(), answered: true, lba: undefined, blocks: undefined, images: undefined }
  }

  #wrote(event: LockEvent): void {
    if (!this.#observing) this.#gate.observe((offset, length) => this.#changed(offset, length))
    this.#observing = true
    const { lba = 0, blocks = 0 } = event
    for (let at = lba; at < lba + blocks; at++) this.#writers.set(at, event)
    for (const oldest of this.#writers.keys()) {
      if (this.#writers.size <= LIMITS.lockBlocks) break
      this.#writers.delete(oldest)
    }
  }

  /** A range is about to change: who does it is named when the command has ended, if it is one that names its blocks. */
  #changed(offset: number, length: number): void {
    const first = Math.floor(offset / this.#blockSize)
    const end = Math.ceil((offset + length) / this.#blockSize)
    let event: LockEvent | undefined
    for (const lba of this.#known(first, end)) {
      event ??= { ...this.#blank(this.#number), nexus: undefined, command: 'another command', verdict: 'written' }
      this.#writers.set(lba, event)
    }
  }

  /** The blocks of a range that have a writer. */
  *#known(first: number, end: number): Iterable<number> {
    if (end - first <= this.#writers.size) {
      for (let lba = first; lba < end; lba++) if (this.#writers.has(lba)) yield lba
    } else for (const lba of [...this.#writers.keys()]) if (lba >= first && lba < end) yield lba
  }

  #keep(event: LockEvent): void {
    this.#sink?.(event)
    const oldest = this.#events[this.#next]
    if (oldest?.images && this.#writers.get(oldest.lba as number) === oldest) oldest.images = digested(oldest.images)
    this.#events[this.#next] = event
    this.#next = (this.#next + 1) % LIMITS.lockEvents
  }

  #inOrder(): LockEvent[] {
    return [...this.#events].sort((a, b) => a.number - b.number)
  }
}

/** The nexus itself goes with its session. */
const namesOf = ({ initiatorPort, targetPort }: Nexus) => ({ initiatorPort, targetPort })

const isIn = ({ lba = 0, blocks = 0 }: LockEvent, block: number): boolean => block >= lba && block < lba + blocks
