// The login phase of one connection (RFC 7143 6.3, 11.12, 11.13), pure: a Login Request in, what to answer out. Text that
// spans PDUs is gathered and given out in pieces here (C bit); what the keys mean is settled by the negotiation.

import type { ChapCrypto, ChapTerms } from '../../protocol/iscsi/chap.ts'
import { type LOGIN_REQUEST, LOGIN_STAGE } from '../../protocol/iscsi/login-request.ts'
import { LOGIN_STATUS, type LoginStatus } from '../../protocol/iscsi/login-status.ts'
import { normalizeIscsiName } from '../../protocol/iscsi/names.ts'
import { Negotiation, type OperationalParameters, type OwnParameters } from '../../protocol/iscsi/negotiation.ts'
import { buildText, parseText, type TextPair } from '../../protocol/iscsi/text.ts'
import { WireError } from '../../protocol/wire/error.ts'
import type { Decoded } from '../../protocol/wire/layout.ts'
import { LIMITS } from './limits.ts'
import { Refusal } from './login-refusal.ts'
import { isSecurityKey, SecurityStage } from './security-stage.ts'

export type LoginRequest = Decoded<typeof LOGIN_REQUEST>

export interface Applicant {
  readonly initiatorName: string
  /** Absent: a discovery session. */
  readonly targetName: string | undefined
  readonly isid: string
  readonly tsih: number
  readonly cid: number
}

/** Whether an initiator may log in: the tag of the portal group it has come to and what it must prove, or why not. */
export type Admission =
  | { readonly targetPortalGroupTag: number; readonly chap?: ChapTerms | undefined }
  | { readonly refused: LoginStatus; readonly reason: string; readonly movedTo?: string }

export interface LoginOptions {
  readonly own: OwnParameters
  readonly admit: (applicant: Applicant) => Admission
  /** What holds for sessions of one target alone, by the name that the login gives. */
  readonly ownOf: (targetName: string) => OwnParameters
  /** Bytes of text that one negotiation may take. */
  readonly textLength: number
  readonly crypto: ChapCrypto
}

export type LoginStep =
  /** Go on: send this. `established` once: send it when the session stands, then full feature phase begins. */
  | { readonly kind: 'answer' | 'established'; readonly fields: LoginAnswer; readonly data: Buffer }
  | { readonly kind: 'failure'; readonly status: LoginStatus; readonly reason: string; readonly data?: Buffer }

export type LoginAnswer = {
  readonly transit: boolean
  readonly continue: boolean
  readonly currentStage: number
  readonly nextStage: number
}

export class Login {
  readonly #options: LoginOptions
  #negotiation: Negotiation
  #first: LoginRequest | undefined
  #applicant: Applicant | undefined
  /** Known together with the applicant. */
  #security: SecurityStage | undefined
  #stage = 0
  /** Text of requests whose C bit was set. */
  #gathered: Buffer[] = []
  #gatheredLength = 0
  #requests = 0
  /** Answer text that has not been sent. */
  #outgoing: Buffer = EMPTY
  /** The stage that the request asks for. */
  #transitTo: number | undefined
  #declaredLength = false

  constructor(options: LoginOptions) {
    this.#options = options
    this.#negotiation = new Negotiation({ side: 'target', own: options.own })
  }

  /** Who logs in: known once its first text is whole. */
  get applicant(): Applicant | undefined {
    return this.#applicant
  }

  get parameters(): OperationalParameters {
    return this.#negotiation.parameters
  }

  /** Goes on in full feature phase. */
  get negotiation(): Negotiation {
    return this.#negotiation
  }

  step(request: LoginRequest, data: Buffer): LoginStep {
    try {
      this.#checkHeader(request)
      // T is answered to a request that has it, and to no other (RFC 7143 11.13.6).
      this.#transitTo = request.transit ? request.nextStage : undefined
      if (this.#outgoing.length > 0) return this.#continueAnswer(data)
      this.#gather(data)
      if (request.continue) return this.#answer(false, true)
      return this.#takeText(request)
    } catch (error) {
      if (error instanceof Refusal)
        return { kind: 'failure', status: this.statusOf(error.status), reason: error.message, data: error.data }
      if (error instanceof WireError)
        return { kind: 'failure', status: this.statusOf(LOGIN_STATUS.INITIATOR_ERROR), reason: error.message }
      throw error
    }
  }

  /** What ends an authentication, whatever it is, makes it fail. */
  statusOf(status: LoginStatus): LoginStatus {
    return this.#security?.underway ? LOGIN_STATUS.AUTHENTICATION_FAILURE : status
  }

  #checkHeader(request: LoginRequest): void {
    if (request.versionMin > 0)
      throw new Refusal(LOGIN_STATUS.UNSUPPORTED_VERSION, `version ${request.versionMin} at least`)
    const { currentStage, nextStage, transit } = request
    if (this.#first === undefined) {
      this.#first = request
      this.#stage = currentStage
      if (request.tsih !== 0)
        this.#negotiation = new Negotiation({ side: 'target', own: this.#options.own, leading: false })
    }
    const first = this.#first
    const same =
      request.isid.equals(first.isid) &&
      request.tsih === first.tsih &&
      request.cid === first.cid &&
      request.initiatorTaskTag === first.initiatorTaskTag
    if (!same) throw new Refusal(LOGIN_STATUS.INITIATOR_ERROR, 'ISID, TSIH, CID or task tag changed during login')
    if (currentStage !== this.#stage || currentStage > LOGIN_STAGE.LOGIN_OPERATIONAL_NEGOTIATION)
      throw new Refusal(LOGIN_STATUS.INITIATOR_ERROR, `current stage ${currentStage} in stage ${this.#stage}`)
    if (transit && (nextStage <= currentStage || nextStage === 2))
      throw new Refusal(LOGIN_STATUS.INITIATOR_ERROR, `transit from stage ${currentStage} to ${nextStage}`)
    if (transit && request.continue) throw new Refusal(LOGIN_STATUS.INITIATOR_ERROR, 'both T and C bits are set')
  }

  #gather(data: Buffer): void {
    if (data.length > 0) this.#gathered.push(data)
    this.#gatheredLength += data.length
    if (this.#gatheredLength > this.#options.textLength || ++this.#requests > LIMITS.negotiationPdus)
      throw new Refusal(LOGIN_STATUS.OUT_OF_RESOURCES, 'more login text, or requests, than anybody needs')
  }

  #takeText(request: LoginRequest): LoginStep {
    const pairs = parseText(Buffer.concat(this.#gathered))
    this.#gathered = []
    this.#gatheredLength = 0
    const security = this.#stage === LOGIN_STAGE.SECURITY_NEGOTIATION
    const own = security ? pairs.filter((pair) => !isSecurityKey(pair)) : pairs
    const named = pairs.find(({ key }) => key === 'TargetName')
    if (named) this.#negotiation.prepare(this.#options.ownOf(named.value)) // before anything in the same text is answered
    const { answers, failure } = this.#negotiation.receive(own, security ? 'security' : 'operational')
    if (failure) throw new Refusal(failure.status, `${failure.key} ${failure.reason}`)
    const reply: TextPair[] = [...answers]
    this.#security ??= this.#identify(request, reply)
    if (security) reply.unshift(...this.#security.take(pairs.filter(isSecurityKey), request.transit))
    else this.#security.requireSettled()
    if (!security && !this.#declaredLength) {
      this.#declaredLength = true
      reply.push(this.#negotiation.declare('MaxRecvDataSegmentLength', LIMITS.maxRecvDataSegmentLength))
    }
    this.#outgoing = buildText(reply)
    return this.#answer(true, false)
  }

  /** The first text must say who logs in, and to what (RFC 7143 6.3). */
  #identify(request: LoginRequest, reply: TextPair[]): SecurityStage {
    const declared = this.#negotiation.peer('InitiatorName')
    if (declared === undefined) throw new Refusal(LOGIN_STATUS.MISSING_PARAMETER, 'InitiatorName is missing')
    const initiatorName = comparableName(declared)
    const targetName = this.#negotiation.discovery ? undefined : this.#negotiation.peer('TargetName')
    if (targetName === undefined && !this.#negotiation.discovery)
      throw new Refusal(LOGIN_STATUS.MISSING_PARAMETER, 'TargetName is missing')
    const { isid, tsih, cid } = request
    this.#applicant = { initiatorName, targetName, isid: isid.toString('hex'), tsih, cid }
    const admission = this.#options.admit(this.#applicant)
    if ('refused' in admission) {
      const { refused, reason, movedTo } = admission
      throw new Refusal(refused, reason, movedTo ? [{ key: 'TargetAddress', value: movedTo }] : [])
    }
    // RFC 7143 13.9: in the first response of a normal session.
    if (targetName !== undefined)
      reply.push(this.#negotiation.declare('TargetPortalGroupTag', admission.targetPortalGroupTag))
    return new SecurityStage(this.#negotiation, admission.chap, this.#options.crypto)
  }

  /** The initiator asks for the rest of an answer with requests that say nothing (RFC 7143 6.2). */
  #continueAnswer(data: Buffer): LoginStep {
    if (data.length > 0) throw new Refusal(LOGIN_STATUS.INITIATOR_ERROR, 'text sent before the answer was taken')
    return this.#answer(true, false)
  }

  #answer(mayTransit: boolean, hold: boolean): LoginStep {
    const limit = this.#negotiation.parameters.maxRecvDataSegmentLengthPeer
    const data = hold ? EMPTY : this.#outgoing.subarray(0, limit)
    if (!hold) this.#outgoing = this.#outgoing.subarray(data.length)
    const more = this.#outgoing.length > 0
    const to = mayTransit && !more && this.#security?.settled ? this.#transitTo : undefined
    const fields = { transit: to !== undefined, continue: more, currentStage: this.#stage, nextStage: to ?? 0 }
    if (to === undefined) return { kind: 'answer', fields, data }
    this.#stage = to
    return { kind: to === LOGIN_STAGE.FULL_FEATURE_PHASE ? 'established' : 'answer', fields, data }
  }
}

/**
 * In the form in which names are compared (RFC 7143 4.2.7). What is no iSCSI name is taken as it is, unless the names of ports,
 * which are kept and told to others, would be ambiguous or unreadable with it.
 */
function comparableName(declared: string): string {
  const name = normalizeIscsiName(declared) ?? declared
  if (/^[^\s\p{C},]+$/u.test(name)) return name
  throw new Refusal(LOGIN_STATUS.INITIATOR_ERROR, `${JSON.stringify(declared)} is no iSCSI name`)
}

const EMPTY = Buffer.alloc(0)
