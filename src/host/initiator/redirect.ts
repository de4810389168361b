// Logs in where a target says that it has moved (RFC 7143 11.13.5, status class 1), within a bound. A temporary move holds for
// this login alone, a permanent one from now on.

import { type ConnectOptions, connect } from './connect.ts'
import { LoginRefusedError, RedirectError } from './errors.ts'
import type { InitiatorSession } from './session.ts'

export interface Portal {
  readonly host: string
  readonly port: number
}

const MAX_REDIRECTS = 8
const MOVED = 1
const MOVED_PERMANENTLY = 2

export interface Reached {
  readonly session: InitiatorSession
  /** Where to log in the next time. */
  readonly home: Portal
}

/**
 * As `connect`, but goes where the target sends it.
 * @throws RedirectError after too many redirections
 */
export async function reach(options: ConnectOptions, portal: Portal): Promise<Reached> {
  const path = [portal]
  let home = portal
  for (let at = portal; path.length <= MAX_REDIRECTS + 1; path.push(at)) {
    try {
      return { session: await logIn({ ...options, host: at.host, port: at.port }), home }
    } catch (error) {
      if (!(error instanceof LoginRefusedError) || error.statusClass !== MOVED || !error.movedTo) throw error
      at = error.movedTo
      if (error.statusDetail === MOVED_PERMANENTLY) home = at
    }
  }
  throw new RedirectError(path.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)))
}

const INITIATOR_ERROR = 2

/**
 * A target that takes one CHAP algorithm for another (tgt: SHA-256 for SHA-1) ends the login without naming authentication.
 * Then the one that every target has to have (RFC 7143 12.1.3) is tried alone: the target could have chosen it before.
 */
async function logIn(options: ConnectOptions): Promise<InitiatorSession> {
  const { auth } = options
  try {
    return await connect(options)
  } catch (error) {
    const unnamed =
      error instanceof LoginRefusedError && error.statusClass === INITIATOR_ERROR && error.statusDetail === 0
    if (!unnamed || !auth || auth.algorithms) throw error
    return connect({ ...options, auth: { ...auth, algorithms: ['MD5'] } })
  }
}
