// What the target tells an initiator unasked (Asynchronous Message, RFC 7143 11.9.1): that it is to log out, or that
// connections are going to end. One function an event, with the parameters that the event gives a meaning.

import { ASYNC_EVENT } from '../../protocol/iscsi/async-message.ts'
import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'

export interface Announcement {
  readonly asyncEvent: number
  readonly parameter1?: number
  readonly parameter2?: number
  readonly parameter3?: number
}

type Times = Pick<OperationalParameters, 'defaultTime2Wait' | 'defaultTime2Retain'>

/** The initiator is to log the connection out within so many seconds. */
export const logoutRequested = (seconds: number): Announcement => ({
  asyncEvent: ASYNC_EVENT.LOGOUT_REQUESTED,
  parameter3: seconds,
})

/** The session ends: when the initiator may come back, and until when it would find what it left behind. */
export const allConnectionsDropped = ({ defaultTime2Wait, defaultTime2Retain }: Times): Announcement => ({
  asyncEvent: ASYNC_EVENT.ALL_CONNECTIONS_DROPPED,
  parameter2: defaultTime2Wait,
  parameter3: defaultTime2Retain,
})
