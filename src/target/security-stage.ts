// The SecurityNegotiation stage of a login (RFC 7143 6.3.2, 12.1), pure: AuthMethod, and the exchange of the method that it
// settles on. Who must prove what has been decided when the initiator said who it is.

import { type ChapCrypto, ChapError, type ChapTerms } from '../../protocol/iscsi/chap.ts'
import { ChapAuthenticator } from '../../protocol/iscsi/chap-authenticator.ts'
import { findKey } from '../../protocol/iscsi/keys.ts'
import { LOGIN_STATUS } from '../../protocol/iscsi/login-status.ts'
import type { Negotiation } from '../../protocol/iscsi/negotiation.ts'
import type { TextPair } from '../../protocol/iscsi/text.ts'
import { Refusal } from './login-refusal.ts'

/** The keys that cannot be judged before it is known who sends them. */
export const isSecurityKey = ({ key }: TextPair): boolean => findKey(key)?.use === 'security'

const REJECT: TextPair = { key: 'AuthMethod', value: 'Reject' }

export class SecurityStage {
  readonly #negotiation: Negotiation
  readonly #chap: ChapAuthenticator | undefined
  #underway = false

  /** `terms`: what the initiator must prove; nothing without them. */
  constructor(negotiation: Negotiation, terms: ChapTerms | undefined, crypto: ChapCrypto) {
    this.#negotiation = negotiation
    this.#chap = terms && new ChapAuthenticator(terms, crypto)
    negotiation.prepare({ authMethod: [terms ? 'CHAP' : 'None'] })
  }

  /** The stage may end. */
  get settled(): boolean {
    return this.#chap?.done ?? true
  }

  /** A method has been agreed on, and its exchange has not ended: whatever ends the login now is a failure of it. */
  get underway(): boolean {
    return this.#underway
  }

  /** Takes the security keys of one text; the answers. `transit`: whether the initiator asks for the stage to end. */
  take(pairs: readonly TextPair[], transit: boolean): TextPair[] {
    const { answers, failure } = this.#negotiation.receive(pairs, 'security')
    if (failure) {
      const { key, status } = failure
      const reject = key === 'AuthMethod' && status === LOGIN_STATUS.AUTHENTICATION_FAILURE ? [REJECT] : []
      throw new Refusal(status, `${key} ${failure.reason}`, reject)
    }
    const values = pairs.filter(({ key }) => key !== 'AuthMethod')
    if (this.#negotiation.parameters.authMethod !== 'CHAP') {
      if (values[0]) throw new Refusal(LOGIN_STATUS.INITIATOR_ERROR, `${values[0].key} without AuthMethod=CHAP`)
      if (transit) this.requireSettled()
      return [...answers]
    }
    return [...answers, ...this.#exchange(values, answers.length > 0)]
  }

  /** Nobody leaves, or leaves out, this stage without having proven what must be proven. */
  requireSettled(): void {
    if (!this.settled)
      throw new Refusal(LOGIN_STATUS.AUTHENTICATION_FAILURE, 'authentication is required, and CHAP is not offered')
  }

  #exchange(pairs: readonly TextPair[], begins: boolean): TextPair[] {
    if (this.#chap?.done && pairs.length === 0) return []
    this.#underway = true
    if (begins && pairs.length === 0) return []
    try {
      const answers = (this.#chap as ChapAuthenticator).step(new Map(pairs.map(({ key, value }) => [key, value])))
      this.#underway = !this.settled
      return answers
    } catch (error) {
      if (error instanceof ChapError) throw new Refusal(LOGIN_STATUS.AUTHENTICATION_FAILURE, `CHAP: ${error.message}`)
      throw error
    }
  }
}
