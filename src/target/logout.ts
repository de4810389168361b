// Logout (RFC 7143 11.14, 11.15): of the session, or of one of its connections, which another one may ask for. The response
// says that nothing of what is logged out goes on.

import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import { LOGOUT_REASON, LOGOUT_REQUEST } from '../../protocol/iscsi/logout-request.ts'
import { LOGOUT_RESPONSE_CODE as RESPONSE } from '../../protocol/iscsi/logout-response.ts'
import { TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { REJECT_REASON } from '../../protocol/iscsi/reject.ts'
import type { FullFeature } from './full-feature.ts'

const LOGOUT = 'logout'

export function logout(phase: FullFeature, pdu: FramedPdu): void {
  const { session, port } = phase
  const { reason, cid, initiatorTaskTag } = LOGOUT_REQUEST.decode(pdu.header, pdu.headerOffset)
  if (reason > LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY)
    return phase.reject(pdu, REJECT_REASON.INVALID_PDU_FIELD)
  const { defaultTime2Wait: time2Wait, defaultTime2Retain: time2Retain } = session.parameters
  const respond = (response: number): void => {
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
  if (!connection) return respond(RESPONSE.CID_NOT_FOUND)
  if (reason === LOGOUT_REASON.REMOVE_THE_CONNECTION_FOR_RECOVERY)
    return respond(RESPONSE.CONNECTION_RECOVERY_NOT_SUPPORTED)
  if (!session.spread) return closeSession(phase, respond)
  connection.end()
  void session.terminate(connection).then(() => {
    respond(RESPONSE.CLOSED_SUCCESSFULLY)
    session.leave(connection)
    connection.finish(LOGOUT)
  })
}

function closeSession({ session }: FullFeature, respond: (response: number) => void): void {
  const { connections } = session
  for (const connection of connections) connection.end()
  void session.abort().then(() => {
    respond(RESPONSE.CLOSED_SUCCESSFULLY)
    for (const connection of connections) session.leave(connection)
    for (const connection of connections) connection.finish(LOGOUT)
  })
}
