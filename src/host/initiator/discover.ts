// Discovery sessions (RFC 7143 4.3, appendix C): which targets there are behind a portal.

import { type DiscoveredTarget, ISCSI_PORT, parseSendTargets } from '../../../protocol/iscsi/send-targets.ts'
import { buildText } from '../../../protocol/iscsi/text.ts'
import { systemClock } from '../clock.ts'
import { type ConnectOptions, DEFAULT_TIMEOUT_MS } from './connect.ts'
import { inTime } from './in-time.ts'
import { reach } from './redirect.ts'

export type DiscoverOptions = Omit<ConnectOptions, 'targetName' | 'reinstate'>

/**
 * Asks a portal which targets this initiator may log in to (SendTargets, RFC 7143 appendix C).
 * @throws UnreachableError, RedirectError, AuthenticationError, LoginRefusedError, ProtocolError, ConnectionLostError
 */
export async function discover(options: DiscoverOptions): Promise<DiscoveredTarget[]> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, clock = systemClock } = options
  const { session } = await reach(options, { host: options.host, port: options.port ?? ISCSI_PORT })
  try {
    const asked = session.text([{ key: 'SendTargets', value: 'All' }])
    const pairs = await inTime(session, asked, { clock, timeoutMs, what: 'SendTargets' })
    const targets = parseSendTargets(buildText(pairs))
    // What was asked for is there, whatever the target thinks of a farewell.
    await inTime(session, session.logout(), { clock, timeoutMs, what: 'logout' }).catch(() => {})
    return targets
  } finally {
    session.destroy()
  }
}
