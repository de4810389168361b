// The connection as a stream of PDUs, in both directions: framing, digests, and the numbers that every PDU carries (StatSN,
// the command window). What the PDUs mean is the session's.

import { Framer } from '../../../protocol/iscsi/framer.ts'
import { RESERVED_TAG, TARGET_OPCODE } from '../../../protocol/iscsi/opcodes.ts'
import { type Digests, encodePdu, type HeaderFields, type Opcode } from '../../../protocol/iscsi/pdu.ts'
import { SCSI_RESPONSE } from '../../../protocol/iscsi/scsi-response.ts'
import { lessThan, next } from '../../../protocol/iscsi/serial.ts'
import type { Transport } from '../transport.ts'
import { IscsiError, ProtocolError, reading } from './errors.ts'
import { PduWriter } from './pdu-writer.ts'

const INITIATOR_TASK_TAG = SCSI_RESPONSE.at('initiatorTaskTag').byte
const STAT_SN = SCSI_RESPONSE.at('statSn').byte
const EXP_CMD_SN = SCSI_RESPONSE.at('expCmdSn').byte
const MAX_CMD_SN = SCSI_RESPONSE.at('maxCmdSn').byte
const OPCODE_MASK = 0x3f
const HAS_STATUS = 0x01

/** A PDU of the target, where it lies. */
export interface ReceivedPdu {
  readonly opcode: number
  readonly header: Buffer
  readonly at: number
  readonly initiatorTaskTag: number
  readonly data: Buffer
  readonly dataOffset: number
  readonly dataLength: number
  /** Whether the data lies where `place` wanted it. */
  readonly placed: boolean
}

export interface StreamEvents {
  pdu(pdu: ReceivedPdu): void
  /** Where the data of a PDU that comes in pieces can be assembled. */
  place(header: Buffer, at: number, length: number): Buffer | undefined
  /** Once: the connection is gone. `error`: why, where that is known. */
  ended(error: Error | undefined): void
}

export class PduStream {
  /** The CmdSN of the next command that is not immediate. */
  cmdSn: number
  maxCmdSn: number
  expStatSn = 0
  /** PDUs that have come. */
  received = 0
  writer: PduWriter

  readonly #transport: Transport
  readonly #framer: Framer
  #events: StreamEvents
  #digests: Digests = { header: false, data: false }
  #fullFeature = false
  #ended = false

  constructor(transport: Transport, cmdSn: number, maxDataSegmentLength: number, events: StreamEvents) {
    this.#transport = transport
    this.#events = events
    this.cmdSn = cmdSn
    this.maxCmdSn = cmdSn
    this.writer = new PduWriter(transport, this.#digests)
    this.#framer = new Framer({
      maxDataSegmentLength,
      place: (header, at, length) => this.#events.place(header, at, length),
    })
    transport.start({
      receive: (chunk) => this.#receive(chunk),
      closed: (error) => this.#end(error),
    })
  }

  /** Of this side; nothing when the connection is over. */
  get localAddress(): string | undefined {
    return this.#transport.localAddress
  }

  /** From login to full feature phase: who listens, and which digests hold from the next PDU on. */
  enterFullFeature(events: StreamEvents, digests: Digests): void {
    this.#fullFeature = true
    this.#events = events
    this.#digests = digests
    this.#framer.headerDigest = digests.header
    this.#framer.dataDigest = digests.data
    this.writer = new PduWriter(this.#transport, digests)
  }

  /** Sends a PDU of the slow path; `left` tells that the network has taken it. */
  send<O extends Opcode>(opcode: O, fields: Partial<HeaderFields<O>>, data?: Uint8Array, left?: () => void): void {
    if (this.#ended) return
    const counted = { cmdSn: this.cmdSn, expStatSn: this.expStatSn, ...fields } as Partial<HeaderFields<O>>
    this.#transport.write(encodePdu(opcode, counted, { digests: this.#digests, ...(data && { data }) }), left)
  }

  /** Closes the connection at once. */
  destroy(error?: Error): void {
    this.#end(error)
    this.#transport.destroy()
  }

  #end(error: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#events.ended(error)
  }

  #receive(chunk: Buffer): void {
    try {
      reading(() => {
        this.#framer.push(chunk)
        while (!this.#ended && this.#framer.next()) this.#take()
      })
    } catch (error) {
      if (!(error instanceof IscsiError)) throw error
      this.destroy(error)
    }
  }

  #take(): void {
    const { header, headerOffset: at, data, dataOffset, dataLength, placed } = this.#framer
    const opcode = header[at]! & OPCODE_MASK
    const initiatorTaskTag = header.readUInt32BE(at + INITIATOR_TASK_TAG)
    this.received++
    this.#count(opcode, header, at, initiatorTaskTag)
    this.#events.pdu({ opcode, header, at, initiatorTaskTag, data, dataOffset, dataLength, placed })
  }

  #count(opcode: number, header: Buffer, at: number, initiatorTaskTag: number): void {
    const expCmdSn = header.readUInt32BE(at + EXP_CMD_SN)
    const maxCmdSn = header.readUInt32BE(at + MAX_CMD_SN)
    // RFC 7143 4.2.2.1: a pair that contradicts itself, or is older than what is known, says nothing.
    if (!lessThan(next(maxCmdSn), expCmdSn) && lessThan(this.maxCmdSn, maxCmdSn)) this.maxCmdSn = maxCmdSn
    if (!carriesStatus(opcode, header[at + 1]!, initiatorTaskTag)) return
    const statSn = header.readUInt32BE(at + STAT_SN)
    // Some targets count anew during login: there is one answer to each request there, and nothing can be missed.
    if (this.#fullFeature && statSn !== this.expStatSn)
      throw new ProtocolError(`status number ${statSn} where ${this.expStatSn} was due`)
    this.expStatSn = next(statSn)
  }
}

/** Whether the PDU takes a StatSN of its own (RFC 7143 4.2.2.2): R2T, Data-In without status and a ping do not. */
function carriesStatus(opcode: number, flags: number, initiatorTaskTag: number): boolean {
  if (opcode === TARGET_OPCODE.DATA_IN) return (flags & HAS_STATUS) !== 0
  if (opcode === TARGET_OPCODE.NOP_IN) return initiatorTaskTag !== RESERVED_TAG
  return opcode !== TARGET_OPCODE.R2T
}
