// What a host has sent for its locks and its heartbeat, command by command: each by the name of the operation that it was a part of,
// and with what the array said. The other side of the array's own trace.

import type { AnswerKind, Command } from './commands.ts'
import type { SectorOperation } from './operations.ts'

const NAMES = {
  read: 'READ',
  compareAndWrite: 'COMPARE AND WRITE',
  write: 'WRITE',
  reserve: 'RESERVE(6)',
  release: 'RELEASE(6)',
} as const satisfies Partial<Record<Command['kind'], string>>

export interface LockingTrace {
  /** When it was sent, in milliseconds since 1970. */
  readonly atMs: number
  readonly operation: SectorOperation
  readonly command: (typeof NAMES)[keyof typeof NAMES]
  /** Byte of the volume; RESERVE(6) and RELEASE(6) are of the whole logical unit that has it. */
  readonly offset: number
  readonly answer: AnswerKind
  /** From the command to its answer. */
  readonly ms: number
}

/** @param ms from when it was sent until now */
export function traced(
  { kind, operation, offset }: Extract<Command, { operation: unknown }>,
  answer: AnswerKind,
  ms: number,
): LockingTrace {
  return { atMs: Date.now() - ms, operation, command: NAMES[kind], offset, answer, ms }
}
