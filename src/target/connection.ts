// One TCP connection of an initiator: bytes in, PDUs through login and then full feature phase, bytes out. It owns what is
// the connection's alone: the stream, StatSN, the digests, back-pressure, and the timers of login and keepalive.

import { Framer } from '../../protocol/iscsi/framer.ts'
import { LOGIN_REQUEST } from '../../protocol/iscsi/login-request.ts'
import { LOGIN_STATUS, type LoginStatus } from '../../protocol/iscsi/login-status.ts'
import type { OwnParameters } from '../../protocol/iscsi/negotiation.ts'
import { BHS_LENGTH, INITIATOR_OPCODE, RESERVED_TAG, TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { type Digests, encodePdu, type Opcode } from '../../protocol/iscsi/pdu.ts'
import { REJECT_REASON } from '../../protocol/iscsi/reject.ts'
import type { DiscoveredTarget } from '../../protocol/iscsi/send-targets.ts'
import { WireError, type WireProblem } from '../../protocol/wire/error.ts'
import { CHAP_CRYPTO } from '../chap-crypto.ts'
import type { ArrayLimits } from '../config/schema.ts'
import { type BufferPool, PoolShare } from './buffer-pool.ts'
import { FullFeature, type FullFeaturePort } from './full-feature.ts'
import { LIMITS } from './limits.ts'
import type { Log } from './log.ts'
import { type Admission, type Applicant, Login, type LoginAnswer, type LoginRequest, type LoginStep } from './login.ts'
import { describeNexus } from './nexus.ts'
import { Output } from './output.ts'
import { Responder, type ResponderPort } from './responder.ts'
import type { ConnectionEvents, ConnectionSocket } from './server.ts'
import type { Session, SessionConnection } from './session.ts'
import type { Task } from './task.ts'
import { type RunnerPort, TaskRunner } from './task-runner.ts'
import { TextExchange } from './text-exchange.ts'

/** What a connection needs of its array. */
export interface ConnectionHost {
  readonly pool: BufferPool
  readonly limits: ArrayLimits
  readonly log: Log & { child(bindings: Record<string, unknown>): Log }
  admit(applicant: Applicant, connection: Connection): Admission
  /** The session that the login makes, once nothing of an earlier one can still happen. */
  establish(login: Login, connection: Connection, cmdSn: number): Promise<Session | LoginStatus>
  discover(initiatorName: string, name: string | undefined, socket: ConnectionSocket): readonly DiscoveredTarget[]
  ended(connection: Connection): void
}

/** What the target is ready for (RFC 7143 13). The session ends with its connection: there is nothing to retain. */
const OWN_PARAMETERS: OwnParameters = {
  headerDigest: ['None', 'CRC32C'],
  dataDigest: ['None', 'CRC32C'],
  initialR2T: false,
  immediateData: true,
  maxBurstLength: LIMITS.maxBurstLength,
  firstBurstLength: LIMITS.firstBurstLength,
  maxOutstandingR2T: LIMITS.maxOutstandingR2T,
  defaultTime2Retain: 0,
}

/** What the initiator is told before the connection goes, where its header can be trusted. */
const REJECT_OF: Readonly<Partial<Record<WireProblem, number>>> = {
  'too large': REJECT_REASON.INVALID_PDU_FIELD,
  'data digest': REJECT_REASON.DATA_DIGEST_ERROR,
}

const OPCODE_MASK = 0x3f
const TICK_MS = 1000

export class Connection implements ConnectionEvents, FullFeaturePort, RunnerPort, ResponderPort, SessionConnection {
  readonly socket: ConnectionSocket
  readonly input: PoolShare
  log: Log
  cid = 0
  statSn = 1

  readonly #host: ConnectionHost
  readonly #framer: Framer
  readonly #output: Output
  #login: Login | undefined
  /** The Login Request that came last. */
  #request: LoginRequest | undefined
  #firstCmdSn = 0
  #session: Session | undefined
  #phase: FullFeature | undefined
  #responder: Responder | undefined
  #digests: Digests = { header: false, data: false }
  /** Chunks that wait, because the initiator does not read its answers or a login is being concluded. */
  #backlog: Buffer[] = []
  #paused = false
  /** Nothing more is taken: a login is being concluded, or the array is closing. */
  #held = false
  #flushing = false
  #finishing = false
  #finishingTicks = 0
  #closed = false
  /** Ticks since the connection began, or since it was last heard of. */
  #silentTicks = 0
  #pinged = false
  /** Ticks since the PDU that comes in pieces began, whatever has come of it. */
  #partialTicks = 0

  constructor(socket: ConnectionSocket, host: ConnectionHost) {
    this.socket = socket
    this.#host = host
    this.input = new PoolShare(host.pool, host.limits.inputPerConnection)
    this.log = host.log.child({ peer: socket.remote })
    const share = new PoolShare(host.pool, host.limits.outputPerConnection)
    this.#output = new Output(share, socket, () => this.#drained())
    this.#framer = new Framer({
      maxDataSegmentLength: LIMITS.loginDataSegmentLength,
      place: (header, offset, length) => this.#phase?.place(header, offset, length),
    })
    this.#login = new Login({
      own: OWN_PARAMETERS,
      admit: (applicant) => host.admit(applicant, this),
      textLength: host.limits.negotiationText,
      crypto: CHAP_CRYPTO,
    })
  }

  /** Closed, or about to be. */
  get isClosed(): boolean {
    return this.#closed || this.#finishing
  }

  // --- what the socket says

  receive(chunk: Buffer): void {
    if (this.#finishing || this.#closed) return
    if (this.#phase) this.#silentTicks = 0
    this.#pinged = false
    this.#backlog.push(chunk)
    this.#pump()
    // Paused or held in the middle: the bytes are the socket's again when this returns.
    this.#framer.keepRest()
    const last = this.#backlog.length - 1
    if (last >= 0) this.#backlog[last] = Buffer.from(chunk)
  }

  closed(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#backlog = []
    this.#output.discard()
    const partial = this.#framer.abandon()
    if (partial && (partial.header[0]! & OPCODE_MASK) === INITIATOR_OPCODE.SCSI_COMMAND)
      this.input.release(partial.placed)
    if (this.#session?.connection === this) void this.#session.close(reason)
    this.log.debug({ reason }, 'connection closed')
    this.#host.ended(this)
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
    if (this.#session?.isStalled(dataOutSeconds)) return this.destroy('the data of a write does not come')
    if (this.#phase && !this.#paused && this.#framer.incomplete && ++this.#partialTicks >= dataOutSeconds)
      return this.destroy('a PDU does not end')
    if (!this.#phase) {
      if (silent >= loginSeconds) this.drop('login took too long')
    } else if (this.#pinged) {
      if (silent >= pingAfterSeconds + pingAnswerSeconds) this.drop('no answer to NOP-In')
    } else if (silent >= pingAfterSeconds) this.#ping()
  }

  // --- what full feature phase and the session ask for

  get expCmdSn(): number {
    return this.#session?.expCmdSn ?? this.#firstCmdSn
  }

  get maxCmdSn(): number {
    return this.#session?.maxCmdSn ?? (this.#firstCmdSn + this.#host.limits.commandWindow - 1) >>> 0
  }

  takeStatSn(): number {
    const statSn = this.statSn
    this.statSn = (statSn + 1) >>> 0
    return statSn
  }

  get maxBurstLength(): number {
    return this.#parameters.maxBurstLength
  }

  get firstBurstLength(): number {
    return this.#parameters.firstBurstLength
  }

  get maxOutstandingR2T(): number {
    return this.#parameters.maxOutstandingR2T
  }

  sendR2T(task: Task, targetTransferTag: number, bufferOffset: number, length: number): void {
    this.#responder?.sendR2T(task, targetTransferTag, bufferOffset, length)
    this.flushSoon()
  }

  displaced(buffer: Buffer): void {
    this.#framer.displace(buffer)
  }

  send(opcode: number, fields: Record<string, unknown>, options: { data?: Buffer; statSn?: boolean } = {}): void {
    if (this.#closed) return
    const statSn = options.statSn ? this.takeStatSn() : this.statSn
    const counted = { ...fields, statSn, expCmdSn: this.expCmdSn, maxCmdSn: this.maxCmdSn }
    const body = options.data ? { data: options.data, digests: this.#digests } : { digests: this.#digests }
    const pdu = encodePdu(opcode as Opcode, counted, body)
    const at = this.#output.reserve(pdu.length)
    pdu.copy(this.#output.slab, at)
    this.#output.advance(pdu.length)
  }

  /** What tasks say in this turn leaves together, after the polling phase that woke them. */
  flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      if (!this.#closed) this.#output.flush()
    })
  }

  finish(reason: string): void {
    if (this.#finishing || this.#closed) return
    this.#finishing = true
    this.#backlog = []
    this.log.debug({ reason }, 'closing connection')
    this.#output.flush()
    this.socket.end()
    if (this.#session?.connection === this) void this.#session.close(reason)
  }

  /** Ends the connection at once, unless it is closing already, with its last words on the way. */
  drop(reason: string): void {
    if (!this.#finishing) this.destroy(reason)
  }

  destroy(reason: string): void {
    if (this.#closed) return
    this.log.info({ reason }, 'dropping connection')
    this.socket.destroy()
    this.closed(reason)
  }

  /** Takes no more commands, lets those under way end, and closes. */
  async shutdown(reason: string): Promise<void> {
    if (this.#phase) this.#phase.end()
    else this.#hold()
    await Promise.all([...(this.#session?.tasks.values() ?? [])].map((task) => task.ended))
    this.finish(reason)
  }

  // --- the stream

  get #parameters() {
    return (this.#session ?? (this.#login as Login)).parameters
  }

  #pump(): void {
    try {
      while (!this.#paused && !this.#held && !this.#finishing && !this.#closed) {
        if (!this.#framer.next()) {
          const chunk = this.#backlog.shift()
          if (!chunk) break
          this.#framer.push(chunk)
          continue
        }
        this.#partialTicks = 0
        if (this.#phase) this.#phase.receive(this.#framer)
        else this.#receiveLogin()
        if (this.#output.crowded) this.#pause()
      }
    } catch (error) {
      if (error instanceof WireError) this.#malformed(error)
      else this.broken(error)
    }
    if (!this.#closed && !this.#finishing) this.#output.flush()
  }

  #hold(): void {
    this.#held = true
    this.socket.pause()
  }

  /** The initiator does not read its answers: it gets no further with its commands either. */
  #pause(): void {
    this.#paused = true
    this.socket.pause()
  }

  #drained(): void {
    if (!this.#paused || this.#held || this.#closed || this.#output.share.used > this.#output.share.limit / 2) return
    this.#paused = false
    this.socket.resume()
    setImmediate(() => this.#pump())
  }

  /** Nobody foresaw it: this connection ends, the others go on. */
  broken(error: unknown): void {
    this.log.error({ err: error }, 'a connection failed in a way nobody foresaw')
    this.drop('internal error')
  }

  /** At ErrorRecoveryLevel 0 a stream that cannot be cut into PDUs ends the connection (RFC 7143 7.8 to 7.10). */
  #malformed(error: WireError): void {
    this.log.warn({ err: error.message }, 'malformed PDU')
    const reason = REJECT_OF[error.problem]
    const { header, headerOffset } = this.#framer
    if (this.#phase && reason !== undefined) {
      const data = Buffer.from(header.subarray(headerOffset, headerOffset + BHS_LENGTH))
      this.send(TARGET_OPCODE.REJECT, { reason }, { data, statSn: true })
    }
    if (this.#phase) this.finish(error.message)
    else this.#refuse((this.#login as Login).statusOf(LOGIN_STATUS.INITIATOR_ERROR), error.message)
  }

  #ping(): void {
    this.#pinged = true
    this.send(TARGET_OPCODE.NOP_IN, { initiatorTaskTag: RESERVED_TAG, targetTransferTag: 0 })
    this.flushSoon()
  }

  // --- login

  #receiveLogin(): void {
    const { header, headerOffset, data, dataOffset, dataLength } = this.#framer
    if ((header[headerOffset]! & OPCODE_MASK) !== INITIATOR_OPCODE.LOGIN_REQUEST) {
      if (this.#request) this.#refuse(LOGIN_STATUS.INVALID_DURING_LOGIN, 'a PDU that is no Login Request')
      else this.drop('the first PDU is no Login Request')
      return
    }
    const request = LOGIN_REQUEST.decode(header, headerOffset)
    // The header may lie in the chunk: what is kept of it for the next requests must not change with it.
    request.isid = Buffer.from(request.isid)
    if (!this.#request) this.#firstCmdSn = request.cmdSn
    this.#request = request
    const text = Buffer.from(data.subarray(dataOffset, dataOffset + dataLength))
    this.#answerLogin((this.#login as Login).step(request, text))
  }

  #answerLogin(step: LoginStep): void {
    if (step.kind === 'failure') this.#refuse(step.status, step.reason, step.data)
    else if (step.kind === 'answer') this.#sendLoginResponse(step.fields, step.data, LOGIN_STATUS.SUCCESS, 0)
    else this.#conclude(step.fields, step.data).catch((error: unknown) => this.broken(error))
  }

  async #conclude(fields: LoginAnswer, data: Buffer): Promise<void> {
    this.#hold()
    const login = this.#login as Login
    this.cid = login.applicant?.cid ?? 0
    const session = await this.#host.establish(login, this, this.#firstCmdSn)
    if (this.isClosed) {
      if ('tsih' in session && session.connection === this) void session.close('closed during login')
      return
    }
    if (!('tsih' in session)) return this.#refuse(session, session.text)
    this.#session = session
    this.#sendLoginResponse(fields, data, LOGIN_STATUS.SUCCESS, session.tsih)
    this.#enterFullFeature(session, login)
    this.#held = false
    this.socket.resume()
    this.#pump()
  }

  #enterFullFeature(session: Session, login: Login): void {
    const { headerDigest, dataDigest, maxRecvDataSegmentLengthSelf } = session.parameters
    this.#digests = { header: headerDigest === 'CRC32C', data: dataDigest === 'CRC32C' }
    this.#framer.headerDigest = this.#digests.header
    this.#framer.dataDigest = this.#digests.data
    this.#framer.maxDataSegmentLength = maxRecvDataSegmentLengthSelf
    this.log = this.#host.log.child({ nexus: describeNexus(session.nexus), cid: this.cid })
    const responder = new Responder(this.#output, this, session.parameters)
    this.#responder = responder
    const text = new TextExchange({
      negotiation: login.negotiation,
      textLength: this.#host.limits.negotiationText,
      discover: (name) => this.#host.discover(session.nexus.initiatorName, name, this.socket),
      changed: () => {
        const { maxRecvDataSegmentLengthPeer } = login.negotiation.parameters
        session.parameters = { ...session.parameters, maxRecvDataSegmentLengthPeer }
        responder.maxDataSegmentLength = maxRecvDataSegmentLengthPeer
      },
    })
    const runner = session.target && new TaskRunner(session, session.target, responder, this)
    this.#phase = new FullFeature(session, runner, text, this)
    this.#login = undefined
    this.#silentTicks = 0
    this.log.info({ tsih: session.tsih, peer: this.socket.remote }, session.target ? 'login' : 'discovery login')
  }

  #sendLoginResponse(fields: Partial<LoginAnswer>, data: Buffer, status: LoginStatus, tsih: number): void {
    const { isid, initiatorTaskTag } = this.#request as LoginRequest
    const { statusClass, statusDetail } = status
    this.send(
      TARGET_OPCODE.LOGIN_RESPONSE,
      { ...fields, isid, tsih, initiatorTaskTag, statusClass, statusDetail },
      { data, statSn: true },
    )
  }

  #refuse(status: LoginStatus, reason: string, data = NO_DATA): void {
    this.log.warn({ reason, status: status.text, initiator: this.#login?.applicant?.initiatorName }, 'login refused')
    if (this.#request) this.#sendLoginResponse({}, data, status, this.#request.tsih)
    this.finish(reason)
  }
}

const NO_DATA: Buffer = Buffer.alloc(0)
