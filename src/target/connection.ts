// One TCP connection of an initiator, from its opening to its end: through login into full feature phase, as one of the
// connections of a session. It joins the parts (stream, login, full feature phase) and keeps the timers.

import type { Framer } from '../../protocol/iscsi/framer.ts'
import { LOGIN_STATUS, type LoginStatus } from '../../protocol/iscsi/login-status.ts'
import type { OperationalParameters, OwnParameters } from '../../protocol/iscsi/negotiation.ts'
import { BHS_LENGTH, RESERVED_TAG, TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { REJECT_REASON } from '../../protocol/iscsi/reject.ts'
import type { DiscoveredTarget } from '../../protocol/iscsi/send-targets.ts'
import type { WireError, WireProblem } from '../../protocol/wire/error.ts'
import { CHAP_CRYPTO } from '../chap-crypto.ts'
import type { ArrayLimits } from '../config/schema.ts'
import { Allegiance } from './allegiance.ts'
import { type Announcement, logoutRequested } from './announcements.ts'
import type { BufferPool, PoolShare } from './buffer-pool.ts'
import { ConnectionStream, type StreamPort } from './connection-stream.ts'
import { FullFeature, type FullFeaturePort } from './full-feature.ts'
import { LIMITS } from './limits.ts'
import type { Log } from './log.ts'
import { type Admission, type Applicant, Login } from './login.ts'
import { LoginPhase, type LoginPhasePort } from './login-phase.ts'
import { describeNexus } from './nexus.ts'
import { Responder } from './responder.ts'
import { Retention } from './retention.ts'
import type { ConnectionEvents, ConnectionSocket } from './server.ts'
import type { Session } from './session.ts'
import type { Task } from './task.ts'
import { type RunnerPort, TaskRunner } from './task-runner.ts'
import { TextExchange } from './text-exchange.ts'

/** What a connection needs of its array. */
export interface ConnectionHost {
  readonly pool: BufferPool
  readonly limits: ArrayLimits
  readonly connectionLog: { of(address: string, bindings: Record<string, unknown>): Log }
  admit(applicant: Applicant, connection: Connection): Admission
  /** The session that the login makes or joins, once nothing of an earlier one can still happen. */
  establish(login: Login, connection: Connection, cmdSn: number): Promise<Session | LoginStatus>
  discover(initiatorName: string, name: string | undefined, socket: ConnectionSocket): readonly DiscoveredTarget[]
  ended(connection: Connection): void
}

/** What the target is ready for (RFC 7143 13). The session ends with any of its connections: there is nothing to retain. */
const OWN_PARAMETERS: OwnParameters = {
  headerDigest: ['None', 'CRC32C'],
  dataDigest: ['None', 'CRC32C'],
  maxConnections: LIMITS.connectionsPerSession,
  initialR2T: false,
  immediateData: true,
  maxBurstLength: LIMITS.maxBurstLength,
  firstBurstLength: LIMITS.firstBurstLength,
  maxOutstandingR2T: LIMITS.maxOutstandingR2T,
  errorRecoveryLevel: 1,
  defaultTime2Retain: 0,
  taskReporting: ['RFC3720', 'ResponseFence', 'FastAbort'],
  iscsiProtocolLevel: 2,
}

/** What the initiator is told before the connection goes, where its header can be trusted. */
const REJECT_OF: Readonly<Partial<Record<WireProblem, number>>> = {
  'too large': REJECT_REASON.INVALID_PDU_FIELD,
  'data digest': REJECT_REASON.DATA_DIGEST_ERROR,
}

const TICK_MS = 1000

export class Connection implements ConnectionEvents, StreamPort, LoginPhasePort, FullFeaturePort, RunnerPort {
  readonly socket: ConnectionSocket
  log: Log
  cid = 0

  readonly #host: ConnectionHost
  readonly #stream: ConnectionStream
  readonly #login: Login
  #loginPhase: LoginPhase | undefined
  #session: Session | undefined
  #phase: FullFeature | undefined
  #responder: Responder | undefined
  #parameters: OperationalParameters | undefined
  allegiance: Allegiance | undefined
  #finishing = false
  #finishingTicks = 0
  #closed = false
  readonly #ended: Promise<void>
  #tellEnded: () => void = () => {}
  /** Ticks since the connection began, or since it was last heard of. */
  #silentTicks = 0
  #pinged = false

  constructor(socket: ConnectionSocket, host: ConnectionHost) {
    const { pool, limits } = host
    this.socket = socket
    this.#host = host
    this.log = host.connectionLog.of(socket.remoteAddress, { peer: socket.remote })
    this.#ended = new Promise((resolve) => {
      this.#tellEnded = resolve
    })
    this.#stream = new ConnectionStream(socket, this, {
      pool,
      inputBytes: limits.inputPerConnection,
      outputBytes: limits.outputPerConnection,
    })
    this.#login = new Login({
      own: OWN_PARAMETERS,
      admit: (applicant) => host.admit(applicant, this),
      textLength: limits.negotiationText,
      crypto: CHAP_CRYPTO,
    })
    this.#loginPhase = new LoginPhase(this.#login, this.#stream, this, limits.commandWindow)
  }

  /** Closed, or about to be. */
  get isClosed(): boolean {
    return this.#closed || this.#finishing
  }

  // --- what the socket says, and the clock

  receive(chunk: Buffer): void {
    if (this.#phase) this.#silentTicks = 0
    this.#pinged = false
    this.#stream.receive(chunk)
  }

  closed(reason: string): void {
    if (this.#closed) return
    if (!this.#finishing) this.#loginPhase?.givenUp(reason)
    this.#gone(reason)
  }

  #gone(reason: string): void {
    this.#closed = true
    this.#stream.discard()
    this.#session?.lost(this, reason)
    this.log.debug({ reason }, 'connection closed')
    this.#host.ended(this)
    this.#tellEnded()
  }

  /** Once a second. */
  tick(): void {
    this.#silentTicks++
    if (this.#finishing) {
      if (++this.#finishingTicks * TICK_MS > LIMITS.closeGraceMs) this.destroy('the initiator does not close')
      return
    }
    const { loginSeconds, pingAfterSeconds, pingAnswerSeconds, dataOutSeconds } = this.#host.limits
    const silent = this.#silentTicks
    if (!this.#phase) {
      if (silent >= loginSeconds) this.drop('login took too long')
      return
    }
    if (this.#phase.runner?.isStalled(dataOutSeconds)) return this.destroy('the data of a write does not come')
    if (this.#stream.tick() >= dataOutSeconds) return this.destroy('a PDU does not end')
    if (this.#pinged) {
      if (silent >= pingAfterSeconds + pingAnswerSeconds) this.drop('no answer to NOP-In')
    } else if (silent >= pingAfterSeconds) this.ping()
  }

  ping(): void {
    this.#pinged = true
    this.send(TARGET_OPCODE.NOP_IN, { initiatorTaskTag: RESERVED_TAG, targetTransferTag: 0 })
    this.flushSoon()
  }

  // --- what the stream finds

  take(framer: Framer): void {
    if (this.#phase) this.#phase.receive(framer)
    else this.#loginPhase?.receive(framer)
  }

  place(header: Buffer, offset: number, length: number): Buffer | undefined {
    return this.#phase?.place(header, offset, length)
  }

  damaged(framer: Framer): boolean {
    return this.#phase?.damaged(framer) ?? false
  }

  /**
   * A stream that cannot be cut into PDUs ends the connection (RFC 7143 7.7, 7.8), at every ErrorRecoveryLevel after a wrong
   * header digest too: the length that leads to the next PDU may be what is wrong, and no layer below tells where that begins.
   */
  malformed(error: WireError): void {
    this.log.warn({ err: error.message }, 'malformed PDU')
    const reason = REJECT_OF[error.problem]
    if (!this.#phase) {
      this.#loginPhase?.refuse(this.#login.statusOf(LOGIN_STATUS.INITIATOR_ERROR), error.message)
      return
    }
    if (reason !== undefined) {
      const data = Buffer.from(this.#stream.header.subarray(0, BHS_LENGTH))
      this.send(TARGET_OPCODE.REJECT, { reason }, { data, statSn: true })
    }
    this.finish(error.message)
  }

  /** Nobody foresaw it: this connection ends, the others go on. */
  broken(error: unknown): void {
    this.log.error({ err: error }, 'a connection failed in a way nobody foresaw')
    this.drop('internal error')
  }

  // --- login

  establish(login: Login, cmdSn: number): Promise<Session | LoginStatus> {
    this.cid = login.applicant?.cid ?? 0
    return this.#host.establish(login, this, cmdSn)
  }

  abandoned(session: Session): void {
    session.lost(this, 'closed during login')
  }

  enter(session: Session, login: Login): void {
    const { headerDigest, dataDigest, maxRecvDataSegmentLengthSelf, maxRecvDataSegmentLengthPeer } = login.parameters
    const lengths = { maxRecvDataSegmentLengthSelf, maxRecvDataSegmentLengthPeer }
    const parameters = { ...session.parameters, headerDigest, dataDigest, ...lengths }
    const digests = { header: headerDigest === 'CRC32C', data: dataDigest === 'CRC32C' }
    this.#stream.configure(digests, maxRecvDataSegmentLengthSelf)
    const names = { nexus: describeNexus(session.nexus), cid: this.cid }
    this.log = this.#host.connectionLog.of(this.socket.remoteAddress, names)
    const retention = session.retention && new Retention(session.retention, this.#stream.statSn)
    this.#stream.retention = retention
    const responder = new Responder(this.#stream.output, this.#stream, parameters, retention)
    const text = new TextExchange({
      negotiation: login.negotiation,
      textLength: this.#host.limits.negotiationText,
      discover: (name) => this.#host.discover(session.nexus.initiatorName, name, this.socket),
      changed: ({ maxRecvDataSegmentLengthPeer }) => {
        phase.parameters = { ...parameters, maxRecvDataSegmentLengthPeer }
        responder.maxDataSegmentLength = maxRecvDataSegmentLengthPeer
      },
    })
    const runner = session.target && new TaskRunner(session, session.target, responder, this)
    if (runner && retention) this.allegiance = new Allegiance(session.tasks, runner, responder, retention, this)
    const phase = new FullFeature(session, parameters, runner, text, this)
    this.#session = session
    this.#parameters = parameters
    this.#responder = responder
    this.#phase = phase
    this.#loginPhase = undefined
    this.#silentTicks = 0
    this.log.info({ tsih: session.tsih, peer: this.socket.remote }, session.target ? 'login' : 'discovery login')
  }

  // --- what full feature phase, tasks and the session ask for

  get input(): PoolShare {
    return this.#stream.input
  }

  get maxBurstLength(): number {
    return (this.#parameters as OperationalParameters).maxBurstLength
  }

  get firstBurstLength(): number {
    return (this.#parameters as OperationalParameters).firstBurstLength
  }

  get maxOutstandingR2T(): number {
    return (this.#parameters as OperationalParameters).maxOutstandingR2T
  }

  get errorRecoveryLevel(): number {
    return this.#session?.errorRecoveryLevel ?? 0
  }

  get statSn(): number {
    return this.#stream.statSn
  }

  get tasks(): readonly Task[] {
    return this.#phase?.runner?.tasks ?? []
  }

  sendR2T(task: Task, targetTransferTag: number, bufferOffset: number, length: number): void {
    this.#responder?.sendR2T(task, targetTransferTag, bufferOffset, length)
    this.flushSoon()
  }

  displaced(buffer: Buffer): void {
    this.#stream.displaced(buffer)
  }

  send(opcode: number, fields: Record<string, unknown>, options?: { data?: Buffer; statSn?: boolean }): void {
    this.#stream.send(opcode, fields, options)
  }

  flushSoon(): void {
    this.#stream.flushSoon()
  }

  announce({ data, ...fields }: Announcement): void {
    if (!this.#phase) return
    this.send(TARGET_OPCODE.ASYNC_MESSAGE, fields, data ? { data, statSn: true } : { statSn: true })
    this.flushSoon()
  }

  end(): void {
    this.#phase?.end()
  }

  // --- the end

  finish(reason: string): void {
    if (this.isClosed) return
    this.#finishing = true
    this.log.debug({ reason }, 'closing connection')
    this.#stream.end()
    this.#session?.lost(this, reason)
  }

  /** Ends the connection at once, unless it is closing already, with its last words on the way. */
  drop(reason: string): void {
    if (!this.#finishing) this.destroy(reason)
  }

  destroy(reason: string): void {
    if (this.#closed) return
    this.log.info({ reason, ...this.#loginPhase?.who }, 'dropping connection')
    this.socket.destroy()
    this.#gone(reason)
  }

  /** RFC 7143 11.9.1: the initiator has as long to log out as whoever calls waits for the end. */
  shutdown(reason: string): Promise<void> {
    if (this.#phase?.runner) {
      this.#phase.leave()
      this.announce(logoutRequested(LIMITS.closeGraceMs / 1000))
    } else {
      this.#stream.hold()
      this.finish(reason)
    }
    return this.#ended
  }
}
