// CHAP (RFC 1994, RFC 7143 12.1.3): its keys, its algorithms, and what both sides of an exchange share. The hash, the
// comparison and the random numbers are given from outside. What the two sides do is in chap-authenticator.ts and chap-peer.ts.

import { decodeBinaryValue } from './binary-value.ts'
import { parseNumber } from './text.ts'

/** The values of CHAP_A (IANA, PPP Authentication Algorithms), the strongest first, and the bytes of a response. */
export const CHAP_ALGORITHMS = {
  'SHA3-256': { number: 8, digestLength: 32 },
  'SHA-256': { number: 7, digestLength: 32 },
  'SHA-1': { number: 6, digestLength: 20 },
  MD5: { number: 5, digestLength: 16 },
} as const

export type ChapAlgorithm = keyof typeof CHAP_ALGORITHMS
export const CHAP_ALGORITHM_NAMES = Object.keys(CHAP_ALGORITHMS) as [ChapAlgorithm, ...ChapAlgorithm[]]

/** 96 bits at least (RFC 7143 9.2.1). */
export const MIN_SECRET_BYTES = 12
/** RFC 7143 12.1.3. */
const MAX_CHALLENGE_BYTES = 1024

export interface ChapCrypto {
  hash(algorithm: ChapAlgorithm, parts: readonly Uint8Array[]): Buffer
  random(length: number): Buffer
  /** In a time that tells nothing of what differs. */
  equal(a: Buffer, b: Buffer): boolean
}

export interface ChapAccount {
  readonly user: string
  readonly secret: Uint8Array
}

/** Who must prove what in one exchange, and how it may be hashed. */
export interface ChapTerms {
  /** How the initiator proves who it is. */
  readonly chap: ChapAccount
  /** How the target does; absent: it need not. */
  readonly mutual?: ChapAccount | undefined
  readonly algorithms: readonly ChapAlgorithm[]
}

/** What one text of the exchange says: values by their keys. */
export type ChapKeys = ReadonlyMap<string, string>

/** What one side has asked the other. */
export interface Challenge {
  readonly identifier: number
  readonly challenge: Buffer
}

/** The exchange has failed. The message says why, and holds no secret. */
export class ChapError extends Error {}

/** The response to a challenge (RFC 1994 4.1). */
export function respondTo(
  { identifier, challenge }: Challenge,
  { secret }: ChapAccount,
  algorithm: ChapAlgorithm,
  { hash }: ChapCrypto,
): Buffer {
  return hash(algorithm, [Uint8Array.of(identifier), secret, challenge])
}

/** As long as the response: what is hashed holds no less than what comes of it. */
export const challenge = (algorithm: ChapAlgorithm, { random }: ChapCrypto): Challenge => ({
  identifier: random(1)[0]!,
  challenge: random(CHAP_ALGORITHMS[algorithm].digestLength),
})

/** Each of `required` is there, and nothing else but `optional`. */
export function requireKeys(keys: ChapKeys, required: readonly string[], optional: readonly string[] = []): void {
  for (const key of required) if (!keys.has(key)) throw new ChapError(`${key} is missing`)
  for (const key of keys.keys())
    if (!required.includes(key) && !optional.includes(key)) throw new ChapError(`${key} is out of place`)
}

export function readChallenge(keys: ChapKeys): Challenge {
  const identifier = parseNumber(keys.get('CHAP_I') ?? '')
  if (identifier === undefined || identifier > 0xff) throw new ChapError('CHAP_I is no number from 0 to 255')
  const bytes = decodeBinaryValue(keys.get('CHAP_C') ?? '', MAX_CHALLENGE_BYTES)
  if (!bytes) throw new ChapError(`CHAP_C is no binary value of 1 to ${MAX_CHALLENGE_BYTES} bytes`)
  return { identifier, challenge: bytes }
}

function readResponse(keys: ChapKeys, algorithm: ChapAlgorithm): Buffer {
  const { digestLength } = CHAP_ALGORITHMS[algorithm]
  const response = decodeBinaryValue(keys.get('CHAP_R') ?? '', digestLength)
  if (response?.length !== digestLength) throw new ChapError(`CHAP_R is no binary value of ${digestLength} bytes`)
  return response
}

interface Proof {
  readonly asked: Challenge
  readonly algorithm: ChapAlgorithm
  readonly expected: ChapAccount
  /** Of the side that asks. */
  readonly own: ChapAccount | undefined
  readonly keys: ChapKeys
  readonly crypto: ChapCrypto
}

/** Judges CHAP_N and CHAP_R. Name and response are both looked at, whichever is wrong. */
export function verify({ asked, algorithm, expected, own, keys, crypto }: Proof): void {
  const response = readResponse(keys, algorithm)
  // RFC 7143 9.2.1: what this side would have answered itself proves nothing.
  const reflected = own !== undefined && crypto.equal(response, respondTo(asked, own, algorithm, crypto))
  const proven = crypto.equal(response, respondTo(asked, expected, algorithm, crypto))
  if (reflected) throw new ChapError('the response is the one that this side would have given: a reflection')
  if (keys.get('CHAP_N') !== expected.user) throw new ChapError(`CHAP_N is not ${JSON.stringify(expected.user)}`)
  if (!proven) throw new ChapError(`wrong response for user ${JSON.stringify(expected.user)}`)
}
