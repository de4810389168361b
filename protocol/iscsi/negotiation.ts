// One side of a text negotiation (RFC 7143 6.2, 6.3), for initiator and target alike: pairs in, answers out, and the
// parameters that come of it. It knows keys, not PDUs, and keeps nothing but what has been said on one connection.

import {
  type DeclaredKey,
  defaultParameters,
  findKey,
  IRRELEVANT_VALUE,
  KEYS,
  type Key,
  type KeyName,
  misuse,
  type NegotiatedKey,
  type NegotiationPhase,
  NOT_UNDERSTOOD_VALUE,
  type OperationalParameters,
  REJECT_VALUE,
  type Side,
} from './keys.ts'
import { LOGIN_STATUS, type LoginStatus } from './login-status.ts'
import { conclude, formatValue, isAdmissible, isDecisive, type KeyValue, type OwnValue, respond } from './results.ts'
import { parseNumber, type TextPair } from './text.ts'

export type { OperationalParameters } from './keys.ts'

type NegotiatedParameters = Omit<OperationalParameters, 'maxRecvDataSegmentLengthSelf' | 'maxRecvDataSegmentLengthPeer'>

/** What a side is ready for; the default of the standard where nothing is said. A list is in order of preference. */
export type OwnParameters = {
  readonly [P in keyof NegotiatedParameters]?: NegotiatedParameters[P] extends string
    ? readonly NegotiatedParameters[P][]
    : NegotiatedParameters[P]
}

export interface NegotiationOptions {
  /** Which side this is. */
  readonly side: Side
  readonly own?: OwnParameters
  /** Whether this is the first connection of its session: only there LO keys may be sent. */
  readonly leading?: boolean
}

export interface NegotiationFailure {
  readonly key: string
  readonly reason: string
  /** What a target ends the login with. */
  readonly status: LoginStatus
}

export interface NegotiationOutcome {
  /** To be sent to the peer, in the order of what it sent. */
  readonly answers: readonly TextPair[]
  /** The peer broke a rule, or nothing common is left: the negotiation is over. */
  readonly failure?: NegotiationFailure
}

const RESERVED_VALUES = new Set([REJECT_VALUE, IRRELEVANT_VALUE, NOT_UNDERSTOOD_VALUE])

export class Negotiation {
  readonly #side: Side
  readonly #peerSide: Side
  readonly #leading: boolean
  #own: Readonly<Record<string, OwnValue>>
  readonly #parameters: Record<string, KeyValue>
  /** Offers of this side that wait for an answer. */
  readonly #pending = new Map<string, string>()
  /** Keys whose negotiation is over, and unknown keys. */
  readonly #settled = new Set<string>()
  readonly #declared = new Map<KeyName, string>()
  readonly #peerDeclared = new Map<KeyName, string>()
  /** What may not be declared again, of either side, until `restart`. */
  readonly #said = new Set<string>()

  /** Throws a RangeError for a value in `own` that the standard does not admit. */
  constructor({ side, own = {}, leading = true }: NegotiationOptions) {
    this.#side = side
    this.#peerSide = side === 'target' ? 'initiator' : 'target'
    this.#leading = leading
    this.#parameters = { ...defaultParameters() }
    this.#own = ownValues(own)
  }

  /** Changes what this side is ready for in keys that nobody has offered yet. Throws a RangeError like the constructor. */
  prepare(own: OwnParameters): void {
    this.#own = { ...this.#own, ...ownValues(own) }
  }

  /** A snapshot of what applies now. */
  get parameters(): OperationalParameters {
    const parameters = this.#parameters as unknown as OperationalParameters
    // RFC 7143 13.14: FirstBurstLength MUST NOT exceed MaxBurstLength, whichever was settled first.
    const firstBurstLength = Math.min(parameters.firstBurstLength, parameters.maxBurstLength)
    const maxConnections = this.discovery ? 1 : parameters.maxConnections
    return { ...parameters, firstBurstLength, maxConnections }
  }

  /** Whether this is a discovery session (RFC 7143 13.21): known once SessionType has been declared. */
  get discovery(): boolean {
    return (this.#declared.get('SessionType') ?? this.#peerDeclared.get('SessionType')) === 'Discovery'
  }

  /** Keys that this side has offered and that still need an answer; where it is optional, none is needed. */
  get pending(): readonly string[] {
    return [...this.#pending]
      .filter(([key, value]) => !isDecisive(findKey(key) as NegotiatedKey, value))
      .map(([key]) => key)
  }

  /** What the peer has declared, as it stood on the wire: names, aliases, SessionType, SendTargets. */
  peer(key: KeyName): string | undefined {
    return this.#peerDeclared.get(key)
  }

  /** Offers this side's own value of a key. Throws a RangeError where that is no longer allowed. */
  offer(key: KeyName): TextPair {
    const row: Key = KEYS[key]
    if (!('parameter' in row)) throw new RangeError(`${key} is not negotiated`)
    if (this.#settled.has(key) || this.#pending.has(key)) throw new RangeError(`${key} has been negotiated`)
    const own = this.#ownOf(row, this.#settled.has('MaxBurstLength') ? undefined : this.#ownOf(KEYS.MaxBurstLength))
    const value = formatValue(own)
    if (isDecisive(row, value)) this.#parameters[row.parameter] = own as boolean
    this.#pending.set(key, value)
    return { key, value }
  }

  /** Declares a value, asked or unasked. Throws a RangeError for what this side may not say, or not again. */
  declare(key: KeyName, value: string | number): TextPair {
    const row: Key = KEYS[key]
    const text = String(value)
    if (!isDeclared(row)) throw new RangeError(`${key} is not declared but negotiated`)
    if (row.senders !== 'both' && row.senders !== this.#side)
      throw new RangeError(`${key} is not for the ${this.#side}`)
    if (!admitsDeclaration(row, text)) throw new RangeError(`${key}=${text}: not admissible`)
    if (this.#said.has(`${this.#side} ${key}`)) throw new RangeError(`${key} has been declared`)
    this.#said.add(`${this.#side} ${key}`)
    this.#declared.set(key, text)
    if (key === 'MaxRecvDataSegmentLength') this.#parameters.maxRecvDataSegmentLengthSelf = parseNumber(text)!
    return { key, value: text }
  }

  /** Takes what the peer has sent in one text: offers, declarations, answers to offers of this side. */
  receive(pairs: readonly TextPair[], phase: NegotiationPhase): NegotiationOutcome {
    const answers: (string | undefined)[] = []
    for (const index of orderOf(pairs)) {
      const pair = pairs[index]!
      const taken = this.#take(pair, phase)
      if (typeof taken === 'object') return { answers: [], failure: { key: pair.key, ...taken } }
      answers[index] = taken
    }
    return { answers: pairs.flatMap(({ key }, i) => (answers[i] === undefined ? [] : [{ key, value: answers[i] }])) }
  }

  /** Begins another text negotiation of the full feature phase: what may be said there may be said again. */
  restart(): void {
    this.#pending.clear()
    this.#settled.clear()
    this.#said.clear()
  }

  #take({ key, value }: TextPair, phase: NegotiationPhase): Taken {
    const row = findKey(key)
    const offered = this.#pending.get(key)
    if (row && 'parameter' in row && offered !== undefined) return this.#takeAnswer(key, row, offered, value)
    // The peer need not understand what is declared to it.
    if (RESERVED_VALUES.has(value) && this.#declared.has(key as KeyName)) return undefined
    if (RESERVED_VALUES.has(value)) return this.#broken(`${value} is an answer, not an offer`)
    const wrong = row && misuse(row, this.#peerSide, phase, this.#leading)
    if (wrong) return this.#broken(wrong)
    if (row && isDeclared(row)) return this.#takeDeclaration(key as KeyName, row, value)
    if (this.#settled.has(key)) return this.#broken('has been negotiated already')
    this.#settled.add(key)
    if (!row) return NOT_UNDERSTOOD_VALUE
    return row.kind === 'obsolete' ? row.answer : this.#takeOffer(row as NegotiatedKey, value)
  }

  #takeOffer(row: NegotiatedKey, value: string): Taken {
    if (row.irrelevantInDiscovery && this.discovery) return IRRELEVANT_VALUE
    const result = respond(row, value, this.#ownOf(row))
    if (result === undefined) return this.#mayKeepDefault(row) ? REJECT_VALUE : this.#nothingCommon(row)
    this.#parameters[row.parameter] = result
    return formatValue(result)
  }

  #takeAnswer(key: string, row: NegotiatedKey, offered: string, value: string): Taken {
    this.#pending.delete(key)
    this.#settled.add(key)
    if (RESERVED_VALUES.has(value)) return this.#mayKeepDefault(row) ? undefined : this.#nothingCommon(row)
    const result = conclude(row, offered, value)
    if (result === undefined) return this.#broken('was answered with a value that the offer does not admit')
    this.#parameters[row.parameter] = result
    return undefined
  }

  #takeDeclaration(key: KeyName, row: DeclaredKey, value: string): Taken {
    if (this.#said.has(`${this.#peerSide} ${key}`)) return this.#broken('has been declared already')
    if (!admitsDeclaration(row, value)) {
      const status = 'failure' in row && row.failure
      return { ...this.#broken('has a value that is not admissible'), ...(status && { status }) }
    }
    this.#said.add(`${this.#peerSide} ${key}`)
    this.#peerDeclared.set(key, value)
    if (key === 'MaxRecvDataSegmentLength') this.#parameters.maxRecvDataSegmentLengthPeer = parseNumber(value)!
    return undefined
  }

  /** What this side wants; FirstBurstLength within MaxBurstLength: what applies now, or what is going to be offered. */
  #ownOf(row: NegotiatedKey, maxBurstLength: OwnValue = this.#parameters.maxBurstLength!): OwnValue {
    const own = this.#own[row.parameter] ?? (row.kind === 'list' ? [row.default] : row.default)
    return row.parameter === 'firstBurstLength' ? Math.min(own as number, maxBurstLength as number) : own
  }

  /** A key that was rejected stays at its default (RFC 7143 6.2); a list may not hold that, or the login may not go on. */
  #mayKeepDefault(row: NegotiatedKey): boolean {
    return row.kind !== 'list' || (!row.failure && (this.#ownOf(row) as readonly string[]).includes(row.default))
  }

  #nothingCommon(row: NegotiatedKey): Broken {
    const broken = this.#broken('has no value that both sides support')
    return row.kind === 'list' && row.failure ? { ...broken, status: row.failure } : broken
  }

  #broken(reason: string): Broken {
    return { reason, status: this.#side === 'target' ? LOGIN_STATUS.INITIATOR_ERROR : LOGIN_STATUS.TARGET_ERROR }
  }
}

type Broken = Omit<NegotiationFailure, 'key'>
/** An answer, nothing to answer, or a failure. */
type Taken = string | undefined | Broken

const isDeclared = (row: Key): row is DeclaredKey => row.kind === 'declared number' || row.kind === 'declared text'

function admitsDeclaration(row: DeclaredKey, value: string): boolean {
  if (row.kind === 'declared text')
    return Buffer.byteLength(value) <= row.maxBytes && (row.values?.includes(value) ?? true)
  const number = parseNumber(value)
  return number !== undefined && number >= row.min && number <= row.max
}

/** Declarations first, since SessionType decides what is relevant; FirstBurstLength last, since MaxBurstLength bounds it. */
function orderOf(pairs: readonly TextPair[]): number[] {
  const rank = (index: number): number => {
    const { key } = pairs[index]!
    const row = findKey(key)
    return row && isDeclared(row) ? 0 : key === 'FirstBurstLength' ? 2 : 1
  }
  return [...pairs.keys()].sort((a, b) => rank(a) - rank(b))
}

function ownValues(own: OwnParameters): Readonly<Record<string, OwnValue>> {
  const given = own as Readonly<Record<string, OwnValue>>
  for (const [key, row] of Object.entries<Key>(KEYS)) {
    const value = 'parameter' in row ? given[row.parameter] : undefined
    if (value !== undefined && !isAdmissible(row as NegotiatedKey, value))
      throw new RangeError(`${key}: ${formatValue(value)} is not admissible`)
  }
  return given
}
