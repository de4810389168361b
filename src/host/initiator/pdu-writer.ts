// The PDUs that an initiator sends most, written in place at the offsets of the layouts: SCSI Command and Data-Out
// (RFC 7143 11.3, 11.7). Headers are new buffers, data go out where they lie.

import { crc32c } from '@node-rs/crc32'
import { encodeAhs } from '../../../protocol/iscsi/ahs.ts'
import { DATA_OUT } from '../../../protocol/iscsi/data-out.ts'
import { BHS_LENGTH, INITIATOR_OPCODE } from '../../../protocol/iscsi/opcodes.ts'
import type { Digests } from '../../../protocol/iscsi/pdu.ts'
import { SCSI_COMMAND, TASK_ATTRIBUTE } from '../../../protocol/iscsi/scsi-command.ts'
import type { ScsiTask } from './command.ts'

const DATA_SEGMENT_LENGTH = SCSI_COMMAND.at('dataSegmentLength').byte
const LUN = SCSI_COMMAND.at('lun').byte
const INITIATOR_TASK_TAG = SCSI_COMMAND.at('initiatorTaskTag').byte
const EDTL = SCSI_COMMAND.at('expectedDataTransferLength').byte
const CMD_SN = SCSI_COMMAND.at('cmdSn').byte
const EXP_STAT_SN = SCSI_COMMAND.at('expStatSn').byte
const CDB = SCSI_COMMAND.at('cdb').byte
const TOTAL_AHS_LENGTH = SCSI_COMMAND.at('totalAhsLength').byte
const TARGET_TRANSFER_TAG = DATA_OUT.at('targetTransferTag').byte
const DATA_OUT_EXP_STAT_SN = DATA_OUT.at('expStatSn').byte
const DATA_SN = DATA_OUT.at('dataSn').byte
const BUFFER_OFFSET = DATA_OUT.at('bufferOffset').byte

const CDB_BYTES = 16
const DIGEST_BYTES = 4
const IMMEDIATE = 0x40
const FINAL = 0x80
const READ = 0x40
const WRITE = 0x20
const PADDING = Buffer.alloc(4)
const EMPTY = Buffer.alloc(0)

export interface Sink {
  write(bytes: Uint8Array): void
}

export class PduWriter {
  readonly #sink: Sink
  readonly #digests: Digests

  constructor(sink: Sink, digests: Digests) {
    this.#sink = sink
    this.#digests = digests
  }

  /** `immediate`: the data that goes with the command; `final`: no unsolicited Data-Out follows. */
  command(task: ScsiTask, cmdSn: number, expStatSn: number, immediate: Buffer, final: boolean): void {
    const { command, initiatorTaskTag, expectedDataTransferLength: edtl } = task
    const long = command.cdb.length > CDB_BYTES
    const ahs = long ? encodeAhs([{ kind: 'extended CDB', cdb: command.cdb.subarray(CDB_BYTES) }]) : EMPTY
    const header = this.#header(ahs)
    header[0] = INITIATOR_OPCODE.SCSI_COMMAND | (command.immediate ? IMMEDIATE : 0)
    header[1] =
      (final ? FINAL : 0) |
      (command.dataInLength ? READ : 0) |
      (command.dataOut && edtl > 0 ? WRITE : 0) |
      (command.attributes ?? TASK_ATTRIBUTE.SIMPLE)
    header.writeUIntBE(immediate.length, DATA_SEGMENT_LENGTH, 3)
    task.lun.copy(header, LUN)
    header.writeUInt32BE(initiatorTaskTag, INITIATOR_TASK_TAG)
    header.writeUInt32BE(edtl, EDTL)
    header.writeUInt32BE(cmdSn, CMD_SN)
    header.writeUInt32BE(expStatSn, EXP_STAT_SN)
    command.cdb.copy(header, CDB, 0, CDB_BYTES)
    this.#send(header, ahs.length, immediate)
  }

  dataOut(
    task: ScsiTask,
    targetTransferTag: number,
    expStatSn: number,
    dataSn: number,
    bufferOffset: number,
    data: Buffer,
    final: boolean,
  ): void {
    const header = this.#header(EMPTY)
    header[0] = INITIATOR_OPCODE.DATA_OUT
    header[1] = final ? FINAL : 0
    header.writeUIntBE(data.length, DATA_SEGMENT_LENGTH, 3)
    task.lun.copy(header, LUN)
    header.writeUInt32BE(task.initiatorTaskTag, INITIATOR_TASK_TAG)
    header.writeUInt32BE(targetTransferTag, TARGET_TRANSFER_TAG)
    header.writeUInt32BE(expStatSn, DATA_OUT_EXP_STAT_SN)
    header.writeUInt32BE(dataSn, DATA_SN)
    header.writeUInt32BE(bufferOffset, BUFFER_OFFSET)
    this.#send(header, 0, data)
  }

  /** Room for header, AHS and digest. */
  #header(ahs: Buffer): Buffer {
    const header = Buffer.allocUnsafe(BHS_LENGTH + ahs.length + (this.#digests.header ? DIGEST_BYTES : 0)).fill(0)
    header[TOTAL_AHS_LENGTH] = ahs.length / 4
    ahs.copy(header, BHS_LENGTH)
    return header
  }

  #send(header: Buffer, ahsLength: number, data: Buffer): void {
    const end = BHS_LENGTH + ahsLength
    if (this.#digests.header) header.writeUInt32LE(crc32c(header.subarray(0, end)), end)
    this.#sink.write(header)
    if (data.length === 0) return
    this.#sink.write(data)
    const padding = (data.length & 3) === 0 ? EMPTY : PADDING.subarray(0, -data.length & 3)
    if (padding.length > 0) this.#sink.write(padding)
    if (!this.#digests.data) return
    const digest = Buffer.alloc(DIGEST_BYTES)
    digest.writeUInt32LE(crc32c(padding, crc32c(data)))
    this.#sink.write(digest)
  }
}
