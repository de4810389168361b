// One SCSI command as an initiator sees it: what it asks, the data that comes in any order of PDUs, the data that goes out
// as R2Ts ask for it, and how it ends (RFC 7143 4.2, 11.3 to 11.8). Pure: bytes in, what to send out.

import { encodeLun, LUN_SIZE } from '../../../protocol/scsi/lun.ts'
import type { SenseData } from '../../../protocol/scsi/sense.ts'
import { decodeSense } from '../../../protocol/scsi/sense-data.ts'
import { STATUS } from '../../../protocol/scsi/status.ts'
import { WireError } from '../../../protocol/wire/error.ts'
import { ProtocolError, TaskAbortedError } from './errors.ts'

export interface ScsiCommand {
  readonly lun: number
  /** 1 to 260 bytes; what is longer than 16 travels in an additional header segment. */
  readonly cdb: Buffer
  /** What to send: its length is the Expected Data Transfer Length. It may not change until the command has ended. */
  readonly dataOut?: Buffer
  /** Bytes to take at most: the Expected Data Transfer Length of a read. Not together with `dataOut`. */
  readonly dataInLength?: number
  /** TASK_ATTRIBUTE; SIMPLE without one. */
  readonly attributes?: number
  /** Delivered at once, outside the order of the other commands. */
  readonly immediate?: boolean
  /** Asked each time before it leaves, and before each part of its data that an R2T asks for. */
  readonly mayLeave?: () => boolean
}

/** Which way the amount of data differed from the Expected Data Transfer Length, and by how many bytes (11.4.5). */
export interface Residual {
  readonly kind: 'overflow' | 'underflow'
  readonly count: number
}

export interface CommandResult {
  /** The SCSI status: STATUS names them. */
  readonly status: number
  /** SCSI_RESPONSE_CODE: not zero when the target could not complete the command, and then there is no status. */
  readonly response: number
  /** Present when sense data came with the status. */
  readonly sense?: SenseData
  /** What the target sent; empty for a command that asked for nothing. */
  readonly data: Buffer
  readonly residual?: Residual
}

/** How a command ends that is not lost with its connection. */
export interface Ending {
  readonly status: number
  readonly response: number
  readonly overflow: boolean
  readonly underflow: boolean
  readonly residualCount: number
}

const SENSE_LENGTH_BYTES = 2
const MAX_CDB_BYTES = 260
const MAX_TRANSFER_BYTES = 2 ** 32 - 1
const MAX_ATTRIBUTES = 7
const EMPTY = Buffer.alloc(0)

/** A command that has been handed to a session. */
export class ScsiTask {
  readonly command: ScsiCommand
  /** Its LUN as it travels. */
  readonly lun: Buffer
  /** The result, once the target has answered; rejected when the task is aborted or lost with its connection. */
  readonly result: Promise<CommandResult>
  /** Undefined until the command has left: the target's window may be closed. */
  cmdSn: number | undefined
  initiatorTaskTag = 0
  /** Told when data may not leave any more that an R2T asks for: the command will never end by itself. */
  onWithheld = (): void => {}

  readonly #buffer: Buffer
  /** Bytes that have come. */
  #received = 0
  /** Bytes that R2Ts have asked for. */
  #asked = 0
  #nextDataSn = 0
  #resolve!: (result: CommandResult) => void
  #reject!: (error: Error) => void

  /** Throws a RangeError for what cannot be sent. */
  constructor(command: ScsiCommand) {
    requireSendable(command)
    this.command = command
    this.lun = encodeLun(command.lun, Buffer.allocUnsafe(LUN_SIZE))
    this.#buffer = command.dataInLength ? Buffer.allocUnsafe(command.dataInLength) : EMPTY
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get expectedDataTransferLength(): number {
    return this.command.dataOut?.length ?? this.command.dataInLength ?? 0
  }

  /** Where the data of a Data-In PDU belongs; undefined when it does not fit there. */
  place(bufferOffset: number, length: number): Buffer | undefined {
    const end = bufferOffset + length
    return end <= this.#buffer.length ? this.#buffer.subarray(bufferOffset, end) : undefined
  }

  /** Takes a Data-In PDU. `placed`: its data lies where `place` said. Throws a ProtocolError when it breaks a rule. */
  takeData(dataSn: number, bufferOffset: number, source: Buffer, at: number, length: number, placed: boolean): void {
    this.#countDataSn(dataSn, 'Data-In')
    const end = bufferOffset + length
    if (end > this.#buffer.length)
      throw new ProtocolError(`Data-In up to byte ${end} of a command that expects ${this.#buffer.length}`)
    // DataPDUInOrder and DataSequenceInOrder are Yes: no gap, and nothing twice.
    if (bufferOffset !== this.#received)
      throw new ProtocolError(`Data-In at byte ${bufferOffset}, not ${this.#received}`)
    if (!placed) source.copy(this.#buffer, bufferOffset, at, at + length)
    this.#received += length
  }

  /** The part of the data that an R2T asks for. Throws a ProtocolError when there is no such part. */
  takeR2T(r2tSn: number, bufferOffset: number, length: number): Buffer {
    this.#countDataSn(r2tSn, 'R2T')
    const data = this.command.dataOut ?? EMPTY
    if (length === 0 || bufferOffset + length > data.length)
      throw new ProtocolError(`an R2T for ${length} bytes at ${bufferOffset} of ${data.length}`)
    // At ErrorRecoveryLevel 0 nothing is asked for twice.
    this.#asked += length
    if (this.#asked > data.length) throw new ProtocolError(`R2Ts for ${this.#asked} bytes of ${data.length}`)
    return data.subarray(bufferOffset, bufferOffset + length)
  }

  /** `segment` is the data segment of a SCSI Response. Throws a ProtocolError when data are missing. */
  finish({ status, response, overflow, underflow, residualCount }: Ending, segment: Buffer): void {
    const complete = Math.max(0, this.#buffer.length - (underflow ? residualCount : 0))
    if (status === STATUS.GOOD && response === 0 && this.#received !== complete)
      throw new ProtocolError(`${this.#received} bytes came of ${complete} that the status tells of`)
    const sense = senseOf(segment)
    this.#resolve({
      status,
      response,
      data: this.#buffer.subarray(0, this.#received),
      ...(sense && { sense }),
      ...((overflow || underflow) && { residual: { kind: overflow ? 'overflow' : 'underflow', count: residualCount } }),
    })
  }

  fail(error: Error): void {
    this.result.catch(() => {}) // a caller who does not wait for it is no unhandled rejection
    this.#reject(error)
  }

  abort(reason: Error = new TaskAbortedError('the task was aborted by a task management function')): void {
    this.fail(reason)
  }

  /** Data-In and R2T PDUs of a command are numbered together (RFC 7143 11.7.5, 11.8.3). */
  #countDataSn(sn: number, name: string): void {
    if (sn !== this.#nextDataSn) throw new ProtocolError(`${name} number ${sn} where ${this.#nextDataSn} was due`)
    this.#nextDataSn++
  }
}

function requireSendable({ cdb, dataOut, dataInLength = 0, attributes = 0 }: ScsiCommand): void {
  if (cdb.length < 1 || cdb.length > MAX_CDB_BYTES)
    throw new RangeError(`a CDB of ${cdb.length} bytes; allowed: 1 to ${MAX_CDB_BYTES}`)
  if (dataOut && dataInLength) throw new RangeError('a bidirectional command')
  const length = dataOut?.length ?? dataInLength
  if (!(length >= 0 && length <= MAX_TRANSFER_BYTES))
    throw new RangeError(`${length} bytes of data; allowed: 0 to ${MAX_TRANSFER_BYTES}`)
  if (!(attributes >= 0 && attributes <= MAX_ATTRIBUTES)) throw new RangeError(`task attribute ${attributes}`)
}

/** The sense data of a data segment, their length before them (RFC 7143 11.4.7.2). What cannot be read is none. */
export function senseOf(segment: Buffer): SenseData | undefined {
  if (segment.length < SENSE_LENGTH_BYTES) return undefined
  const end = SENSE_LENGTH_BYTES + segment.readUInt16BE(0)
  try {
    return end === SENSE_LENGTH_BYTES ? undefined : decodeSense(segment.subarray(SENSE_LENGTH_BYTES, end))
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}
