// The initiator's side of the SecurityNegotiation stage (RFC 7143 6.3.2, 12.1), pure: which methods are offered, and what is
// said when the target has chosen one.

import { type ChapCrypto, ChapError, type ChapTerms } from '../../../protocol/iscsi/chap.ts'
import { ChapPeer } from '../../../protocol/iscsi/chap-peer.ts'
import { findKey, type KeyName } from '../../../protocol/iscsi/keys.ts'
import type { Negotiation } from '../../../protocol/iscsi/negotiation.ts'
import type { TextPair } from '../../../protocol/iscsi/text.ts'
import { AuthenticationError, ProtocolError } from './errors.ts'

/** What to offer: a target that must prove itself may not choose to do without. */
export const authMethods = (terms: ChapTerms | undefined): readonly string[] =>
  terms ? (terms.mutual ? ['CHAP'] : ['CHAP', 'None']) : ['None']

export class InitiatorSecurity {
  readonly #negotiation: Negotiation
  readonly #chap: ChapPeer | undefined

  constructor(negotiation: Negotiation, terms: ChapTerms | undefined, crypto: ChapCrypto) {
    this.#negotiation = negotiation
    this.#chap = terms && new ChapPeer(terms, crypto)
  }

  /** This side has said all that it has to say: it may ask for the stage to end. */
  get answered(): boolean {
    if (!this.#chap) return true
    return this.#chapIsOn ? this.#chap.answered : this.#isSettled
  }

  /** Takes the target's text, which the negotiation has seen; what to say next. */
  take(pairs: readonly TextPair[]): TextPair[] {
    const values = pairs.filter(({ key }) => key !== 'AuthMethod' && findKey(key)?.use === 'security')
    if (!this.#chap || !this.#chapIsOn) {
      if (values[0]) throw new ProtocolError(`login: ${values[0].key} without AuthMethod=CHAP`)
      return []
    }
    try {
      const said = this.#chap.step(new Map(values.map(({ key, value }) => [key, value])))
      return said.map(({ key, value }) => this.#negotiation.declare(key as KeyName, value))
    } catch (error) {
      if (error instanceof ChapError) throw new AuthenticationError(`CHAP: ${error.message}`)
      throw error
    }
  }

  /** The stage ends: the target has proven what it must, and been told all that it asked for. */
  requireDone(): void {
    if (this.#chap && this.#chapIsOn && !this.#chap.done)
      throw new AuthenticationError('the target ends the security stage before CHAP has')
  }

  get #isSettled(): boolean {
    return !this.#negotiation.pending.includes('AuthMethod')
  }

  get #chapIsOn(): boolean {
    return this.#isSettled && this.#negotiation.parameters.authMethod === 'CHAP'
  }
}
