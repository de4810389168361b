// What the target tells an initiator unasked (Asynchronous Message, RFC 7143 11.9.1): that it is to log out, or that
// connections are going to end. One function an event, with the parameters that the event gives a meaning.

import { ASYNC_EVENT } from '../../protocol/iscsi/async-message.ts'
import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'

export interface Announcement {
  readonly asyncEvent: number
  readonly lun?: Buffer
  readonly parameter1?: number
  readonly parameter2?: number
  readonly parameter3?: number
}

/** The initiator is to log the connection out within so many seconds. */
export const logoutRequested = (seconds: number): Announcement => ({
  asyncEvent: ASYNC_EVENT.LOGOUT_REQUESTED,
  parameter3: seconds,
})

/** The tasks of a logical unit end, which other connections have brought: their data need not be sent (FastAbort). */
export const tasksTerminated = (lun: Buffer): Announcement => ({ asyncEvent: ASYNC_EVENT.TASKS_TERMINATED, lun })

/** The session ends: when the initiator may come back. Nothing is retained until then. */
export const allConnectionsDropped = (session: Pick<OperationalParameters, 'defaultTime2Wait'>): Announcement => ({
  asyncEvent: ASYNC_EVENT.ALL_CONNECTIONS_DROPPED,
  parameter2: session.defaultTime2Wait,
  parameter3: 0,
})
