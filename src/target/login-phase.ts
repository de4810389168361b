// The login phase of a connection (RFC 7143 6.3, 11.12, 11.13): takes Login Requests off the stream, lets the login judge
// them, sends the responses, and ends with a session or without one.

import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import { LOGIN_REQUEST } from '../../protocol/iscsi/login-request.ts'
import { LOGIN_STATUS, type LoginStatus } from '../../protocol/iscsi/login-status.ts'
import { INITIATOR_OPCODE, TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import type { ConnectionStream } from './connection-stream.ts'
import type { Log } from './log.ts'
import type { Login, LoginAnswer, LoginRequest, LoginStep } from './login.ts'
import type { Session } from './session.ts'

const OPCODE_MASK = 0x3f

/** What the login phase needs of its connection. */
export interface LoginPhasePort {
  readonly log: Log
  readonly isClosed: boolean
  /** The session that the login makes or joins, once nothing of an earlier one can still happen. */
  establish(login: Login, cmdSn: number): Promise<Session | LoginStatus>
  /** Full feature phase begins when the last response has been sent. */
  enter(session: Session, login: Login): void
  /** The connection has ended while the session was being made. */
  abandoned(session: Session): void
  finish(reason: string): void
  drop(reason: string): void
  broken(error: unknown): void
}

export class LoginPhase {
  readonly #login: Login
  readonly #stream: ConnectionStream
  readonly #port: LoginPhasePort
  /** Commands that a session may send at once. */
  readonly #commandWindow: number
  /** The Login Request that came last. */
  #request: LoginRequest | undefined
  #firstCmdSn = 0

  constructor(login: Login, stream: ConnectionStream, port: LoginPhasePort, commandWindow: number) {
    this.#login = login
    this.#stream = stream
    this.#port = port
    this.#commandWindow = commandWindow
  }

  receive({ header, headerOffset, data, dataOffset, dataLength }: FramedPdu): void {
    if ((header[headerOffset]! & OPCODE_MASK) !== INITIATOR_OPCODE.LOGIN_REQUEST) {
      if (this.#request) this.refuse(LOGIN_STATUS.INVALID_DURING_LOGIN, 'a PDU that is no Login Request')
      else this.#port.drop('the first PDU is no Login Request')
      return
    }
    const request = LOGIN_REQUEST.decode(header, headerOffset)
    // The header may lie in the chunk: what is kept of it for the next requests must not change with it.
    request.isid = Buffer.from(request.isid)
    if (!this.#request) {
      const expCmdSn = request.cmdSn
      this.#firstCmdSn = expCmdSn
      this.#stream.window = { expCmdSn, maxCmdSn: (expCmdSn + this.#commandWindow - 1) >>> 0 }
    }
    this.#request = request
    const text = Buffer.from(data.subarray(dataOffset, dataOffset + dataLength))
    this.#answer(this.#login.step(request, text))
  }

  /** For logs: who logs in, and to what, as far as that is known. */
  get who(): { initiator?: string | undefined; target?: string | undefined } {
    const { initiatorName: initiator, targetName: target } = this.#login.applicant ?? {}
    return { initiator, target }
  }

  /** The initiator has gone, before the end of a login that it has begun: where it wants proof itself, it may not believe it. */
  givenUp(reason: string): void {
    if (this.#request) this.#port.log.warn({ reason, ...this.who }, 'login given up')
  }

  refuse(status: LoginStatus, reason: string, data = NO_DATA): void {
    this.#port.log.warn({ reason, status: status.text, ...this.who }, 'login refused')
    if (this.#request) this.#send({}, data, status, this.#request.tsih)
    this.#port.finish(reason)
  }

  #answer(step: LoginStep): void {
    if (step.kind === 'failure') this.refuse(step.status, step.reason, step.data)
    else if (step.kind === 'answer') this.#send(step.fields, step.data, LOGIN_STATUS.SUCCESS, 0)
    else this.#conclude(step.fields, step.data).catch((error: unknown) => this.#port.broken(error))
  }

  async #conclude(fields: LoginAnswer, data: Buffer): Promise<void> {
    this.#stream.hold()
    const session = await this.#port.establish(this.#login, this.#firstCmdSn)
    if (this.#port.isClosed) {
      if ('tsih' in session) this.#port.abandoned(session)
      return
    }
    if (!('tsih' in session)) return this.refuse(session, session.text)
    this.#stream.window = session.window
    this.#send(fields, data, LOGIN_STATUS.SUCCESS, session.tsih)
    this.#port.enter(session, this.#login)
    this.#stream.release()
  }

  #send(fields: Partial<LoginAnswer>, data: Buffer, status: LoginStatus, tsih: number): void {
    const { isid, initiatorTaskTag } = this.#request as LoginRequest
    const { statusClass, statusDetail } = status
    this.#stream.send(
      TARGET_OPCODE.LOGIN_RESPONSE,
      { ...fields, isid, tsih, initiatorTaskTag, statusClass, statusDetail },
      { data, statSn: true },
    )
  }
}

const NO_DATA: Buffer = Buffer.alloc(0)
