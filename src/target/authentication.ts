// What an initiator must prove to log in, and what it is told in turn: from the `auth` of a target, or that of discovery.

import type { ChapAccount, ChapTerms } from '../../protocol/iscsi/chap.ts'
import type { AccountConfig, AuthConfig } from '../config/auth.ts'
import { matcher } from '../config/initiators.ts'

/** The terms for an initiator by its name: 'open' where nothing is to be proven, 'unknown' where it can prove nothing. */
export type Authentication = (initiatorName: string) => ChapTerms | 'open' | 'unknown'

/** Of the entries for single initiators the first that fits holds; `config` has its secrets in place. */
export function authentication(config: AuthConfig | undefined): Authentication {
  if (!config) return () => 'open'
  const { algorithms } = config
  const mutual = config.mutual && accountOf(config.mutual)
  const everybody = config.chap && { chap: accountOf(config.chap), mutual, algorithms }
  const exceptions = config.initiators.map(({ name, chap, mutual: own = config.mutual }) => ({
    fits: matcher([name]),
    terms: { chap: accountOf(chap), mutual: typeof own === 'object' ? accountOf(own) : undefined, algorithms },
  }))
  return (name) => exceptions.find(({ fits }) => fits(name))?.terms ?? everybody ?? 'unknown'
}

function accountOf({ user, secret }: AccountConfig): ChapAccount {
  if (!secret) throw new Error(`the secret of ${user} has not been read`)
  return { user, secret: secret.bytes }
}
