// What the connections of an array share: who may log in where, which session a login makes, the discovery answer, and
// the clock of their timers.

import { LOGIN_STATUS, type LoginStatus } from '../../protocol/iscsi/login-status.ts'
import type { DiscoveredTarget } from '../../protocol/iscsi/send-targets.ts'
import { SENSE } from '../../protocol/scsi/sense.ts'
import { initiatorPortName } from '../../protocol/scsi/transport-id.ts'
import type { AuthConfig } from '../config/auth.ts'
import { publicOf } from '../config/portal.ts'
import type { ArrayConfig, ArrayLimits } from '../config/schema.ts'
import type { Logger } from '../log.ts'
import { allConnectionsDropped } from './announcements.ts'
import { type Authentication, authentication } from './authentication.ts'
import { BoundedLog } from './bounded-log.ts'
import { BufferPool } from './buffer-pool.ts'
import { Connection, type ConnectionHost } from './connection.ts'
import { Connections } from './connections.ts'
import type { RetentionBudget } from './data-retention.ts'
import { LIMITS } from './limits.ts'
import type { Admission, Applicant, Login } from './login.ts'
import { type Nexus, targetPortName } from './nexus.ts'
import { portalGroupTag } from './port-groups.ts'
import { addressesFor, type OpenPortal } from './portal-addresses.ts'
import type { ConnectionSocket } from './server.ts'
import { Session } from './session.ts'
import { joinSession } from './session-joining.ts'
import type { Target } from './target.ts'
import { within } from './within.ts'

const TICK_MS = 1000
const CLOSING = 'the array is closing'
const NOT_OFFERED = 'the target is no longer offered to this initiator'
const REMOVED = 'removed since it was admitted'

/** What of a configuration holds for the whole array. */
type Rules = Pick<ArrayConfig, 'limits' | 'discoveryAuth' | 'portals'>

export class ArrayHost implements ConnectionHost {
  readonly pool: BufferPool
  readonly log: Logger
  readonly connectionLog: BoundedLog
  limits: ArrayLimits
  /** Of sessions with an ErrorRecoveryLevel of 1 or 2. */
  readonly retained: RetentionBudget = { limit: LIMITS.retainedBytes, used: 0 }
  /** Of discovery sessions. */
  #authentication: Authentication

  /** By iSCSI name. */
  #targets: ReadonlyMap<string, Target>
  readonly #connections = new Connections<Connection>()
  readonly #sessions = new Map<number, Session>()
  readonly #ticker: NodeJS.Timeout
  /** Empty until the array is open. */
  #portals: readonly OpenPortal[] = []
  #nextTsih = 1
  #closing = false
  #onLoggedOut: (() => void) | undefined

  constructor(targets: readonly Target[], limits: ArrayLimits, log: Logger, discoveryAuth?: AuthConfig) {
    this.log = log
    this.connectionLog = new BoundedLog(log)
    this.#authentication = authentication(discoveryAuth)
    this.limits = limits
    this.pool = new BufferPool(limits.buffers)
    this.#targets = byName(targets)
    this.#ticker = setInterval(() => this.tick(), TICK_MS)
    this.#ticker.unref()
  }

  /** A second has passed. */
  tick(): void {
    for (const connection of this.#connections.all()) connection.tick()
    for (const target of this.#targets.values()) target.rodTokens.sweep()
    this.connectionLog.tick()
    this.pool.tick()
  }

  /** The portals answer on these addresses: discovery may tell. */
  open(portals: readonly OpenPortal[]): void {
    this.#portals = portals
  }

  accept(socket: ConnectionSocket, portalIndex: number): Connection | undefined {
    const address = socket.remoteAddress
    const refusal =
      this.#portals.length > 0 ? this.#connections.makeRoom(address, this.limits) : 'the array is not open'
    if (refusal !== undefined) {
      this.connectionLog.of(address, { peer: socket.remote }).warn({ reason: refusal }, 'connection refused')
      return undefined
    }
    const connection = new Connection(socket, this)
    this.#connections.add(connection, { portalIndex, address })
    return connection
  }

  ended(connection: Connection): void {
    this.#connections.delete(connection)
    if (this.#connections.inSession === 0) this.#onLoggedOut?.()
  }

  admit({ initiatorName, targetName }: Applicant, connection: Connection): Admission {
    if (this.#closing) return { refused: LOGIN_STATUS.SERVICE_UNAVAILABLE, reason: CLOSING }
    const portalIndex = this.#connections.portalOf(connection)
    const targetPortalGroupTag = portalGroupTag(portalIndex)
    if (targetName === undefined) return authenticated(this.#authentication, initiatorName, targetPortalGroupTag)
    const target = this.#targets.get(targetName)
    if (!target?.reachableThrough(portalIndex))
      return { refused: LOGIN_STATUS.NOT_FOUND, reason: `no target ${targetName} on this portal` }
    if (!target.admits(initiatorName))
      return {
        refused: LOGIN_STATUS.AUTHORIZATION_FAILURE,
        reason: `${initiatorName} is not among the initiators of ${targetName}`,
      }
    const { redirect } = target
    if (redirect === 'none') return authenticated(target.authentication, initiatorName, targetPortalGroupTag)
    const refused = redirect.permanent ? LOGIN_STATUS.TARGET_MOVED_PERMANENTLY : LOGIN_STATUS.TARGET_MOVED_TEMPORARILY
    return { refused, reason: `${targetName} is at ${redirect.to}`, movedTo: redirect.to }
  }

  async establish(login: Login, connection: Connection, cmdSn: number): Promise<Session | LoginStatus> {
    const made = await this.#establish(login, connection, cmdSn)
    if ('tsih' in made) this.#connections.loggedIn(connection)
    return made
  }

  async #establish(login: Login, connection: Connection, cmdSn: number): Promise<Session | LoginStatus> {
    const applicant = login.applicant as Applicant
    const target = applicant.targetName === undefined ? undefined : this.#targets.get(applicant.targetName)
    if (applicant.targetName !== undefined && !target) return { ...LOGIN_STATUS.NOT_FOUND, text: REMOVED }
    const targetPortGroupTag = portalGroupTag(this.#connections.portalOf(connection))
    const nexus: Nexus = {
      initiatorName: applicant.initiatorName,
      initiatorPort: initiatorPortName(applicant.initiatorName, applicant.isid),
      targetPort: targetPortName(target?.iqn ?? 'discovery', targetPortGroupTag),
      targetPortGroupTag,
    }
    if (applicant.tsih !== 0) return joinSession(this.#sessions.get(applicant.tsih), nexus, target, connection)
    // Session reinstatement (RFC 7143 6.3.5): nothing that an earlier session of the port asked for may still happen. Between
    // the last look and the new session nothing else runs; of several logins at once the last stays.
    let reinstated = false
    for (let ending = endingOf(nexus, target); ending; ending = endingOf(nexus, target)) {
      reinstated = true
      await ending
    }
    if (connection.isClosed) return LOGIN_STATUS.TARGET_ERROR // nobody is there to be told
    const refused = target && this.#refusal(target, nexus.initiatorName) // since it was admitted
    if (refused) return refused
    const full = this.#closing ? LOGIN_STATUS.SERVICE_UNAVAILABLE : this.#tooManySessions(nexus.initiatorName)
    if (full) return full
    const { parameters } = login
    const { limits, retained } = this
    const identity = { tsih: this.#takeTsih(), isid: applicant.isid, nexus, target, parameters, limits, retained }
    const session = new Session(identity, cmdSn, connection, () => this.#sessions.delete(identity.tsih))
    this.#sessions.set(identity.tsih, session)
    session.attach(reinstated ? SENSE.I_T_NEXUS_LOSS_OCCURRED : SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
    return session
  }

  #tooManySessions(initiatorName: string): LoginStatus | undefined {
    const { sessions, sessionsPerInitiator } = this.limits
    const full = (text: string): LoginStatus => ({ ...LOGIN_STATUS.OUT_OF_RESOURCES, text })
    if (this.#sessions.size >= sessions) return full(`${sessions} sessions already`)
    let own = 0
    for (const { nexus } of this.#sessions.values()) if (nexus.initiatorName === initiatorName) own++
    return own < sessionsPerInitiator ? undefined : full(`${sessionsPerInitiator} sessions of ${initiatorName} already`)
  }

  #refusal(target: Target, initiatorName: string): LoginStatus | undefined {
    if (this.#targets.get(target.iqn) !== target) return LOGIN_STATUS.NOT_FOUND
    if (target.redirect !== 'none') return LOGIN_STATUS.SERVICE_UNAVAILABLE // the next login is told where it is
    return target.admits(initiatorName) ? undefined : LOGIN_STATUS.AUTHORIZATION_FAILURE
  }

  /**
   * Offers other targets from now on, within other limits. The sessions of those that are gone or elsewhere, or that no longer
   * admit the initiator, end as when the array closes; the promise resolves when they have. Limits hold for what begins.
   */
  async offer(targets: readonly Target[], { limits, discoveryAuth, portals }: Rules): Promise<void> {
    this.#targets = byName(targets)
    this.#authentication = authentication(discoveryAuth)
    this.limits = limits
    this.pool.limit = limits.buffers
    this.#portals = this.#portals.map((portal, index) => ({ ...portal, told: publicOf(portals[index] ?? '') }))
    const refused = ({ target, nexus }: Session): boolean =>
      target !== undefined && this.#refusal(target, nexus.initiatorName) !== undefined
    const ending = [...this.#sessions.values()].filter(refused)
    await within(LIMITS.closeGraceMs, Promise.all(ending.map((session) => session.shutdown(NOT_OFFERED))))
    await Promise.all(ending.map((session) => session.close(NOT_OFFERED, allConnectionsDropped(session.parameters))))
  }

  #takeTsih(): number {
    while (this.#sessions.has(this.#nextTsih)) this.#nextTsih = (this.#nextTsih % 0xffff) + 1
    const tsih = this.#nextTsih
    this.#nextTsih = (tsih % 0xffff) + 1
    return tsih
  }

  discover(initiatorName: string, name: string | undefined, socket: ConnectionSocket): DiscoveredTarget[] {
    const asked = [...this.#targets.values()].filter((target) => name === undefined || target.iqn === name)
    const indexes = [...this.#portals.keys()]
    return asked
      .filter((target) => target.admits(initiatorName))
      .map((target) => {
        const leading = indexes.filter((index) => target.reachableThrough(index))
        return { name: target.iqn, addresses: addressesFor(socket, this.#portals, leading) }
      })
      .filter(({ addresses }) => addresses.length > 0) // without one it would be where it was asked for (appendix C)
  }

  /**
   * Ends every session: commands under way may end first, and what is said may leave, within the grace period. Who logs in
   * meanwhile hears that the service is not available, and what has not logged in by then is not waited for.
   */
  async close(): Promise<void> {
    this.#closing = true
    const waiting = new Set(this.#connections.beforeLogin())
    const loggedIn = this.#connections.all().filter((connection) => !waiting.has(connection))
    const graceful = Promise.all(loggedIn.map((connection) => connection.shutdown(CLOSING)))
    await within(LIMITS.closeGraceMs, Promise.all([graceful, this.#loggedOut()]))
    this.#portals = []
    for (const session of this.#sessions.values())
      void session.close(CLOSING, allConnectionsDropped(session.parameters))
    for (const connection of this.#connections.all()) connection.destroy(CLOSING)
    this.connectionLog.flush()
    clearInterval(this.#ticker)
  }

  /** Resolves when the last connection that had logged in has ended. */
  #loggedOut(): Promise<void> {
    if (this.#connections.inSession === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onLoggedOut = resolve
    })
  }
}

/** Admitted, if the initiator can prove what it must. */
function authenticated(rules: Authentication, initiatorName: string, targetPortalGroupTag: number): Admission {
  const chap = rules(initiatorName)
  if (chap === 'open') return { targetPortalGroupTag }
  if (chap !== 'unknown') return { targetPortalGroupTag, chap }
  const reason = `there is no CHAP user for ${initiatorName}`
  return { refused: LOGIN_STATUS.AUTHENTICATION_FAILURE, reason }
}

const byName = (targets: readonly Target[]): ReadonlyMap<string, Target> =>
  new Map(targets.map((target) => [target.iqn, target]))

/** Ends the session of a nexus, if there is one; resolves when nothing of it, or of one before it, runs any more. */
const endingOf = (nexus: Nexus, target: Target | undefined): Promise<void> | undefined =>
  target?.sessionOf(nexus)?.close('session reinstated') ?? target?.ending(nexus.initiatorPort)
