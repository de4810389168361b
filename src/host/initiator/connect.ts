// Makes a session: connects, logs in, hands over to full feature phase (RFC 7143 6.3).

import { randomBytes } from 'node:crypto'
import { CHAP_ALGORITHM_NAMES, type ChapAlgorithm, type ChapTerms } from '../../../protocol/iscsi/chap.ts'
import { KEYS } from '../../../protocol/iscsi/keys.ts'
import { LOGIN_RESPONSE } from '../../../protocol/iscsi/login-response.ts'
import { isIscsiName } from '../../../protocol/iscsi/names.ts'
import type { OwnParameters } from '../../../protocol/iscsi/negotiation.ts'
import { INITIATOR_OPCODE, TARGET_OPCODE } from '../../../protocol/iscsi/opcodes.ts'
import { REJECT } from '../../../protocol/iscsi/reject.ts'
import { ISCSI_PORT } from '../../../protocol/iscsi/send-targets.ts'
import { CHAP_CRYPTO } from '../../chap-crypto.ts'
import { type Clock, systemClock } from '../clock.ts'
import { openTransport } from '../transport.ts'
import { ConnectionLostError, ProtocolError, RejectedError } from './errors.ts'
import { InitiatorLogin, type LoginOptions, type LoginStep } from './login.ts'
import { authMethods } from './security.ts'
import { InitiatorSession } from './session.ts'
import { PduStream, type ReceivedPdu, type StreamEvents } from './stream.ts'

/** A name and what proves it. */
export interface Account {
  readonly user: string
  readonly secret: string
}

export interface AuthOptions {
  /** How this initiator proves who it is. */
  readonly chap: Account
  /** How the target does. With it a target that does not is refused. */
  readonly mutual?: Account
  /** In order of preference; without them all four, the strongest first. */
  readonly algorithms?: readonly ChapAlgorithm[]
}

export interface ConnectOptions {
  /** A name, or an address without brackets. */
  readonly host: string
  /** 3260 without one. */
  readonly port?: number
  /** This initiator's iSCSI name. */
  readonly initiatorName?: string
  /** Without one a discovery session is made. */
  readonly targetName?: string
  /** Six bytes: with the name, the initiator port. The same port again reinstates its session. Random without one. */
  readonly isid?: Buffer
  /** Connection reinstatement (RFC 7143 6.3.4): the connection `cid` of this session is taken over; give `isid` too. */
  readonly reinstate?: { readonly tsih: number; readonly cid: number }
  /** What to offer in place of the defaults of this initiator. */
  readonly parameters?: OwnParameters & { readonly maxRecvDataSegmentLength?: number }
  /** Digests that the connection must have: a target without them is a ProtocolError. */
  readonly digests?: { readonly header?: boolean; readonly data?: boolean }
  /** CHAP (RFC 7143 12.1.3); a target that asks for none is fine unless it has to prove itself. */
  readonly auth?: AuthOptions
  /** How long connection and login may take, and in discovery the answer; 10 seconds without one. */
  readonly timeoutMs?: number
  /** Drops the connection, or what is to become one. */
  readonly signal?: AbortSignal
  /** What measures it; the system's without one. */
  readonly clock?: Clock
}

const DEFAULT_INITIATOR_NAME = 'iqn.2026-11.io.lunette:host'
export const DEFAULT_TIMEOUT_MS = 10_000
const MAX_RECV_DATA_SEGMENT_LENGTH = 256 * 1024
const LOGIN_TASK_TAG = 0
const MIB = 1024 * 1024

/** ErrorRecoveryLevel 0: a session is as long as its connection, nothing is retained. */
const OWN: OwnParameters = {
  headerDigest: ['None'],
  dataDigest: ['None'],
  maxConnections: 1,
  initialR2T: false,
  immediateData: true,
  maxBurstLength: MIB,
  firstBurstLength: MIB / 4,
  defaultTime2Wait: 0,
  defaultTime2Retain: 0,
  maxOutstandingR2T: 8,
  dataPduInOrder: true,
  dataSequenceInOrder: true,
  errorRecoveryLevel: 0,
}

/**
 * Logs in to a target.
 * @returns a session in full feature phase
 * @throws RangeError for a name, an ISID or an account that is none, or parameters that the standard does not admit
 * @throws UnreachableError, LoginRefusedError, AuthenticationError, ProtocolError, ConnectionLostError
 */
export async function connect(options: ConnectOptions): Promise<InitiatorSession> {
  const { host, port = ISCSI_PORT, timeoutMs = DEFAULT_TIMEOUT_MS, clock = systemClock, signal } = options
  const login = loginOptions(options)
  const machine = new InitiatorLogin(login)
  const transport = await openTransport({ host, port, timeoutMs, clock, signal })
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      cancelTimer()
      reject(error)
      stream.destroy()
    }
    const cancelTimer = clock.after(timeoutMs, () =>
      fail(new ConnectionLostError(`the target has not answered the login within ${timeoutMs} ms`)),
    )
    const advance = (step: LoginStep): void => {
      if (step.kind === 'request') stream.send(INITIATOR_OPCODE.LOGIN_REQUEST, step.fields, step.data)
      else {
        cancelTimer()
        resolve(new InitiatorSession({ ...login, ...step }, stream))
      }
    }
    const events: StreamEvents = {
      pdu: (pdu) => advance(answer(machine, pdu)),
      place: () => undefined,
      ended: (error) => fail(error ?? new ConnectionLostError('the target has closed the connection during login')),
    }
    const stream = new PduStream(transport, 1, login.maxRecvDataSegmentLength, events)
    advance(machine.start())
  })
}

function loginOptions(options: ConnectOptions): LoginOptions {
  const { initiatorName = DEFAULT_INITIATOR_NAME, targetName, isid = randomIsid(), reinstate, digests = {} } = options
  for (const name of [initiatorName, targetName ?? initiatorName])
    if (!isIscsiName(name)) throw new RangeError(`${JSON.stringify(name)} is no iSCSI name`)
  if (isid.length !== 6) throw new RangeError(`an ISID of ${isid.length} bytes, not 6`)
  const { maxRecvDataSegmentLength = MAX_RECV_DATA_SEGMENT_LENGTH, ...parameters } = options.parameters ?? {}
  const chap = options.auth && termsOf(options.auth)
  const own: OwnParameters = {
    ...OWN,
    authMethod: authMethods(chap),
    ...(digests.header && { headerDigest: ['CRC32C'] }),
    ...(digests.data && { dataDigest: ['CRC32C'] }),
    ...parameters,
  }
  const { tsih = 0, cid = 0 } = reinstate ?? {}
  const identity = { initiatorName, targetName, isid, tsih, cid, initiatorTaskTag: LOGIN_TASK_TAG }
  return { ...identity, own, maxRecvDataSegmentLength, chap, crypto: CHAP_CRYPTO }
}

/** No message shows a secret. */
function termsOf({ chap, mutual, algorithms = CHAP_ALGORITHM_NAMES }: AuthOptions): ChapTerms {
  const unknown = algorithms.find((name) => !CHAP_ALGORITHM_NAMES.includes(name))
  if (unknown !== undefined || algorithms.length === 0)
    throw new RangeError(`auth: the CHAP algorithms are ${CHAP_ALGORITHM_NAMES.join(', ')}, not ${unknown ?? 'none'}`)
  if (mutual?.secret === chap.secret) throw new RangeError('auth: one secret for both directions (RFC 7143 9.2.1)')
  return { chap: accountOf(chap), mutual: mutual && accountOf(mutual), algorithms }
}

function accountOf({ user, secret }: Account): ChapTerms['chap'] {
  const length = Buffer.byteLength(user)
  if (length < 1 || length > KEYS.CHAP_N.maxBytes || user.includes('\0'))
    throw new RangeError(`auth: a user name of ${length} bytes, or with a zero byte`)
  if (secret.length === 0) throw new RangeError('auth: an empty secret')
  return { user, secret: Buffer.from(secret) }
}

/** RFC 7143 11.12.5: type 10b, random. */
export function randomIsid(): Buffer {
  const isid = randomBytes(6)
  isid[0] = 0x80
  return isid
}

function answer(machine: InitiatorLogin, { opcode, header, at, data, dataOffset, dataLength }: ReceivedPdu): LoginStep {
  if (opcode === TARGET_OPCODE.REJECT) throw new RejectedError(REJECT.decode(header, at).reason)
  if (opcode !== TARGET_OPCODE.LOGIN_RESPONSE) throw new ProtocolError(`PDU ${opcode} during login`)
  const response = { opcode: TARGET_OPCODE.LOGIN_RESPONSE, ...LOGIN_RESPONSE.decode(header, at) }
  return machine.receive(response, Buffer.from(data.subarray(dataOffset, dataOffset + dataLength)))
}
