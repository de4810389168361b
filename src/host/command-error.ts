// How a command ends that its logical unit did not carry out: the status with its sense data, in words and as values. What is
// wrong with the way there is an IscsiError.

import { SENSE, type Sense, type SenseData } from '../../protocol/scsi/sense.ts'
import { describeSense } from '../../protocol/scsi/sense-data.ts'
import { STATUS, statusName } from '../../protocol/scsi/status.ts'
import type { CommandResult } from './initiator/command.ts'

/** The target could not complete the command and there is no status (RFC 7143 11.4.3). */
const TARGET_FAILURE = 'target failure'

/** A command that ended with another status than GOOD. */
export class CommandError extends Error {
  /** The standard's name of the command. */
  readonly command: string
  /** STATUS names them. */
  readonly status: number
  /** In the standard's words: 'CHECK CONDITION', 'BUSY'. */
  readonly statusName: string
  /** Present with CHECK CONDITION, where the target sent any. */
  readonly sense: SenseData | undefined
  readonly result: CommandResult

  constructor(command: string, result: CommandResult) {
    const { status, response, sense } = result
    const name = response === 0 ? statusName(status) : `${TARGET_FAILURE} (response ${response})`
    super(`${command}: ${name}${sense ? `: ${describeSense(sense)}` : ''}`)
    this.name = new.target.name
    this.command = command
    this.status = status
    this.statusName = name
    this.sense = sense
    this.result = result
  }

  /** Whether it failed with this sense: `error.is(SENSE.WRITE_PROTECTED)`. */
  is({ key, asc, ascq }: Sense): boolean {
    const found = this.sense?.sense
    return found !== undefined && found.key === key && found.asc === asc && found.ascq === ascq
  }
}

/** RESERVATION CONFLICT: another I_T nexus holds a reservation that this command goes against. */
export class ReservationConflictError extends CommandError {}

/** RESERVATION CONFLICT, as often as the command was tried. */
export class ConflictBudgetError extends ReservationConflictError {
  constructor(last: ReservationConflictError, times: number) {
    super(last.command, last.result)
    this.message =
      `${last.message}, ${times} times in a row: another initiator has the logical unit reserved, and does not let it go; ` +
      'a reset of the logical unit, or the end of that initiator, frees it'
  }
}

/** BUSY or TASK SET FULL, however often it was tried. */
export class BusyError extends CommandError {}

/** COMPARE AND WRITE or VERIFY: the medium holds something else, and nothing was written. */
export class MiscompareError extends CommandError {
  /** Of the first byte that differs in the data to compare with, where the device server told it. */
  readonly offset: number | undefined

  constructor(command: string, result: CommandResult) {
    super(command, result)
    const { information } = result.sense ?? {}
    this.offset = information === undefined ? undefined : Number(information)
  }
}

/** The error that says it best. */
export function commandError(command: string, result: CommandResult): CommandError {
  if (result.response !== 0) return new CommandError(command, result)
  switch (result.status) {
    case STATUS.RESERVATION_CONFLICT:
      return new ReservationConflictError(command, result)
    case STATUS.BUSY:
    case STATUS.TASK_SET_FULL:
      return new BusyError(command, result)
    default:
      return result.sense?.sense.key === SENSE.MISCOMPARE_DURING_VERIFY_OPERATION.key
        ? new MiscompareError(command, result)
        : new CommandError(command, result)
  }
}
