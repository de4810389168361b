// What the target tells an initiator unasked (Asynchronous Message, RFC 7143 11.9.1): one function an event, with the
// parameters that the event gives a meaning. Nothing asks for a negotiation (event 4): no setting of an array that may change
// while it runs is one that a login has settled, and open-iscsi answers by dropping the session.

import { ASYNC_EVENT } from '../../protocol/iscsi/async-message.ts'
import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'

export interface Announcement {
  readonly asyncEvent: number
  readonly lun?: Buffer
  readonly parameter1?: number
  readonly parameter2?: number
  readonly parameter3?: number
  readonly data?: Buffer
}

/** Something has befallen a logical unit: SenseLength and sense data, as in a SCSI Response (RFC 7143 11.9.3, 11.4.7.2). */
export const scsiEvent = (lun: Buffer, sense: Buffer): Announcement => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(sense.length)
  return { asyncEvent: ASYNC_EVENT.SCSI_ASYNCHRONOUS_EVENT, lun, data: Buffer.concat([length, sense]) }
}

/** The initiator is to log the connection out within so many seconds. */
export const logoutRequested = (seconds: number): Announcement => ({
  asyncEvent: ASYNC_EVENT.LOGOUT_REQUESTED,
  parameter3: seconds,
})

/** The tasks of a logical unit end, which other connections have brought: their data need not be sent (FastAbort). */
export const tasksTerminated = (lun: Buffer): Announcement => ({ asyncEvent: ASYNC_EVENT.TASKS_TERMINATED, lun })

/** One connection ends, another is told: from when on its tasks may be reassigned, and for how long (RFC 7143 7.1.4.3). */
export const connectionDropped = (
  cid: number,
  session: Pick<OperationalParameters, 'defaultTime2Wait' | 'defaultTime2Retain'>,
): Announcement => ({
  asyncEvent: ASYNC_EVENT.CONNECTION_DROPPED,
  parameter1: cid,
  parameter2: session.defaultTime2Wait,
  parameter3: session.defaultTime2Retain,
})

/** The session ends: when the initiator may come back. Nothing is retained until then. */
export const allConnectionsDropped = (session: Pick<OperationalParameters, 'defaultTime2Wait'>): Announcement => ({
  asyncEvent: ASYNC_EVENT.ALL_CONNECTIONS_DROPPED,
  parameter2: session.defaultTime2Wait,
  parameter3: 0,
})
