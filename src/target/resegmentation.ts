// Data-In PDUs cut anew for another MaxRecvDataSegmentLength (RFC 7143 11.16.3): after an R-Data SNACK, or on the connection that
// a task is reassigned to. Bytes, offsets and sequences stay what they were; lengths, numbers and A bits change.

import { DATA_IN } from '../../protocol/iscsi/data-in.ts'
import { RESERVED_TAG, TARGET_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import type { SentPdu } from './data-retention.ts'

const DATA_SEGMENT_LENGTH = DATA_IN.at('dataSegmentLength').byte
const LUN = DATA_IN.at('lun').byte
const TARGET_TRANSFER_TAG = DATA_IN.at('targetTransferTag').byte
const DATA_SN = DATA_IN.at('dataSn').byte
const BUFFER_OFFSET = DATA_IN.at('bufferOffset').byte
const OPCODE_MASK = 0x3f
const FINAL = 0x80
const ACKNOWLEDGE = 0x40
const LUN_BYTES = 8

export interface Resegmentation {
  /** The number of the first. */
  readonly dataSn: number
  /** Bytes that a PDU may carry. */
  readonly dataLength: number
  readonly maxBurstLength: number
}

/** Whether it is a Data-In PDU: the R2Ts of a bidirectional command share its numbers. */
export const isDataIn = ({ header }: SentPdu): boolean => (header[0]! & OPCODE_MASK) === TARGET_OPCODE.DATA_IN

/** `pdus` are in order and without a gap. */
export function resegment(pdus: readonly SentPdu[], { dataSn, dataLength, maxBurstLength }: Resegmentation): SentPdu[] {
  const sent = pdus.filter(isDataIn)
  const first = sent[0]
  const last = sent.at(-1)
  if (!first || !last) return []
  const bytes = Buffer.concat(sent.map(({ data }) => data))
  const start = first.header.readUInt32BE(BUFFER_OFFSET)
  const end = start + bytes.length
  const cut: SentPdu[] = []
  for (let from = start; from < end; ) {
    const burstEnd = from - (from % maxBurstLength) + maxBurstLength
    const to = Math.min(from + dataLength, burstEnd, end)
    const flags = to === end ? last.header[1]! : to === burstEnd ? FINAL | ACKNOWLEDGE : 0
    const data = Buffer.from(bytes.subarray(from - start, to - start))
    cut.push({ header: headerOf(first.header, flags, dataSn + cut.length, from, data.length), data })
    from = to
  }
  return cut
}

/** Where the A bit asks for an acknowledgement, whoever sends the PDU fills in what it is to name (RFC 7143 11.7.4). */
function headerOf(like: Buffer, flags: number, dataSn: number, offset: number, length: number): Buffer {
  const header = Buffer.from(like)
  header[1] = flags
  header.writeUIntBE(length, DATA_SEGMENT_LENGTH, 3)
  header.fill(0, LUN, LUN + LUN_BYTES)
  header.writeUInt32BE(RESERVED_TAG, TARGET_TRANSFER_TAG)
  header.writeUInt32BE(dataSn, DATA_SN)
  header.writeUInt32BE(offset, BUFFER_OFFSET)
  return header
}
