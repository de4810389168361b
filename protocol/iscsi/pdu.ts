// Whole PDUs (RFC 7143 11.1, 11.2): header, AHS, header digest, data with its padding, data digest. The slow path of
// both sides: login, text, task management, tests. The fast path takes PDUs from the framer and reads them in place.

import { crc32c } from '@node-rs/crc32'
import { WireError } from '../wire/error.ts'
import type { Decoded, Layout } from '../wire/layout.ts'
import { type Ahs, decodeAhs, encodeAhs } from './ahs.ts'
import { ASYNC_MESSAGE } from './async-message.ts'
import { DATA_IN } from './data-in.ts'
import { DATA_OUT } from './data-out.ts'
import { DIGEST_LENGTH, digestOf, paddedLength } from './digest.ts'
import { LOGIN_REQUEST } from './login-request.ts'
import { LOGIN_RESPONSE } from './login-response.ts'
import { LOGOUT_REQUEST } from './logout-request.ts'
import { LOGOUT_RESPONSE } from './logout-response.ts'
import { NOP_IN } from './nop-in.ts'
import { NOP_OUT } from './nop-out.ts'
import { BHS_LENGTH, INITIATOR_OPCODE, TARGET_OPCODE } from './opcodes.ts'
import { R2T } from './r2t.ts'
import { REJECT } from './reject.ts'
import { SCSI_COMMAND } from './scsi-command.ts'
import { SCSI_RESPONSE } from './scsi-response.ts'
import { SNACK_REQUEST } from './snack-request.ts'
import { TASK_MANAGEMENT_REQUEST } from './task-management-request.ts'
import { TASK_MANAGEMENT_RESPONSE } from './task-management-response.ts'
import { TEXT_REQUEST } from './text-request.ts'
import { TEXT_RESPONSE } from './text-response.ts'

/** Every PDU by its opcode. */
export const PDU_LAYOUTS = {
  [INITIATOR_OPCODE.NOP_OUT]: NOP_OUT,
  [INITIATOR_OPCODE.SCSI_COMMAND]: SCSI_COMMAND,
  [INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST]: TASK_MANAGEMENT_REQUEST,
  [INITIATOR_OPCODE.LOGIN_REQUEST]: LOGIN_REQUEST,
  [INITIATOR_OPCODE.TEXT_REQUEST]: TEXT_REQUEST,
  [INITIATOR_OPCODE.DATA_OUT]: DATA_OUT,
  [INITIATOR_OPCODE.LOGOUT_REQUEST]: LOGOUT_REQUEST,
  [INITIATOR_OPCODE.SNACK_REQUEST]: SNACK_REQUEST,
  [TARGET_OPCODE.NOP_IN]: NOP_IN,
  [TARGET_OPCODE.SCSI_RESPONSE]: SCSI_RESPONSE,
  [TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE]: TASK_MANAGEMENT_RESPONSE,
  [TARGET_OPCODE.LOGIN_RESPONSE]: LOGIN_RESPONSE,
  [TARGET_OPCODE.TEXT_RESPONSE]: TEXT_RESPONSE,
  [TARGET_OPCODE.DATA_IN]: DATA_IN,
  [TARGET_OPCODE.LOGOUT_RESPONSE]: LOGOUT_RESPONSE,
  [TARGET_OPCODE.R2T]: R2T,
  [TARGET_OPCODE.ASYNC_MESSAGE]: ASYNC_MESSAGE,
  [TARGET_OPCODE.REJECT]: REJECT,
} as const

export type Opcode = keyof typeof PDU_LAYOUTS

/** The fields of the PDU with opcode `O`. */
export type HeaderFields<O extends Opcode> = Decoded<(typeof PDU_LAYOUTS)[O]>

/** A decoded header: test `opcode` and the fields are known. */
export type PduHeader = { [O in Opcode]: { opcode: O } & HeaderFields<O> }[Opcode]

/** Which digests the connection has agreed on. */
export interface Digests {
  readonly header: boolean
  readonly data: boolean
}

export interface Pdu {
  readonly header: PduHeader
  readonly ahs: Ahs[]
  /** The data segment without its padding: a view. */
  readonly data: Buffer
  /** Bytes of the whole PDU, padding and digests included. */
  readonly length: number
}

const NO_DIGESTS: Digests = { header: false, data: false }

/** Reads the PDU at the start of `bytes`. Throws a WireError when it is not whole, not known, or a digest differs. */
export function decodePdu(bytes: Buffer, digests: Digests = NO_DIGESTS): Pdu {
  requireLength(bytes, BHS_LENGTH, 'header', 0)
  const ahsEnd = BHS_LENGTH + 4 * bytes[4]!
  requireLength(bytes, ahsEnd, 'totalAhsLength', 4)
  // A header with a wrong digest has no fields to speak of (RFC 7143 7.8).
  const dataStart = digests.header ? checkDigest(bytes, 0, ahsEnd, 'header') : ahsEnd
  const header = decodeHeader(bytes)
  const dataEnd = dataStart + header.dataSegmentLength
  const paddedEnd = dataStart + paddedLength(header.dataSegmentLength)
  requireLength(bytes, paddedEnd, 'dataSegmentLength', 5)
  const length = digests.data && dataEnd > dataStart ? checkDigest(bytes, dataStart, paddedEnd, 'data') : paddedEnd
  const ahs = decodeAhs(bytes.subarray(BHS_LENGTH, ahsEnd))
  return { header, ahs, data: bytes.subarray(dataStart, dataEnd), length }
}

function decodeHeader(bytes: Buffer): PduHeader {
  const opcode = bytes[0]! & 0x3f
  const layout = (PDU_LAYOUTS as Record<number, Layout>)[opcode]
  if (!layout) throw new WireError('PDU', 'opcode', 0, 'bad value', `0x${opcode.toString(16)}`)
  return { opcode, ...layout.decode(bytes) } as PduHeader
}

function requireLength(bytes: Buffer, length: number, field: string, offset: number): void {
  if (bytes.length < length)
    throw new WireError('PDU', field, offset, 'truncated', `${bytes.length} of ${length} bytes`)
}

/** Returns where the digest ends. */
function checkDigest(bytes: Buffer, start: number, end: number, segment: 'header' | 'data'): number {
  const field = `${segment}Digest`
  if (bytes.length < end + DIGEST_LENGTH) throw new WireError('PDU', field, end, 'truncated')
  if (crc32c(bytes.subarray(start, end)) !== bytes.readUInt32LE(end))
    throw new WireError('PDU', field, end, `${segment} digest`)
  return end + DIGEST_LENGTH
}

export interface PduBody {
  readonly ahs?: readonly Ahs[]
  readonly data?: Uint8Array
  readonly digests?: Digests
}

/** Writes a whole PDU; the two lengths come from the body. Throws a RangeError for a value that does not fit. */
export function encodePdu<O extends Opcode>(opcode: O, fields: Partial<HeaderFields<O>>, body: PduBody = {}): Buffer {
  const { data = Buffer.alloc(0), digests = NO_DIGESTS } = body
  const ahs = encodeAhs(body.ahs ?? [])
  const lengths = { totalAhsLength: ahs.length / 4, dataSegmentLength: data.length }
  const header = Buffer.concat([(PDU_LAYOUTS[opcode] as Layout).encode({ ...fields, ...lengths }), ahs])
  const padded = Buffer.alloc(paddedLength(data.length))
  padded.set(data)
  const parts: Buffer[] = [header, padded]
  if (digests.data && data.length > 0) parts.push(digestOf(padded))
  if (digests.header) parts.splice(1, 0, digestOf(header))
  return Buffer.concat(parts)
}
