// Discovery sessions (RFC 7143 4.3, appendix C): which targets there are behind a portal.

import { type DiscoveredTarget, ISCSI_PORT, parseSendTargets } from '../../../protocol/iscsi/send-targets.ts'
import { buildText } from '../../../protocol/iscsi/text.ts'
import { systemClock } from '../clock.ts'
import { type ConnectOptions, DEFAULT_TIMEOUT_MS } from './connect.ts'
import { ConnectionLostError } from './errors.ts'
import { reach } from './redirect.ts'

export type DiscoverOptions = Omit<ConnectOptions, 'targetName' | 'reinstate'>

/**
 * Asks a portal which targets this initiator may log in to (SendTargets, RFC 7143 appendix C).
 * @throws UnreachableError, RedirectError, AuthenticationError, LoginRefusedError, ProtocolError, ConnectionLostError
 */
export async function discover(options: DiscoverOptions): Promise<DiscoveredTarget[]> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, clock = systemClock } = options
  const { session } = await reach(options, { host: options.host, port: options.port ?? ISCSI_PORT })
  const cancelTimer = clock.after(timeoutMs, () =>
    session.destroy(new ConnectionLostError(`the target has not answered SendTargets within ${timeoutMs} ms`)),
  )
  try {
    const pairs = await session.text([{ key: 'SendTargets', value: 'All' }])
    const targets = parseSendTargets(buildText(pairs))
    await session.logout()
    return targets
  } finally {
    cancelTimer()
    session.destroy()
  }
}
