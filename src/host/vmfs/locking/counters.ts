// What a host has sent for its locks and its heartbeat, and how it went: in all, and by operation.

import type { AnswerKind, Command } from './commands.ts'
import { SECTOR_OPERATIONS, type SectorOperation } from './operations.ts'

export interface OperationCounts {
  readonly reads: number
  readonly ats: number
  /** COMPARE AND WRITEs that wrote nothing, or are not known to have. */
  readonly atsFailed: number
  readonly reserve: number
  readonly release: number
  /** RESERVATION CONFLICTs, each tried again ("CR retries"). */
  readonly conflicts: number
  readonly plainWrites: number
}

export type LockingCounts = Readonly<Record<SectorOperation, OperationCounts>>
type Mutable = { -readonly [Name in keyof OperationCounts]: number }

const NAMES = {
  ...{ read: 'reads', compareAndWrite: 'ats', write: 'plainWrites', reserve: 'reserve', release: 'release' },
} as const satisfies Record<string, keyof OperationCounts>

export class Counters {
  readonly #counts = Object.fromEntries(SECTOR_OPERATIONS.map((name) => [name, none()])) as Record<
    SectorOperation,
    Mutable
  >

  count(command: Extract<Command, { operation: unknown }>, answer: AnswerKind): void {
    const counts = this.#counts[command.operation]
    counts[NAMES[command.kind]]++
    if (command.kind === 'compareAndWrite' && answer !== 'done') counts.atsFailed++
    if (answer === 'conflict') counts.conflicts++
  }

  get counts(): LockingCounts {
    return structuredClone(this.#counts)
  }
}

const none = (): Mutable => ({
  ...{ reads: 0, ats: 0, atsFailed: 0, reserve: 0, release: 0, conflicts: 0, plainWrites: 0 },
})
