// The target's side of CHAP (RFC 7143 12.1.3), pure: algorithms come in and a challenge goes out; a response comes in and,
// where the initiator has asked in turn, a response goes out. Nothing is answered to one who has not proven who he is.

import { encodeBinaryValue } from './binary-value.ts'
import {
  CHAP_ALGORITHMS,
  type Challenge,
  type ChapAlgorithm,
  type ChapCrypto,
  ChapError,
  type ChapKeys,
  type ChapTerms,
  challenge,
  readChallenge,
  requireKeys,
  respondTo,
  verify,
} from './chap.ts'
import type { TextPair } from './text.ts'

interface Asked {
  readonly challenge: Challenge
  readonly algorithm: ChapAlgorithm
}

export class ChapAuthenticator {
  readonly #terms: ChapTerms
  readonly #crypto: ChapCrypto
  #asked: Asked | undefined
  #done = false

  constructor(terms: ChapTerms, crypto: ChapCrypto) {
    this.#terms = terms
    this.#crypto = crypto
  }

  /** The initiator has proven who it is. */
  get done(): boolean {
    return this.#done
  }

  /** @throws ChapError */
  step(keys: ChapKeys): TextPair[] {
    if (this.#done) throw new ChapError('the exchange has ended')
    return this.#asked ? this.#judge(keys, this.#asked) : this.#ask(keys)
  }

  #ask(keys: ChapKeys): TextPair[] {
    requireKeys(keys, ['CHAP_A'])
    const algorithm = this.#choose(keys.get('CHAP_A') as string)
    const asked = challenge(algorithm, this.#crypto)
    this.#asked = { challenge: asked, algorithm }
    return [{ key: 'CHAP_A', value: String(CHAP_ALGORITHMS[algorithm].number) }, ...challengePairs(asked)]
  }

  /** The first of the initiator's that is supported here (RFC 7143 6.2.1). */
  #choose(offered: string): ChapAlgorithm {
    for (const number of offered.split(',')) {
      const algorithm = this.#terms.algorithms.find((name) => String(CHAP_ALGORITHMS[name].number) === number)
      if (algorithm) return algorithm
    }
    throw new ChapError(`none of the algorithms is ${this.#terms.algorithms.join(', ')}`)
  }

  #judge(keys: ChapKeys, asked: Asked): TextPair[] {
    const { chap, mutual } = this.#terms
    requireKeys(keys, ['CHAP_N', 'CHAP_R'], ['CHAP_I', 'CHAP_C'])
    const theirs = keys.has('CHAP_I') || keys.has('CHAP_C') ? readChallenge(keys) : undefined
    // RFC 7143 9.2.1: a challenge of this side that comes back is to make it answer itself.
    if (theirs && this.#crypto.equal(theirs.challenge, asked.challenge.challenge))
      throw new ChapError('CHAP_C is the challenge of this side: a reflection')
    const { algorithm } = asked
    const crypto = this.#crypto
    verify({ asked: asked.challenge, algorithm, expected: chap, own: mutual, keys, crypto })
    if (mutual && !theirs) throw new ChapError('mutual authentication is required, and CHAP_I and CHAP_C are missing')
    if (!mutual && theirs) throw new ChapError('mutual authentication is asked for, and there is no secret for it')
    this.#done = true
    if (!mutual || !theirs) return []
    return [
      { key: 'CHAP_N', value: mutual.user },
      { key: 'CHAP_R', value: encodeBinaryValue(respondTo(theirs, mutual, algorithm, crypto)) },
    ]
  }
}

export const challengePairs = ({ identifier, challenge: bytes }: Challenge): TextPair[] => [
  { key: 'CHAP_I', value: String(identifier) },
  { key: 'CHAP_C', value: encodeBinaryValue(bytes) },
]
