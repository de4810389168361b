// A text negotiation of full feature phase (RFC 7143 6.2, 11.10, 11.11): text of either side may span PDUs, by the C bit, and
// the target may answer in several responses, which the initiator asks for by the Target Transfer Tag.

import { RESERVED_TAG } from '../../../protocol/iscsi/opcodes.ts'
import { buildText, parseText, type TextPair } from '../../../protocol/iscsi/text.ts'
import { TEXT_RESPONSE } from '../../../protocol/iscsi/text-response.ts'
import { ProtocolError } from './errors.ts'
import type { Answer, Exchanges } from './exchanges.ts'

interface TextFields {
  readonly final: boolean
  readonly continue: boolean
  readonly initiatorTaskTag: number
  readonly targetTransferTag: number
}

/** SendTargets of a large array is long; more than this no array says. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024
const MAX_ANSWERS = 4096
const EMPTY = Buffer.alloc(0)

/** `limit`: bytes that the target takes in one PDU. Throws a ProtocolError for an answer without an end. */
export async function exchangeText(
  pairs: readonly TextPair[],
  limit: number,
  exchanges: Exchanges,
  send: (fields: TextFields, data: Buffer) => void,
): Promise<TextPair[]> {
  let outgoing = buildText(pairs)
  let tag: number | undefined
  let targetTransferTag: number = RESERVED_TAG
  const gathered: Buffer[] = []
  for (let length = 0; length <= MAX_TEXT_BYTES && gathered.length < MAX_ANSWERS; ) {
    const data = outgoing.subarray(0, limit)
    outgoing = outgoing.subarray(data.length)
    const more = outgoing.length > 0
    const answer: Answer = await exchanges.begin((initiatorTaskTag) => {
      tag = initiatorTaskTag
      send({ final: !more, continue: more, initiatorTaskTag, targetTransferTag }, data.length > 0 ? data : EMPTY)
    }, tag)
    const response = TEXT_RESPONSE.decode(answer.header)
    gathered.push(answer.data)
    length += answer.data.length
    targetTransferTag = response.targetTransferTag
    if (response.final && !response.continue && !more) return parseText(Buffer.concat(gathered))
    if (response.final) throw new ProtocolError('a Text Response that is final before its text has ended')
  }
  throw new ProtocolError(`text of more than ${MAX_TEXT_BYTES} bytes or ${MAX_ANSWERS} answers`)
}
