// The initiator's side of the login phase (RFC 7143 6.3, 11.12, 11.13), pure: Login Responses in, Login Requests out, from
// the first word to full feature phase. Text of either side may span PDUs (C bit).

import type { ChapCrypto, ChapTerms } from '../../../protocol/iscsi/chap.ts'
import { KEYS, type KeyName, type OperationalParameters } from '../../../protocol/iscsi/keys.ts'
import { LOGIN_STAGE } from '../../../protocol/iscsi/login-request.ts'
import { Negotiation, type OwnParameters } from '../../../protocol/iscsi/negotiation.ts'
import type { HeaderFields } from '../../../protocol/iscsi/pdu.ts'
import { parseTargetAddress } from '../../../protocol/iscsi/send-targets.ts'
import { buildText, parseText, type TextPair } from '../../../protocol/iscsi/text.ts'
import { LoginRefusedError, ProtocolError } from './errors.ts'
import { InitiatorSecurity } from './security.ts'

type RequestFields = Omit<HeaderFields<0x03>, 'cmdSn' | 'expStatSn' | 'totalAhsLength' | 'dataSegmentLength'>
export type LoginResponse = HeaderFields<0x23>

export interface LoginOptions {
  readonly initiatorName: string
  /** Absent: a discovery session. */
  readonly targetName: string | undefined
  /** Six bytes. */
  readonly isid: Buffer
  /** Not zero: the connection `cid` of that session is to be taken over (RFC 7143 6.3.4). */
  readonly tsih: number
  readonly cid: number
  readonly initiatorTaskTag: number
  /** What is offered, and only that; the defaults of the standard hold for the rest. */
  readonly own: OwnParameters
  /** Bytes: declared to the target. */
  readonly maxRecvDataSegmentLength: number
  /** Absent: nobody proves anything. */
  readonly chap: ChapTerms | undefined
  readonly crypto: ChapCrypto
}

export type LoginStep =
  | { readonly kind: 'request'; readonly fields: RequestFields; readonly data: Buffer }
  | { readonly kind: 'established'; readonly tsih: number; readonly parameters: OperationalParameters }

/** A login that needs more round trips than this goes nowhere. */
const MAX_ROUNDS = 64
const MAX_TEXT_BYTES = 64 * 1024
const { SECURITY_NEGOTIATION, LOGIN_OPERATIONAL_NEGOTIATION, FULL_FEATURE_PHASE } = LOGIN_STAGE

export class InitiatorLogin {
  readonly #options: LoginOptions
  readonly #negotiation: Negotiation
  readonly #security: InitiatorSecurity
  #stage: number = SECURITY_NEGOTIATION
  /** Text that is still to be sent before the target may answer it. */
  #outgoing: Buffer
  #gathered: Buffer[] = []
  #rounds = 0

  /** Throws a RangeError for what the standard does not admit. */
  constructor(options: LoginOptions) {
    const { min, max } = KEYS.MaxRecvDataSegmentLength
    const length = options.maxRecvDataSegmentLength
    if (!(length >= min && length <= max)) throw new RangeError(`MaxRecvDataSegmentLength: ${length}`)
    this.#options = options
    this.#negotiation = new Negotiation({ side: 'initiator', own: options.own, leading: options.tsih === 0 })
    this.#security = new InitiatorSecurity(this.#negotiation, options.chap, options.crypto)
    this.#outgoing = buildText(this.#introduction())
  }

  /** The first request. */
  start(): LoginStep {
    return this.#request()
  }

  /**
   * Takes a response; what it leads to.
   * @throws LoginRefusedError for a status other than success
   * @throws AuthenticationError for a target that does not prove who it is
   * @throws ProtocolError for a target that breaks the rules, WireError for text that is malformed
   */
  receive(response: LoginResponse, data: Buffer): LoginStep {
    if (response.statusClass !== 0) throw this.#refusal(response, data)
    if (++this.#rounds > MAX_ROUNDS) throw new ProtocolError(`the login has not ended after ${MAX_ROUNDS} answers`)
    this.#checkHeader(response)
    if (data.length > 0) this.#gathered.push(data)
    if (this.#gathered.reduce((sum, part) => sum + part.length, 0) > MAX_TEXT_BYTES)
      throw new ProtocolError(`more than ${MAX_TEXT_BYTES} bytes of login text`)
    if (response.continue || this.#outgoing.length > 0) return this.#request()
    this.#takeText()
    if (!response.transit) return this.#request()
    return this.#advance(response)
  }

  #introduction(): TextPair[] {
    const { initiatorName, targetName } = this.#options
    const negotiation = this.#negotiation
    const pairs = [negotiation.declare('InitiatorName', initiatorName)]
    if (this.#options.tsih === 0)
      pairs.push(negotiation.declare('SessionType', targetName === undefined ? 'Discovery' : 'Normal'))
    if (targetName !== undefined) pairs.push(negotiation.declare('TargetName', targetName))
    pairs.push(negotiation.offer('AuthMethod'))
    return pairs
  }

  /** What the caller gave, as far as it may be said on this connection, and what this side can receive. */
  #offers(): TextPair[] {
    const own = this.#options.own as Readonly<Record<string, unknown>>
    const pairs: TextPair[] = []
    for (const [key, row] of Object.entries(KEYS)) {
      if (!('parameter' in row) || row.use === 'security' || own[row.parameter] === undefined) continue
      if ('irrelevantInDiscovery' in row && this.#negotiation.discovery) continue
      if (row.use === 'LO' && this.#options.tsih !== 0) continue
      pairs.push(this.#negotiation.offer(key as KeyName))
    }
    pairs.push(this.#negotiation.declare('MaxRecvDataSegmentLength', this.#options.maxRecvDataSegmentLength))
    return pairs
  }

  #request(): LoginStep {
    const { isid, tsih, cid, initiatorTaskTag } = this.#options
    const data = this.#outgoing.subarray(0, this.#negotiation.parameters.maxRecvDataSegmentLengthPeer)
    this.#outgoing = this.#outgoing.subarray(data.length)
    const more = this.#outgoing.length > 0
    const nextStage = this.#stage === SECURITY_NEGOTIATION ? LOGIN_OPERATIONAL_NEGOTIATION : FULL_FEATURE_PHASE
    const said = this.#stage !== SECURITY_NEGOTIATION || this.#security.answered
    // While the target's text is not whole there is nothing that could be agreed to (RFC 7143 11.12.1).
    const transit = !more && this.#gathered.length === 0 && said
    const fields = {
      immediate: true,
      transit,
      continue: more,
      currentStage: this.#stage,
      nextStage: transit ? nextStage : 0,
      versionMax: 0,
      versionMin: 0,
      isid,
      tsih,
      initiatorTaskTag,
      cid,
    }
    return { kind: 'request', fields, data }
  }

  #checkHeader(response: LoginResponse): void {
    if (response.initiatorTaskTag !== this.#options.initiatorTaskTag)
      throw new ProtocolError('a Login Response with the task tag of another request')
    if (response.currentStage !== this.#stage)
      throw new ProtocolError(`a Login Response in stage ${response.currentStage}, not ${this.#stage}`)
    if (response.transit && (response.continue || this.#outgoing.length > 0))
      throw new ProtocolError('a Login Response that ends a stage before its text has')
  }

  #takeText(): void {
    const pairs = parseText(Buffer.concat(this.#gathered))
    this.#gathered = []
    const phase = this.#stage === SECURITY_NEGOTIATION ? 'security' : 'operational'
    const { answers, failure } = this.#negotiation.receive(pairs, phase)
    if (failure) throw new ProtocolError(`login: ${failure.key} ${failure.reason}`)
    const said = phase === 'security' ? this.#security.take(pairs) : []
    this.#outgoing = buildText([...answers, ...said])
  }

  #advance(response: LoginResponse): LoginStep {
    if (this.#outgoing.length > 0) throw new ProtocolError('a Login Response that ends a stage and asks something')
    const { pending } = this.#negotiation
    if (pending.length > 0) throw new ProtocolError(`the target has not answered ${pending.join(', ')}`)
    if (this.#stage === SECURITY_NEGOTIATION && response.nextStage === LOGIN_OPERATIONAL_NEGOTIATION) {
      this.#security.requireDone()
      this.#stage = LOGIN_OPERATIONAL_NEGOTIATION
      this.#outgoing = buildText(this.#offers())
      return this.#request()
    }
    if (this.#stage === LOGIN_OPERATIONAL_NEGOTIATION && response.nextStage === FULL_FEATURE_PHASE)
      return { kind: 'established', tsih: response.tsih, parameters: this.#negotiation.parameters }
    throw new ProtocolError(`a transit from stage ${this.#stage} to ${response.nextStage}, which was not asked for`)
  }

  #refusal({ statusClass, statusDetail }: LoginResponse, data: Buffer): LoginRefusedError {
    const address = statusClass === 1 ? parseText(data).find(({ key }) => key === 'TargetAddress')?.value : undefined
    return new LoginRefusedError(statusClass, statusDetail, address ? parseTargetAddress(address) : undefined)
  }
}
