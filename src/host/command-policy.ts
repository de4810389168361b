// What becomes of a command that has been answered: it is done, it is sent again, or it has failed (SAM-5 5.3, SPC-4 4.5). Pure:
// the answer and what has been tried in, the verdict out. Everything that is tried again has a bound.

import { SENSE, SENSE_KEY, type Sense, type SenseData } from '../../protocol/scsi/sense.ts'
import { STATUS } from '../../protocol/scsi/status.ts'
import type { CommandResult } from './initiator/command.ts'

/** What has been tried for one command. */
export interface Tries {
  /** Answers of BUSY, TASK SET FULL and of being about to become ready. */
  busy: number
  /** Times that the device server gave it up. */
  aborted: number
  /** Unit attentions that came in its place. */
  attentions: number
}

export type Verdict =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly afterMs: number; readonly attention?: SenseData }
  | { readonly kind: 'failed'; readonly attention?: SenseData }

export interface Situation {
  /** A second execution does no harm. */
  readonly repeatable: boolean
  /** This I_T nexus relies on a RESERVE, which a reset or the loss of the nexus drops. */
  readonly reserved: boolean
}

const FIRST_BACKOFF_MS = 10
const LONGEST_BACKOFF_MS = 1000
/** With the backoff about 15 s. */
const MAX_BUSY = 20
/** As the disk drivers of hosts do. */
const MAX_ABORTED = 5
/** A device server that has more to tell than this, or a target that begins a new session for each command, is none. */
const MAX_ATTENTIONS = 16

const DONE: Verdict = { kind: 'done' }
const FAILED: Verdict = { kind: 'failed' }

export const newTries = (): Tries => ({ busy: 0, aborted: 0, attentions: 0 })

/** Counts in `tries` what it lets be tried again. */
export function verdict({ status, response, sense }: CommandResult, tries: Tries, situation: Situation): Verdict {
  if (response !== 0) return FAILED
  switch (status) {
    case STATUS.GOOD:
    case STATUS.CONDITION_MET:
      return DONE
    case STATUS.BUSY:
    case STATUS.TASK_SET_FULL:
      return backOff(tries)
    case STATUS.TASK_ABORTED:
      return abandoned(tries, situation)
    case STATUS.CHECK_CONDITION:
      return sense ? ofSense(sense, tries, situation) : FAILED
    default:
      return FAILED
  }
}

function ofSense(data: SenseData, tries: Tries, situation: Situation): Verdict {
  if (data.deferred) return FAILED // an earlier command has failed, which nobody may overlook
  switch (data.sense.key) {
    case SENSE_KEY.RECOVERED_ERROR:
    case SENSE_KEY.COMPLETED:
      return DONE
    case SENSE_KEY.UNIT_ATTENTION:
      return ofAttention(data, tries, situation)
    case SENSE_KEY.NOT_READY:
      return SOON_READY.some((sense) => same(sense, data.sense)) ? backOff(tries) : FAILED
    case SENSE_KEY.ABORTED_COMMAND:
      return abandoned(tries, situation)
    default:
      return FAILED
  }
}

const SOON_READY: readonly Sense[] = [
  SENSE.LOGICAL_UNIT_IS_IN_PROCESS_OF_BECOMING_READY,
  SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_ASYMMETRIC_ACCESS_STATE_TRANSITION,
  SENSE.LOGICAL_UNIT_NOT_READY_SPACE_ALLOCATION_IN_PROGRESS,
]

function backOff(tries: Tries): Verdict {
  if (tries.busy >= MAX_BUSY) return FAILED
  const afterMs = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** tries.busy++)
  return { kind: 'again', afterMs }
}

/** Nobody knows how far the device server had come. */
function abandoned(tries: Tries, { repeatable }: Situation): Verdict {
  if (!repeatable || tries.aborted++ >= MAX_ABORTED) return FAILED
  return { kind: 'again', afterMs: 0 }
}

/**
 * A unit attention stands in place of the command, which was not carried out (SAM-5 5.14): to send it again is safe unless
 * something has changed that it relies on. Several may be pending, also several of one kind.
 */
function ofAttention(attention: SenseData, tries: Tries, { reserved }: Situation): Verdict {
  if (tries.attentions++ >= MAX_ATTENTIONS || (reserved && tellsOfReset(attention)) || isGrave(attention))
    return { kind: 'failed', attention }
  return { kind: 'again', afterMs: 0, attention }
}

/** POWER ON, RESET, OR BUS DEVICE RESET OCCURRED and its kind, I_T NEXUS LOSS among them. */
export const tellsOfReset = ({ sense }: SenseData): boolean =>
  sense.asc === SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED.asc

/** After these a command may find another medium, or may do what a reservation was to prevent. */
const GRAVE: readonly Sense[] = [
  SENSE.NOT_READY_TO_READY_CHANGE,
  SENSE.RESERVATIONS_PREEMPTED,
  SENSE.REGISTRATIONS_PREEMPTED,
  SENSE.DEVICE_IDENTIFIER_CHANGED,
]

const isGrave = ({ sense }: SenseData): boolean => GRAVE.some((grave) => same(grave, sense))

const same = (a: Sense, b: Sense): boolean => a.key === b.key && a.asc === b.asc && a.ascq === b.ascq
