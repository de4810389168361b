// What a locking procedure asks of the disk and what it is told. A procedure is a generator: it yields commands and is handed their
// answers with the host's own time, so that whoever runs it, on a disk or in virtual time, decides each step.

import type { SectorOperation } from './operations.ts'
import type { LockingSettings } from './settings.ts'

interface ReadSector {
  readonly kind: 'read'
  readonly offset: number
}
interface CompareAndWriteSector {
  readonly kind: 'compareAndWrite'
  readonly offset: number
  readonly expected: Buffer
  readonly replacement: Buffer
}
interface WriteSector {
  readonly kind: 'write'
  readonly offset: number
  readonly image: Buffer
  /** Only while the host's own heartbeat is fresh: nothing on the medium stops a plain write that comes too late. */
  readonly fenced: boolean
}

/** Of the logical unit that has the sector. */
interface Reservation {
  readonly kind: 'reserve' | 'release'
  readonly offset: number
}

type IoCommand = ReadSector | CompareAndWriteSector | WriteSector | Reservation

export type Command =
  | (IoCommand & {
      /** On behalf of what. */
      readonly operation: SectorOperation
      /** No answer by then: the command is aborted. */
      readonly timeoutMs: number
    })
  | { readonly kind: 'wait'; readonly ms: number }
  /** Carry out what the journal of a dead host says. */
  | {
      readonly kind: 'replay'
      readonly journalOffset: number
      readonly host: string
      /** Until when what it writes may leave; without it as long as the host's own heartbeat is fresh. */
      readonly untilMs?: number
    }
  | { readonly kind: 'event'; readonly event: LockingEvent }

export type LockingEventKind =
  | 'lost access'
  | 'restored'
  | 'miscompare'
  | 'false miscompare'
  | 'heartbeat lost'
  /** A lock is waited for whose holder does not beat. */
  | 'waiting'
  | 'broken'

export interface LockingEvent {
  readonly kind: LockingEventKind
  /** As ESXi says it, where it says it. */
  readonly text: string
}

export type AnswerKind =
  | 'done'
  /** Of a compare and write: the medium holds something else. */
  | 'miscompare'
  /** RESERVATION CONFLICT. */
  | 'conflict'
  /** The array does not know the command. */
  | 'unsupported'
  /** It failed as a command, and was not carried out. */
  | 'failed'
  /** No answer in time: it was carried out, or never will be. */
  | 'timeout'
  /** A plain write that was not sent, because the host's heartbeat is not fresh. */
  | 'fenced'

export interface Answer {
  readonly kind: AnswerKind
  /** Of a read that is done. */
  readonly image?: Buffer
  /** When the command was sent and when it was answered, by the clock of this host. */
  readonly issuedMs: number
  readonly answeredMs: number
}

export type Procedure<Result> = Generator<Command, Result, Answer>

/** Sends a command; a RESERVATION CONFLICT is tried again, as often as the settings allow. */
export function* send(settings: LockingSettings, operation: SectorOperation, io: IoCommand): Procedure<Answer> {
  for (let retries = 0; ; retries++) {
    const answer = yield { ...io, operation, timeoutMs: settings.ioTimeoutMs }
    if (answer.kind !== 'conflict' || retries >= settings.conflictRetries) return answer
    yield { kind: 'wait', ms: settings.conflictWaitMs }
  }
}
