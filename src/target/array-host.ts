// What the connections of an array share: who may log in where, which session a login makes, the discovery answer, and
// the clock of their timers.

import { LOGIN_STATUS, type LoginStatus } from '../../protocol/iscsi/login-status.ts'
import type { OperationalParameters } from '../../protocol/iscsi/negotiation.ts'
import type { DiscoveredTarget, TargetAddress } from '../../protocol/iscsi/send-targets.ts'
import { SENSE } from '../../protocol/scsi/sense.ts'
import { initiatorPortName } from '../../protocol/scsi/transport-id.ts'
import { parsePortal } from '../config/portal.ts'
import type { Logger } from '../log.ts'
import { BufferPool } from './buffer-pool.ts'
import { Connection, type ConnectionHost } from './connection.ts'
import { LIMITS } from './limits.ts'
import type { Admission, Applicant, Login } from './login.ts'
import { type Nexus, targetPortName } from './nexus.ts'
import { portalGroupTag } from './port-groups.ts'
import type { ConnectionSocket } from './server.ts'
import { Session } from './session.ts'
import type { Target } from './target.ts'
import { within } from './within.ts'

const TICK_MS = 1000
const CLOSING = 'the array is closing'
const NOT_OFFERED = 'the target is no longer offered to this initiator'
const WILDCARDS = new Set(['0.0.0.0', '::'])

export class ArrayHost implements ConnectionHost {
  readonly pool = new BufferPool(LIMITS.bufferBytes)
  readonly log: Logger

  /** By iSCSI name. */
  #targets: ReadonlyMap<string, Target>
  readonly #connections = new Map<Connection, number>()
  readonly #sessions = new Map<number, Session>()
  readonly #ticker: NodeJS.Timeout
  /** Empty until the array is open. */
  #portals: readonly string[] = []
  #nextTsih = 1
  #closing = false
  #onEmpty: (() => void) | undefined

  constructor(targets: readonly Target[], log: Logger) {
    this.log = log
    this.#targets = byName(targets)
    this.#ticker = setInterval(() => {
      for (const connection of this.#connections.keys()) connection.tick()
      for (const target of this.#targets.values()) target.rodTokens.sweep()
    }, TICK_MS)
    this.#ticker.unref()
  }

  /** The portals answer on these addresses: discovery may tell. */
  open(portals: readonly string[]): void {
    this.#portals = portals
  }

  accept(socket: ConnectionSocket, portalIndex: number): Connection | undefined {
    const open = this.#portals.length > 0 && !this.#closing
    if (!open || this.#connections.size >= LIMITS.connections) {
      this.log.warn({ peer: socket.remote }, 'connection refused: too many, or the array is not open')
      return undefined
    }
    const connection = new Connection(socket, this)
    this.#connections.set(connection, portalIndex)
    return connection
  }

  ended(connection: Connection): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#onEmpty?.()
  }

  admit({ initiatorName, targetName }: Applicant, connection: Connection): Admission {
    if (this.#closing) return { refused: LOGIN_STATUS.SERVICE_UNAVAILABLE, reason: CLOSING }
    const portalIndex = this.#connections.get(connection) as number
    const targetPortalGroupTag = portalGroupTag(portalIndex)
    if (targetName === undefined) return { targetPortalGroupTag }
    const target = this.#targets.get(targetName)
    if (!target?.reachableThrough(portalIndex))
      return { refused: LOGIN_STATUS.NOT_FOUND, reason: `no target ${targetName} on this portal` }
    if (!target.admits(initiatorName))
      return {
        refused: LOGIN_STATUS.AUTHORIZATION_FAILURE,
        reason: `${initiatorName} is not among the initiators of ${targetName}`,
      }
    return { targetPortalGroupTag }
  }

  async establish(login: Login, connection: Connection, cmdSn: number): Promise<Session | LoginStatus> {
    const applicant = login.applicant as Applicant
    const target = applicant.targetName === undefined ? undefined : this.#targets.get(applicant.targetName)
    if (applicant.targetName !== undefined && !target) return LOGIN_STATUS.NOT_FOUND // removed since it was admitted
    const targetPortGroupTag = portalGroupTag(this.#connections.get(connection) as number)
    const nexus: Nexus = {
      initiatorName: applicant.initiatorName,
      initiatorPort: initiatorPortName(applicant.initiatorName, applicant.isid),
      targetPort: targetPortName(target?.iqn ?? 'discovery', targetPortGroupTag),
      targetPortGroupTag,
    }
    if (applicant.tsih !== 0) return this.#reinstateConnection(applicant, nexus, connection, login.parameters)
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
    if (this.#sessions.size >= LIMITS.sessions) return LOGIN_STATUS.OUT_OF_RESOURCES
    const identity = { tsih: this.#takeTsih(), isid: applicant.isid, nexus, target, parameters: login.parameters }
    const session = new Session(identity, cmdSn, connection, () => this.#sessions.delete(identity.tsih))
    this.#sessions.set(identity.tsih, session)
    session.attach(reinstated ? SENSE.I_T_NEXUS_LOSS_OCCURRED : SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
    return session
  }

  /** TSIH names a session: with its CID a new connection takes the old one's place (RFC 7143 6.3.4), none joins it. */
  async #reinstateConnection(
    applicant: Applicant,
    nexus: Nexus,
    connection: Connection,
    parameters: OperationalParameters,
  ): Promise<Session | LoginStatus> {
    const session = this.#sessions.get(applicant.tsih)
    const same = session?.nexus.initiatorPort === nexus.initiatorPort && session.nexus.targetPort === nexus.targetPort
    if (!session || !same) return LOGIN_STATUS.SESSION_DOES_NOT_EXIST
    if (session.connection.cid !== applicant.cid) return LOGIN_STATUS.TOO_MANY_CONNECTIONS
    await session.moveTo(connection)
    // What is settled for a connection is the new one's; the session keeps the rest.
    const { headerDigest, dataDigest, maxRecvDataSegmentLengthSelf, maxRecvDataSegmentLengthPeer } = parameters
    const own = { headerDigest, dataDigest, maxRecvDataSegmentLengthSelf, maxRecvDataSegmentLengthPeer }
    session.parameters = { ...session.parameters, ...own }
    return session
  }

  #refusal(target: Target, initiatorName: string): LoginStatus | undefined {
    if (this.#targets.get(target.iqn) !== target) return LOGIN_STATUS.NOT_FOUND
    return target.admits(initiatorName) ? undefined : LOGIN_STATUS.AUTHORIZATION_FAILURE
  }

  /**
   * Offers other targets from now on. The sessions of those that are gone, or that no longer admit the initiator, end as
   * when the array closes; the promise resolves when they have.
   */
  async offer(targets: readonly Target[]): Promise<void> {
    this.#targets = byName(targets)
    const refused = ({ target, nexus }: Session): boolean =>
      target !== undefined && this.#refusal(target, nexus.initiatorName) !== undefined
    const ending = [...this.#sessions.values()].filter(refused)
    await within(LIMITS.closeGraceMs, Promise.all(ending.map(({ connection }) => connection.shutdown(NOT_OFFERED))))
    await Promise.all(ending.map((session) => session.close(NOT_OFFERED)))
  }

  #takeTsih(): number {
    while (this.#sessions.has(this.#nextTsih)) this.#nextTsih = (this.#nextTsih % 0xffff) + 1
    const tsih = this.#nextTsih
    this.#nextTsih = (tsih % 0xffff) + 1
    return tsih
  }

  discover(initiatorName: string, name: string | undefined, socket: ConnectionSocket): DiscoveredTarget[] {
    const asked = [...this.#targets.values()].filter((target) => name === undefined || target.iqn === name)
    return asked
      .filter((target) => target.admits(initiatorName))
      .map((target) => ({ name: target.iqn, addresses: this.#addressesOf(target, socket) }))
  }

  /** A portal that listens on every address is told as the one that the initiator has reached. */
  #addressesOf(target: Target, socket: ConnectionSocket): TargetAddress[] {
    return this.#portals.flatMap((text, index) => {
      if (!target.reachableThrough(index)) return []
      const { host, port } = parsePortal(text) as NonNullable<ReturnType<typeof parsePortal>>
      return [{ host: WILDCARDS.has(host) ? socket.localAddress : host, port, tag: portalGroupTag(index) }]
    })
  }

  /** Ends every connection: commands under way may end first, and what is said may leave, within the grace period. */
  async close(): Promise<void> {
    this.#closing = true
    const graceful = Promise.all([...this.#connections.keys()].map((connection) => connection.shutdown(CLOSING)))
    await within(LIMITS.closeGraceMs, Promise.all([graceful, this.#emptied()]))
    for (const connection of this.#connections.keys()) connection.destroy(CLOSING)
    clearInterval(this.#ticker)
  }

  /** Resolves when the last connection has ended. */
  #emptied(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onEmpty = resolve
    })
  }
}

const byName = (targets: readonly Target[]): ReadonlyMap<string, Target> =>
  new Map(targets.map((target) => [target.iqn, target]))

/** Ends the session of a nexus, if there is one; resolves when nothing of it, or of one before it, runs any more. */
const endingOf = (nexus: Nexus, target: Target | undefined): Promise<void> | undefined =>
  target?.sessionOf(nexus)?.close('session reinstated') ?? target?.ending(nexus.initiatorPort)
