// What the tests of the negotiation share: text as pairs, and two sides that know what they want.

import { Negotiation, type NegotiationOptions, type OwnParameters } from '../../../protocol/iscsi/negotiation.ts'
import { parseText, type TextPair } from '../../../protocol/iscsi/text.ts'

export const pairsOf = (...texts: string[]): TextPair[] =>
  parseText(Buffer.from(texts.map((text) => `${text}\0`).join('')))
export const textOf = (pairs: readonly TextPair[]): string[] => pairs.map(({ key, value }) => `${key}=${value}`)

/** A side that knows what it wants: more than the defaults everywhere. */
export const OWN: OwnParameters = {
  headerDigest: ['CRC32C', 'None'],
  dataDigest: ['None'],
  maxConnections: 4,
  initialR2T: false,
  immediateData: true,
  maxBurstLength: 1048576,
  firstBurstLength: 262144,
  defaultTime2Wait: 5,
  defaultTime2Retain: 60,
  maxOutstandingR2T: 16,
  dataPduInOrder: false,
  dataSequenceInOrder: true,
  errorRecoveryLevel: 1,
  taskReporting: ['RFC3720', 'ResponseFence'],
  iscsiProtocolLevel: 2,
}

export const targetSide = (own: OwnParameters = OWN, more: Partial<NegotiationOptions> = {}): Negotiation =>
  new Negotiation({ side: 'target', own, ...more })

export const initiatorSide = (own: OwnParameters = OWN): Negotiation => new Negotiation({ side: 'initiator', own })
