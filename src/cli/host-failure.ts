// How talking to a target failed, in one sentence with the cause and the cure. What is not the operator's to cure passes as it is.

import { LOGIN_STATUS } from '../../protocol/iscsi/login-status.ts'
import { formatTargetAddress } from '../../protocol/iscsi/send-targets.ts'
import { WireError } from '../../protocol/wire/error.ts'
import { OperatorError } from '../errors.ts'
import { CommandError, ReservationConflictError } from '../host/command-error.ts'
import {
  AuthenticationError,
  ConnectionLostError,
  IscsiError,
  LoginRefusedError,
  UnreachableError,
} from '../host/initiator/errors.ts'

/** What the operator named. */
export interface Where {
  /** host:port. */
  readonly portal: string
  /** Absent in discovery. */
  readonly targetName?: string
  /** Whether this side proves who it is. */
  readonly authenticated: boolean
}

export function explainFailure(error: unknown, where: Where): unknown {
  const sentence = sentenceOf(error, where)
  return sentence === undefined ? error : new OperatorError(sentence, { cause: error })
}

function sentenceOf(error: unknown, where: Where): string | undefined {
  const { portal, targetName } = where
  if (error instanceof WireError)
    return `${portal}: what answers there speaks no iSCSI (${error.message}): is it the right port?`
  if (error instanceof UnreachableError) return unreachable(error, portal)
  if (error instanceof LoginRefusedError) return refusal(error, where)
  if (error instanceof AuthenticationError)
    return `${portal}: ${error.message}: check the users and secrets of both directions`
  if (error instanceof ReservationConflictError)
    return `${error.message}: another initiator has reserved the logical unit; try again when it has released it`
  if (error instanceof CommandError) return `${targetName ?? portal}: ${error.message}`
  if (error instanceof ConnectionLostError)
    return `${portal}: ${error.message}; try again, or wait longer with --timeout`
  return error instanceof IscsiError ? `${portal}: ${error.message}` : undefined
}

/** What the operating system says, and what to look at. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: is an array serving there?',
  ENOTFOUND: 'there is no such host name: check how it is spelled',
  EAI_AGAIN: 'the host name cannot be looked up at the moment: check the name service',
  EHOSTUNREACH: 'no route to the host: check the address and the network',
  ENETUNREACH: 'no route to its network: check the address and the network',
  ECONNRESET: 'the connection was closed at once: does a firewall stand in the way?',
}

function unreachable(error: UnreachableError, portal: string): string {
  const { code = '' } = (error.cause ?? {}) as NodeJS.ErrnoException
  const reason = REASONS[code]
  return reason ? `cannot connect to ${portal}: ${reason}` : `${error.message}: is it switched on, and is the way open?`
}

const keyOf = (status: { readonly statusClass: number; readonly statusDetail: number }): number =>
  256 * status.statusClass + status.statusDetail

function refusal(error: LoginRefusedError, { portal, targetName, authenticated }: Where): string {
  const what = `${portal}: ${error.message}`
  if (error.movedTo) return `${what}: use ${formatTargetAddress(error.movedTo)} in place of ${portal}`
  switch (keyOf(error)) {
    case keyOf(LOGIN_STATUS.AUTHENTICATION_FAILURE):
      return authenticated
        ? `${what}: check the CHAP user and its secret`
        : `${what}: it asks who you are; give --user and --secret-file`
    case keyOf(LOGIN_STATUS.AUTHORIZATION_FAILURE):
      return `${what}: this initiator may not use it; give the name of one that may with --initiator`
    case keyOf(LOGIN_STATUS.NOT_FOUND):
    case keyOf(LOGIN_STATUS.TARGET_REMOVED):
      return `${what}: there is no target ${targetName ?? ''} for this initiator; lunette discover ${portal} lists those there are`
    case keyOf(LOGIN_STATUS.SERVICE_UNAVAILABLE):
    case keyOf(LOGIN_STATUS.OUT_OF_RESOURCES):
      return `${what}: try again later`
    default:
      return what
  }
}
