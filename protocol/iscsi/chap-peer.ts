// The initiator's side of CHAP (RFC 7143 12.1.3), pure: the peer, in the words of RFC 1994, that is asked who it is. Where it
// wants to know the same of the target, it asks in turn, and the exchange has not ended before the answer is right.

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
import { challengePairs } from './chap-authenticator.ts'
import type { TextPair } from './text.ts'

interface Answered {
  readonly algorithm: ChapAlgorithm
  /** What the target has been asked, where it has been. */
  readonly asked: Challenge | undefined
}

export class ChapPeer {
  readonly #terms: ChapTerms
  readonly #crypto: ChapCrypto
  #begun = false
  #answered: Answered | undefined
  #done = false

  constructor(terms: ChapTerms, crypto: ChapCrypto) {
    this.#terms = terms
    this.#crypto = crypto
  }

  /** The response has been given: the stage may end with the target's next word. */
  get answered(): boolean {
    return this.#answered !== undefined
  }

  /** The target has proven who it is, where it has to. */
  get done(): boolean {
    return this.#done
  }

  /**
   * Takes what the target has said, nothing at first; what to say next.
   * @throws ChapError
   */
  step(keys: ChapKeys): TextPair[] {
    if (!this.#begun) return this.#begin(keys)
    if (!this.#answered) return this.#answer(keys)
    this.#conclude(keys, this.#answered)
    return []
  }

  #begin(keys: ChapKeys): TextPair[] {
    requireKeys(keys, [])
    this.#begun = true
    const value = this.#terms.algorithms.map((name) => CHAP_ALGORITHMS[name].number).join(',')
    return [{ key: 'CHAP_A', value }]
  }

  #answer(keys: ChapKeys): TextPair[] {
    const { chap, mutual, algorithms } = this.#terms
    const chosen = keys.get('CHAP_A')
    if (chosen === 'Reject') throw new ChapError('the target rejects the algorithms')
    requireKeys(keys, ['CHAP_A', 'CHAP_I', 'CHAP_C'])
    const algorithm = algorithms.find((name) => String(CHAP_ALGORITHMS[name].number) === chosen)
    if (!algorithm) throw new ChapError('CHAP_A is none of the algorithms that were offered')
    const theirs = readChallenge(keys)
    const asked = mutual && challenge(algorithm, this.#crypto)
    this.#answered = { algorithm, asked }
    return [
      { key: 'CHAP_N', value: chap.user },
      { key: 'CHAP_R', value: encodeBinaryValue(respondTo(theirs, chap, algorithm, this.#crypto)) },
      ...(asked ? challengePairs(asked) : []),
    ]
  }

  #conclude(keys: ChapKeys, { algorithm, asked }: Answered): void {
    const { chap: own, mutual: expected } = this.#terms
    requireKeys(keys, asked && !this.#done ? ['CHAP_N', 'CHAP_R'] : [])
    if (asked && expected && !this.#done) verify({ asked, algorithm, expected, own, keys, crypto: this.#crypto })
    this.#done = true
  }
}
