// Text Requests of full feature phase (RFC 7143 11.10, appendix C): SendTargets and what may be renegotiated there, with
// text of either side that spans PDUs. One exchange at a time on a connection.

import type { FramedPdu } from '../../protocol/iscsi/framer.ts'
import type { Negotiation, OperationalParameters } from '../../protocol/iscsi/negotiation.ts'
import { RESERVED_TAG, TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { REJECT_REASON } from '../../protocol/iscsi/reject.ts'
import { buildSendTargets, type DiscoveredTarget } from '../../protocol/iscsi/send-targets.ts'
import { buildText, parseText } from '../../protocol/iscsi/text.ts'
import { TEXT_REQUEST } from '../../protocol/iscsi/text-request.ts'
import type { FullFeature } from './full-feature.ts'
import { LIMITS } from './limits.ts'

/** The tag of the one exchange that can be under way. */
const TRANSFER_TAG = 1

export interface TextOptions {
  readonly negotiation: Negotiation
  /** Bytes of text that one negotiation may take. */
  readonly textLength: number
  /** The targets that this initiator may log in to, as it reaches them: all of them, or the one named. */
  readonly discover: (name: string | undefined) => readonly DiscoveredTarget[]
  /** Told when keys have changed what applies to the connection. */
  readonly changed: (parameters: OperationalParameters) => void
}

export class TextExchange {
  readonly #options: TextOptions
  #gathered: Buffer[] = []
  #gatheredLength = 0
  #requests = 0
  #outgoing = EMPTY
  #final = true

  constructor(options: TextOptions) {
    this.#options = options
  }

  /** Throws a WireError for malformed text. */
  receive(pdu: FramedPdu, phase: FullFeature): void {
    const request = TEXT_REQUEST.decode(pdu.header, pdu.headerOffset)
    const data = Buffer.from(pdu.data.subarray(pdu.dataOffset, pdu.dataOffset + pdu.dataLength))
    if (request.targetTransferTag === RESERVED_TAG) this.#reset()
    else if (request.targetTransferTag !== TRANSFER_TAG) return phase.reject(pdu, REJECT_REASON.INVALID_PDU_FIELD)
    if (request.final && request.continue) return phase.reject(pdu, REJECT_REASON.PROTOCOL_ERROR)
    if (this.#outgoing.length === 0) {
      this.#gathered.push(data)
      this.#gatheredLength += data.length
      if (this.#gatheredLength > this.#options.textLength || ++this.#requests > LIMITS.negotiationPdus) {
        this.#reset()
        return phase.reject(pdu, REJECT_REASON.PROTOCOL_ERROR)
      }
      if (request.continue) return this.#send(phase, request, EMPTY, false)
      if (!this.#take(phase)) return phase.reject(pdu, REJECT_REASON.PROTOCOL_ERROR)
      this.#final = request.final
    }
    const limit = phase.parameters.maxRecvDataSegmentLengthPeer
    const part = this.#outgoing.subarray(0, limit)
    this.#outgoing = this.#outgoing.subarray(part.length)
    this.#send(phase, request, part, this.#final && this.#outgoing.length === 0)
  }

  /** Makes the answer of the text gathered; false when it breaks a rule. */
  #take(phase: FullFeature): boolean {
    const { negotiation, discover, changed } = this.#options
    const gathered = Buffer.concat(this.#gathered)
    this.#forget()
    const pairs = parseText(gathered)
    negotiation.restart()
    const { answers, failure } = negotiation.receive(pairs, 'full feature')
    if (failure) return false
    const asked = pairs.findLast(({ key }) => key === 'SendTargets')?.value
    const parts = [buildText(answers)]
    if (asked !== undefined) parts.push(this.#sendTargets(asked, phase, discover))
    this.#outgoing = Buffer.concat(parts)
    changed(negotiation.parameters)
    return true
  }

  /** RFC 7143 appendix C: `All` in discovery sessions only; no value means the target of this session. */
  #sendTargets(asked: string, phase: FullFeature, discover: TextOptions['discover']): Buffer {
    const own = phase.session.target?.iqn
    if (asked === 'All' ? own !== undefined : asked === '' && own === undefined)
      return buildText([{ key: 'SendTargets', value: 'Reject' }])
    return buildSendTargets(discover(asked === 'All' ? undefined : asked === '' ? own : asked))
  }

  #send(phase: FullFeature, request: { initiatorTaskTag: number; lun: Buffer }, data: Buffer, final: boolean): void {
    const { initiatorTaskTag, lun } = request
    const more = this.#outgoing.length > 0
    const targetTransferTag = final ? RESERVED_TAG : TRANSFER_TAG
    phase.port.send(
      TARGET_OPCODE.TEXT_RESPONSE,
      { final, continue: more, initiatorTaskTag, lun, targetTransferTag },
      { data, statSn: true },
    )
  }

  #forget(): void {
    this.#gathered = []
    this.#gatheredLength = 0
    this.#requests = 0
  }

  #reset(): void {
    this.#forget()
    this.#outgoing = EMPTY
  }
}

const EMPTY = Buffer.alloc(0)
