// The ways in which talking to a target fails, each a class of its own. A command that ends with CHECK CONDITION is no
// failure of these: it has a result.

import { findLoginStatus } from '../../../protocol/iscsi/login-status.ts'
import { REJECT_REASON } from '../../../protocol/iscsi/reject.ts'
import type { TargetAddress } from '../../../protocol/iscsi/send-targets.ts'
import { WireError } from '../../../protocol/wire/error.ts'

/** What all errors of the initiator are. */
export class IscsiError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** No connection could be made. */
export class UnreachableError extends IscsiError {
  constructor(host: string, port: number, reason: string, options?: ErrorOptions) {
    super(`cannot connect to ${host} port ${port}: ${reason}`, options)
  }
}

/** The target answered a login with a status other than success (RFC 7143 11.13.5). */
export class LoginRefusedError extends IscsiError {
  readonly statusClass: number
  readonly statusDetail: number
  /** Where the target has moved, when that is why (status class 1). */
  readonly movedTo: TargetAddress | undefined

  constructor(statusClass: number, statusDetail: number, movedTo?: TargetAddress) {
    const text = findLoginStatus(statusClass, statusDetail)?.text ?? 'a status that the standard does not name'
    super(`login refused: ${text} (${hex(statusClass)}${hex(statusDetail)})`)
    this.statusClass = statusClass
    this.statusDetail = statusDetail
    this.movedTo = movedTo
  }
}

/** The connection ended while something waited for it: `cause` tells why, where that is known. */
export class ConnectionLostError extends IscsiError {}

/** A connection that was lost could not be made anew in time; `cause` is why the last attempt failed. */
export class RecoveryFailedError extends ConnectionLostError {}

/** The session has been closed by its owner. */
export class SessionClosedError extends ConnectionLostError {}

/** The target kept sending this initiator somewhere else. */
export class RedirectError extends IscsiError {
  constructor(path: readonly string[]) {
    super(`the target redirects the login again and again: ${path.join(', then ')}`)
  }
}

/** A command was not answered in time, however often it was sent. */
export class CommandTimeoutError extends IscsiError {
  readonly command: string

  constructor(command: string, times: number, timeoutMs: number) {
    super(`${command}: no answer within ${timeoutMs} ms, ${times} times`)
    this.command = command
  }
}

/**
 * A command that may not be carried out twice was sent, and its answer was lost: whether it was carried out is for the caller
 * to find out. `cause` tells what came between.
 */
export class OutcomeUnknownError extends IscsiError {
  readonly command: string

  constructor(command: string, cause: Error) {
    super(`${command}: sent, but its answer was lost (${cause.message}); it may have been carried out`, { cause })
    this.command = command
  }
}

/** A command that was to leave only under a condition, which did not hold any more when it could leave. It was not carried out. */
export class NotSentError extends IscsiError {
  readonly command: string

  constructor(command: string) {
    super(`${command}: not sent, since it would have come too late`)
    this.command = command
  }
}

/** This I_T nexus relied on a RESERVE(6), which a reset or a new session has dropped; the command was not carried out. */
export class ReservationLostError extends IscsiError {
  readonly command: string

  constructor(command: string, options?: ErrorOptions) {
    super(
      `${command}: not carried out, since the RESERVE(6) of this initiator was lost by a reset or with its session`,
      options,
    )
    this.command = command
  }
}

/** The target broke a rule of the protocol; the connection has been closed. */
export class ProtocolError extends IscsiError {}

/** Reads what a target has sent: where it cannot be read, that breaks a rule too. */
export function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof WireError ? new ProtocolError(error.message, { cause: error }) : error
  }
}

/** The answer to a command is none that the standard admits; the connection is not to blame. */
export class MalformedAnswerError extends IscsiError {}

/** The target could not prove who it is, or wants an authentication that goes against the rules (RFC 7143 9.2.1, 12.1.3). */
export class AuthenticationError extends IscsiError {}

/** The target rejected a PDU (RFC 7143 11.17): what it asked for was not done. */
export class RejectedError extends IscsiError {
  /** REJECT_REASON names them. */
  readonly reason: number

  constructor(reason: number) {
    const name = Object.entries(REJECT_REASON).find(([, value]) => value === reason)?.[0]
    super(`rejected by the target: ${name?.replaceAll('_', ' ').toLowerCase() ?? 'reason'} (${hex(reason)})`)
    this.reason = reason
  }
}

/** A task management function ended the task: it will not be answered. */
export class TaskAbortedError extends IscsiError {}

const hex = (value: number): string => value.toString(16).padStart(2, '0')
