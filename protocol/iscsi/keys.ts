// The text keys (RFC 7143 12.1, 13; RFC 7144 for two of the values), one row each: who may send a key and when, what its
// values are, how offer and choice become a result. Negotiation, defaults and limits all read this table.

import { LOGIN_STATUS, type LoginStatus } from './login-status.ts'

export type Side = 'initiator' | 'target'
/** The stages of the login phase (RFC 7143 6.3), and what follows it. */
export type NegotiationPhase = 'security' | 'operational' | 'full feature'
/** RFC 7143 13: initialization only, leading connection only, full feature phase only; and AuthMethod's stage. */
type Use = 'IO' | 'LO' | 'FFPO' | 'ALL' | 'security'

/** What the operational keys settle. Until then each has the default of RFC 7143 13. Times are seconds, lengths bytes. */
export interface OperationalParameters {
  readonly authMethod: string
  readonly headerDigest: 'None' | 'CRC32C'
  readonly dataDigest: 'None' | 'CRC32C'
  readonly maxConnections: number
  readonly initialR2T: boolean
  readonly immediateData: boolean
  /** What this side declared: it may receive no longer data segment. */
  readonly maxRecvDataSegmentLengthSelf: number
  /** What the peer declared: it may be sent no longer data segment. */
  readonly maxRecvDataSegmentLengthPeer: number
  readonly maxBurstLength: number
  readonly firstBurstLength: number
  readonly defaultTime2Wait: number
  readonly defaultTime2Retain: number
  readonly maxOutstandingR2T: number
  readonly dataPduInOrder: boolean
  readonly dataSequenceInOrder: boolean
  readonly errorRecoveryLevel: number
  readonly taskReporting: 'RFC3720' | 'ResponseFence' | 'FastAbort'
  readonly iscsiProtocolLevel: number
}

interface KeyBase {
  /** In RFC 7143. */
  readonly clause: string
  readonly senders: Side | 'both'
  readonly scope: 'session' | 'connection'
  /** When it may be sent: one answer for both sides, or one for each. */
  readonly use: Use | Readonly<Record<Side, Use>>
  /** Also in the SecurityNegotiation stage. */
  readonly anyStage?: true
  readonly irrelevantInDiscovery?: true
}

/** The first of the offered values that the responder supports (RFC 7143 6.2.1). */
export interface ListKey extends KeyBase {
  readonly kind: 'list'
  readonly values: readonly string[]
  readonly default: string
  readonly parameter: keyof OperationalParameters
  /** What a login without a common value fails with, where no value of its own may be left at the default. */
  readonly failure?: LoginStatus
}

/** Yes or No; the result is the OR or the AND of both (RFC 7143 6.2.2). */
export interface BooleanKey extends KeyBase {
  readonly kind: 'or' | 'and'
  readonly default: boolean
  readonly parameter: keyof OperationalParameters
}

/** The smaller or the larger of two numbers from `min` to `max`. */
export interface NumberKey extends KeyBase {
  readonly kind: 'minimum' | 'maximum'
  readonly default: number
  readonly min: number
  readonly max: number
  readonly parameter: keyof OperationalParameters
}

/** Said, not negotiated: there is no answer. */
interface DeclaredNumberKey extends KeyBase {
  readonly kind: 'declared number'
  readonly min: number
  readonly max: number
}

interface DeclaredTextKey extends KeyBase {
  readonly kind: 'declared text'
  /** 223 for an iSCSI name (RFC 7143 4.2.7), 255 for other simple values (6.1), more for large binary values. */
  readonly maxBytes: number
  readonly values?: readonly string[]
  readonly failure?: LoginStatus
}

/** No longer used, but never "not understood" (RFC 7143 13.25). */
interface ObsoleteKey extends KeyBase {
  readonly kind: 'obsolete'
  readonly answer: 'No' | 'Reject'
}

export type NegotiatedKey = ListKey | BooleanKey | NumberKey
export type DeclaredKey = DeclaredNumberKey | DeclaredTextKey
export type Key = NegotiatedKey | DeclaredKey | ObsoleteKey

/** Proposing one of these is a protocol error; they only answer (RFC 7143 6.2). */
export const REJECT_VALUE = 'Reject'
export const IRRELEVANT_VALUE = 'Irrelevant'
export const NOT_UNDERSTOOD_VALUE = 'NotUnderstood'

const BURST = { min: 512, max: 2 ** 24 - 1 } as const
const LEADING = { senders: 'both', scope: 'session', use: 'LO' } as const
const NORMAL_SESSION = { ...LEADING, irrelevantInDiscovery: true } as const
const CONNECTION = { senders: 'both', scope: 'connection', use: 'IO' } as const
const NAME = { kind: 'declared text', scope: 'session', anyStage: true } as const
const DIGEST = { ...CONNECTION, kind: 'list', values: ['None', 'CRC32C'], default: 'None' } as const
const CHAP = {
  ...CONNECTION,
  clause: '12.1.3',
  use: 'security',
  kind: 'declared text',
  maxBytes: 255,
  failure: LOGIN_STATUS.AUTHENTICATION_FAILURE,
} as const
/** 1024 bytes in hexadecimal (RFC 7143 12.1.3). */
const CHAP_BINARY = { ...CHAP, maxBytes: 2050 } as const
const AUTH_METHODS = ['None', 'CHAP', 'SRP', 'KRB5'] as const
const TASK_REPORTING = ['RFC3720', 'ResponseFence', 'FastAbort'] as const
const SESSION_TYPES = ['Discovery', 'Normal'] as const

const { AUTHENTICATION_FAILURE, SESSION_TYPE_NOT_SUPPORTED } = LOGIN_STATUS

// biome-ignore format: one row a key
export const KEYS = {
  AuthMethod: { ...CONNECTION, clause: '12.1', use: 'security', kind: 'list', values: AUTH_METHODS, default: 'None', parameter: 'authMethod', failure: AUTHENTICATION_FAILURE },
  CHAP_A: CHAP,
  CHAP_I: CHAP,
  CHAP_C: CHAP_BINARY,
  CHAP_N: CHAP,
  CHAP_R: CHAP_BINARY,
  HeaderDigest: { ...DIGEST, clause: '13.1', parameter: 'headerDigest' },
  DataDigest: { ...DIGEST, clause: '13.1', parameter: 'dataDigest' },
  MaxConnections: { ...NORMAL_SESSION, clause: '13.2', kind: 'minimum', min: 1, max: 65535, default: 1, parameter: 'maxConnections' },
  SendTargets: { clause: '13.3', kind: 'declared text', senders: 'initiator', scope: 'session', use: 'FFPO', maxBytes: 223 },
  TargetName: { ...NAME, clause: '13.4', senders: 'both', use: { initiator: 'IO', target: 'FFPO' }, maxBytes: 223 },
  InitiatorName: { ...NAME, clause: '13.5', senders: 'initiator', use: 'IO', maxBytes: 223 },
  TargetAlias: { ...NAME, clause: '13.6', senders: 'target', use: 'ALL', maxBytes: 255 },
  InitiatorAlias: { ...NAME, clause: '13.7', senders: 'initiator', use: 'ALL', maxBytes: 255 },
  TargetAddress: { ...NAME, clause: '13.8', senders: 'target', use: 'ALL', maxBytes: 255 },
  TargetPortalGroupTag: { clause: '13.9', kind: 'declared number', senders: 'target', scope: 'session', use: 'IO', anyStage: true, min: 0, max: 65535 },
  InitialR2T: { ...NORMAL_SESSION, clause: '13.10', kind: 'or', default: true, parameter: 'initialR2T' },
  ImmediateData: { ...NORMAL_SESSION, clause: '13.11', kind: 'and', default: true, parameter: 'immediateData' },
  MaxRecvDataSegmentLength: { ...BURST, clause: '13.12', kind: 'declared number', senders: 'both', scope: 'connection', use: 'ALL', default: 8192 },
  MaxBurstLength: { ...NORMAL_SESSION, ...BURST, clause: '13.13', kind: 'minimum', default: 262144, parameter: 'maxBurstLength' },
  FirstBurstLength: { ...NORMAL_SESSION, ...BURST, clause: '13.14', kind: 'minimum', default: 65536, parameter: 'firstBurstLength' },
  DefaultTime2Wait: { ...LEADING, clause: '13.15', kind: 'maximum', min: 0, max: 3600, default: 2, parameter: 'defaultTime2Wait' },
  DefaultTime2Retain: { ...LEADING, clause: '13.16', kind: 'minimum', min: 0, max: 3600, default: 20, parameter: 'defaultTime2Retain' },
  MaxOutstandingR2T: { ...NORMAL_SESSION, clause: '13.17', kind: 'minimum', min: 1, max: 65535, default: 1, parameter: 'maxOutstandingR2T' },
  DataPDUInOrder: { ...NORMAL_SESSION, clause: '13.18', kind: 'or', default: true, parameter: 'dataPduInOrder' },
  DataSequenceInOrder: { ...NORMAL_SESSION, clause: '13.19', kind: 'or', default: true, parameter: 'dataSequenceInOrder' },
  ErrorRecoveryLevel: { ...LEADING, clause: '13.20', kind: 'minimum', min: 0, max: 2, default: 0, parameter: 'errorRecoveryLevel' },
  SessionType: { ...NAME, clause: '13.21', senders: 'initiator', use: 'LO', maxBytes: 255, values: SESSION_TYPES, failure: SESSION_TYPE_NOT_SUPPORTED },
  TaskReporting: { ...NORMAL_SESSION, clause: '13.23', kind: 'list', values: TASK_REPORTING, default: 'RFC3720', parameter: 'taskReporting' },
  iSCSIProtocolLevel: { ...NORMAL_SESSION, clause: '13.24', kind: 'minimum', min: 0, max: 31, default: 1, parameter: 'iscsiProtocolLevel' },
  IFMarker: { ...CONNECTION, clause: '13.25', kind: 'obsolete', answer: 'No' },
  OFMarker: { ...CONNECTION, clause: '13.25', kind: 'obsolete', answer: 'No' },
  IFMarkInt: { ...CONNECTION, clause: '13.25', kind: 'obsolete', answer: 'Reject' },
  OFMarkInt: { ...CONNECTION, clause: '13.25', kind: 'obsolete', answer: 'Reject' },
  'X#NodeArchitecture': { ...LEADING, clause: '13.26', kind: 'declared text', maxBytes: 255 },
} as const satisfies Record<string, Key & { default?: string | number | boolean }>

export type KeyName = keyof typeof KEYS

/** The row of a key, or undefined for a key that the standard does not name. */
export const findKey = (name: string): Key | undefined =>
  Object.hasOwn(KEYS, name) ? KEYS[name as KeyName] : undefined

/** What applies before anything is negotiated. */
export function defaultParameters(): OperationalParameters {
  const rows: Key[] = Object.values(KEYS)
  const negotiated = rows.flatMap((row) => ('parameter' in row ? [[row.parameter, row.default]] : []))
  const length = KEYS.MaxRecvDataSegmentLength.default
  return {
    ...Object.fromEntries(negotiated),
    maxRecvDataSegmentLengthSelf: length,
    maxRecvDataSegmentLengthPeer: length,
  }
}

/** Why `sender` may not send a key now, or undefined when it may. */
export function misuse(row: Key, sender: Side, phase: NegotiationPhase, leading: boolean): string | undefined {
  if (row.senders !== 'both' && row.senders !== sender) return `is not for the ${sender} to send`
  const use = typeof row.use === 'string' ? row.use : row.use[sender]
  if (!phasesOf(use, row.anyStage === true).includes(phase)) return `may not be sent in the ${phase} phase`
  if (use === 'LO' && !leading) return 'may be sent on the leading connection only'
  return undefined
}

function phasesOf(use: Use, anyStage: boolean): NegotiationPhase[] {
  if (use === 'security') return ['security']
  const phases: NegotiationPhase[] = use === 'FFPO' ? ['full feature'] : ['operational']
  if (use === 'ALL') phases.push('full feature')
  if (anyStage) phases.push('security')
  return phases
}
