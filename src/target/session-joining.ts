// A login that names a session by its TSIH (RFC 7143 6.3.1): its connection joins the session, or takes the place of the one
// that has its CID (connection reinstatement, 6.3.4). The initiator, the target and the portal group must be the session's.

import { LOGIN_STATUS, type LoginStatus } from '../../protocol/iscsi/login-status.ts'
import type { Nexus } from './nexus.ts'
import type { Session, SessionConnection } from './session.ts'
import type { Target } from './target.ts'

/** `nexus` and `target` are those that the login names. Resolves when nothing of a connection before it goes on. */
export async function joinSession(
  session: Session | undefined,
  nexus: Nexus,
  target: Target | undefined,
  connection: SessionConnection,
): Promise<Session | LoginStatus> {
  if (!session || session.target !== target || session.nexus.initiatorPort !== nexus.initiatorPort)
    return LOGIN_STATUS.SESSION_DOES_NOT_EXIST
  // Sessions do not span portal groups (RFC 7143 4.4.1).
  if (session.nexus.targetPort !== nexus.targetPort) return LOGIN_STATUS.CANNOT_INCLUDE_IN_SESSION
  if (!session.admits(connection.cid)) return LOGIN_STATUS.TOO_MANY_CONNECTIONS
  await session.join(connection)
  return session.has(connection) ? session : LOGIN_STATUS.SESSION_DOES_NOT_EXIST
}
