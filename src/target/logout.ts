// Logout (RFC 7143 11.14, 11.15): of the session, or of one of its connections, which another one may ask for. The response
// says that nothing of what is logged out goes on.

import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import { LOGOUT_REASON, LOGOUT_REQUEST } from '../../protocol/iscsi/logout-request.ts'
import { LOGOUT_RESPONSE_CODE as RESPONSE } from '../../protocol/iscsi/logout-response.ts'
import { TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { REJECT_REASON } from '../../protocol/iscsi/reject.ts'
import type { FullFeature } from './full-feature.ts'
import type { SessionConnection } from './session.ts'

const LOGOUT = 'logout'

type Respond = (response: number) => void

export function logout(phase: FullFeature, pdu: FramedPdu): void {
  const { session, port } = phase
  const { reason, cid, initiatorTaskTag } = LOGOUT_REQUEST.decode(pdu.header, pdu.headerOffset)
  if (reason > LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY)
    return phase.reject(pdu, REJECT_REASON.INVALID_PDU_FIELD)
  const { defaultTime2Wait: time2Wait } = session.parameters
  const { time2Retain, recovery } = session
  const respond: Respond = (response) => {
    port.send(
      TARGET_OPCODE.LOGOUT_RESPONSE,
      { response, initiatorTaskTag, time2Wait, time2Retain },
      {
        statSn: true,
      },
    )
    port.flushSoon()
  }
  if (reason === LOGOUT_REASON.CLOSE_THE_SESSION) return closeSession(phase, respond)
  const connection = session.connection(cid)
  if (!connection && !recovery?.lost(cid)) return respond(RESPONSE.CID_NOT_FOUND)
  const forRecovery = reason === LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY
  if (forRecovery && !recovery) return respond(RESPONSE.CONNECTION_RECOVERY_NOT_SUPPORTED)
  if (!connection) return logoutLost(phase, cid, forRecovery, respond)
  if (forRecovery && recovery?.retains) return leaveForRecovery(phase, connection, respond)
  if (!session.spread) return closeSession(phase, respond)
  connection.end()
  void session.terminate(connection).then(() => {
    respond(RESPONSE.CLOSED_SUCCESSFULLY)
    session.leave(connection)
    connection.finish(LOGOUT)
  })
}

/** RFC 7143 11.14: of a connection that is gone only the logical end is left. */
function logoutLost({ session }: FullFeature, cid: number, forRecovery: boolean, respond: Respond): void {
  const { recovery } = session
  if (forRecovery) {
    recovery?.logout(cid)
    respond(RESPONSE.CLOSED_SUCCESSFULLY)
  } else void recovery?.close(cid).then(() => respond(RESPONSE.CLOSED_SUCCESSFULLY))
}

/** Its tasks wait for another connection from now on: what they say is kept. */
function leaveForRecovery({ session }: FullFeature, connection: SessionConnection, respond: Respond): void {
  connection.end()
  void session.leaveForRecovery(connection).then(() => {
    respond(RESPONSE.CLOSED_SUCCESSFULLY)
    connection.finish(LOGOUT)
  })
}

function closeSession({ session }: FullFeature, respond: Respond): void {
  const { connections } = session
  for (const connection of connections) connection.end()
  void session.abort().then(() => {
    respond(RESPONSE.CLOSED_SUCCESSFULLY)
    for (const connection of connections) session.leave(connection)
    for (const connection of connections) connection.finish(LOGOUT)
  })
}
