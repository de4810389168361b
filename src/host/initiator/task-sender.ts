// What an initiator sends for a command: the SCSI Command with its immediate data, unsolicited Data-Out as far as the target
// takes it, and one sequence of Data-Out for each R2T (RFC 7143 11.3, 11.7).

import type { OperationalParameters } from '../../../protocol/iscsi/keys.ts'
import { RESERVED_TAG } from '../../../protocol/iscsi/opcodes.ts'
import type { ScsiTask } from './command.ts'
import type { PduStream } from './stream.ts'

const EMPTY = Buffer.alloc(0)

export class TaskSender {
  readonly #stream: PduStream
  readonly #parameters: OperationalParameters

  constructor(stream: PduStream, parameters: OperationalParameters) {
    this.#stream = stream
    this.#parameters = parameters
  }

  /** The command, and what data of it may go without being asked for. */
  command(task: ScsiTask, cmdSn: number): void {
    const { immediateData, initialR2T, firstBurstLength, maxRecvDataSegmentLengthPeer } = this.#parameters
    const data = task.command.dataOut ?? EMPTY
    const unsolicited = Math.min(data.length, firstBurstLength)
    const immediate = immediateData ? Math.min(unsolicited, maxRecvDataSegmentLengthPeer) : 0
    const end = initialR2T ? immediate : unsolicited
    const { writer, expStatSn } = this.#stream
    writer.command(task, cmdSn, expStatSn, data.subarray(0, immediate), end === immediate)
    this.data(task, RESERVED_TAG, immediate, data.subarray(immediate, end))
  }

  /** One sequence of Data-Out PDUs, its DataSN from zero on. */
  data(task: ScsiTask, targetTransferTag: number, bufferOffset: number, data: Buffer): void {
    const limit = this.#parameters.maxRecvDataSegmentLengthPeer
    const { writer, expStatSn } = this.#stream
    for (let sent = 0, dataSn = 0; sent < data.length; dataSn++) {
      const part = data.subarray(sent, sent + limit)
      const final = sent + part.length === data.length
      writer.dataOut(task, targetTransferTag, expStatSn, dataSn, bufferOffset + sent, part, final)
      sent += part.length
    }
  }
}
