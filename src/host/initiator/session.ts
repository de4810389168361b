// A session with a target: one connection in full feature phase (RFC 7143 4.2, ErrorRecoveryLevel 0). Commands leave as
// fast as the target's window allows, in the order in which they were submitted; answers come in any order.

import { ASYNC_EVENT, ASYNC_MESSAGE } from '../../../protocol/iscsi/async-message.ts'
import { DATA_IN } from '../../../protocol/iscsi/data-in.ts'
import type { OperationalParameters } from '../../../protocol/iscsi/keys.ts'
import { LOGOUT_REASON } from '../../../protocol/iscsi/logout-request.ts'
import { LOGOUT_RESPONSE, LOGOUT_RESPONSE_CODE } from '../../../protocol/iscsi/logout-response.ts'
import { NOP_IN } from '../../../protocol/iscsi/nop-in.ts'
import { INITIATOR_OPCODE, RESERVED_TAG, TARGET_OPCODE } from '../../../protocol/iscsi/opcodes.ts'
import { R2T } from '../../../protocol/iscsi/r2t.ts'
import { REJECT } from '../../../protocol/iscsi/reject.ts'
import { SCSI_COMMAND } from '../../../protocol/iscsi/scsi-command.ts'
import { SCSI_RESPONSE } from '../../../protocol/iscsi/scsi-response.ts'
import { lessThan, next } from '../../../protocol/iscsi/serial.ts'
import { TASK_MANAGEMENT_FUNCTION as FUNCTION } from '../../../protocol/iscsi/task-management-request.ts'
import {
  TASK_MANAGEMENT_RESPONSE,
  TASK_MANAGEMENT_RESPONSE_CODE,
} from '../../../protocol/iscsi/task-management-response.ts'
import type { TextPair } from '../../../protocol/iscsi/text.ts'
import { encodeLun } from '../../../protocol/scsi/lun.ts'
import { type CommandResult, type ScsiCommand, ScsiTask } from './command.ts'
import { ConnectionLostError, ProtocolError, RejectedError } from './errors.ts'
import { Exchanges } from './exchanges.ts'
import { type PduStream, type ReceivedPdu, rejectedHeader, type StreamEvents } from './stream.ts'
import { exchangeText } from './text-exchange.ts'

const BUFFER_OFFSET = DATA_IN.at('bufferOffset').byte
const DATA_SN = DATA_IN.at('dataSn').byte
const DATA_IN_STATUS = DATA_IN.at('status').byte
const RESIDUAL_COUNT = DATA_IN.at('residualCount').byte
const RESPONSE = SCSI_RESPONSE.at('response').byte
const RESPONSE_STATUS = SCSI_RESPONSE.at('status').byte
const OPCODE_MASK = 0x3f
const HAS_STATUS = 0x01
const OVERFLOW = 0x04
const UNDERFLOW = 0x02
const ITT_IN_HEADER = DATA_IN.at('initiatorTaskTag').byte
const CMD_SN_IN_HEADER = SCSI_COMMAND.at('cmdSn').byte
const EXP_CMD_SN = REJECT.at('expCmdSn').byte
const IMMEDIATE = 0x40
const EMPTY = Buffer.alloc(0)

export interface SessionIdentity {
  readonly initiatorName: string
  /** Absent in a discovery session. */
  readonly targetName: string | undefined
  /** Six bytes. */
  readonly isid: Buffer
  /** How the target names the session. */
  readonly tsih: number
  readonly cid: number
  /** What the login has settled. */
  readonly parameters: OperationalParameters
}

export interface ManageOptions {
  /** The logical unit; zero where the function does not look at it. */
  readonly lun?: number
  /** ABORT TASK: which. */
  readonly task?: ScsiTask
}

export class InitiatorSession implements SessionIdentity {
  readonly initiatorName: string
  readonly targetName: string | undefined
  readonly isid: Buffer
  readonly tsih: number
  readonly cid: number
  readonly parameters: OperationalParameters
  /** Resolves when the connection has ended: with the error that ended it, or undefined after `logout` and `destroy`. */
  readonly closed: Promise<Error | undefined>

  readonly #stream: PduStream
  readonly #exchanges: Exchanges
  /** Commands that have left and are not answered. */
  readonly #tasks = new Map<number, ScsiTask>()
  /** Commands that wait for the window to open. */
  #waiting: ScsiTask[] = []
  #nextTag = 1
  #ended: Error | undefined
  #leaving = false
  #resolveClosed!: (error: Error | undefined) => void

  constructor(identity: SessionIdentity, stream: PduStream) {
    this.initiatorName = identity.initiatorName
    this.targetName = identity.targetName
    this.isid = identity.isid
    this.tsih = identity.tsih
    this.cid = identity.cid
    this.parameters = identity.parameters
    this.#stream = stream
    this.#exchanges = new Exchanges(() => this.#takeTag())
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    const { headerDigest, dataDigest } = identity.parameters
    const events: StreamEvents = {
      pdu: (pdu) => this.#receive(pdu),
      place: (header, at, length) =>
        this.#tasks
          .get(header.readUInt32BE(at + ITT_IN_HEADER))
          ?.place(header.readUInt32BE(at + BUFFER_OFFSET), length),
      ended: (error) => this.#end(error),
    }
    stream.enterFullFeature(events, { header: headerDigest === 'CRC32C', data: dataDigest === 'CRC32C' })
  }

  /**
   * Sends a command, or queues it while the target's window is closed.
   * @throws RangeError for a CDB, a LUN or amounts of data that cannot be sent
   */
  submit(command: ScsiCommand): ScsiTask {
    if (command.cdb.length > 260) throw new RangeError(`a CDB of ${command.cdb.length} bytes, more than 260`)
    if (command.dataOut && command.dataInLength) throw new RangeError('a bidirectional command')
    const task = new ScsiTask(command)
    if (this.#ended) task.fail(this.#ended)
    else if (command.immediate) this.#start(task, this.#stream.cmdSn)
    else if (this.#waiting.length > 0 || this.#windowClosed) this.#waiting.push(task)
    else this.#startNext(task)
    return task
  }

  /**
   * Carries out a command. CHECK CONDITION and other statuses are results.
   * @throws ConnectionLostError, RejectedError, TaskAbortedError
   */
  execute(command: ScsiCommand): Promise<CommandResult> {
    return this.submit(command).result
  }

  /**
   * Carries out a task management function (RFC 7143 11.5); the response, which TASK_MANAGEMENT_RESPONSE_CODE names. When
   * it is FUNCTION COMPLETE, the tasks of this session that the function ended reject with TaskAbortedError.
   */
  async manage(functionCode: number, { lun = 0, task }: ManageOptions = {}): Promise<number> {
    if (task && this.#withdraw(task)) return TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_COMPLETE
    const affected = this.#affected(functionCode, task?.command.lun ?? lun, task)
    const answer = await this.#exchanges.begin((initiatorTaskTag) =>
      this.#stream.send(INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST, {
        immediate: true,
        function: functionCode,
        lun: encodeLun(task?.command.lun ?? lun),
        initiatorTaskTag,
        referencedTaskTag: task?.initiatorTaskTag ?? RESERVED_TAG,
        refCmdSn: task?.cmdSn ?? 0,
      }),
    )
    const { response } = TASK_MANAGEMENT_RESPONSE.decode(answer.header)
    if (response === TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_COMPLETE)
      for (const ended of affected) if (this.#tasks.delete(ended.initiatorTaskTag)) ended.abort()
    return response
  }

  /** ABORT TASK; the response. */
  abortTask(task: ScsiTask): Promise<number> {
    return this.manage(FUNCTION.ABORT_TASK, { task })
  }

  /** NOP-Out with an answer wanted (RFC 7143 11.18): what came back, which is what was sent if the target is well. */
  async nop(data: Buffer = EMPTY): Promise<Buffer> {
    const answer = await this.#exchanges.begin((initiatorTaskTag) =>
      this.#stream.send(
        INITIATOR_OPCODE.NOP_OUT,
        { immediate: true, initiatorTaskTag, targetTransferTag: RESERVED_TAG },
        data,
      ),
    )
    return answer.data
  }

  /** A text negotiation (RFC 7143 11.10), SendTargets above all: the target's pairs. One at a time. */
  text(pairs: readonly TextPair[]): Promise<TextPair[]> {
    const limit = this.parameters.maxRecvDataSegmentLengthPeer
    return exchangeText(pairs, limit, this.#exchanges, (fields, data) =>
      this.#stream.send(INITIATOR_OPCODE.TEXT_REQUEST, { immediate: true, ...fields }, data),
    )
  }

  /**
   * Closes the session (RFC 7143 11.14) and its connection. Commands that are not answered yet reject with
   * ConnectionLostError: wait for them first.
   */
  async logout(): Promise<void> {
    if (this.#ended) return
    this.#leaving = true
    const answer = await this.#exchanges.begin((initiatorTaskTag) =>
      this.#stream.send(INITIATOR_OPCODE.LOGOUT_REQUEST, {
        immediate: true,
        reason: LOGOUT_REASON.CLOSE_THE_SESSION,
        initiatorTaskTag,
        cid: this.cid,
      }),
    )
    const { response } = LOGOUT_RESPONSE.decode(answer.header)
    this.#stream.destroy()
    if (response !== LOGOUT_RESPONSE_CODE.CLOSED_SUCCESSFULLY)
      throw new ProtocolError(`the target answered a logout with response ${response}`)
  }

  /** Drops the connection without a word, as a host that loses power does. */
  destroy(): void {
    this.#leaving = true
    this.#stream.destroy()
  }

  get #windowClosed(): boolean {
    return lessThan(this.#stream.maxCmdSn, this.#stream.cmdSn)
  }

  #startNext(task: ScsiTask): void {
    const { cmdSn } = this.#stream
    this.#stream.cmdSn = next(cmdSn)
    this.#start(task, cmdSn)
  }

  #start(task: ScsiTask, cmdSn: number): void {
    task.cmdSn = cmdSn
    task.initiatorTaskTag = this.#takeTag()
    this.#tasks.set(task.initiatorTaskTag, task)
    const { immediateData, initialR2T, firstBurstLength, maxRecvDataSegmentLengthPeer } = this.parameters
    const data = task.command.dataOut ?? EMPTY
    const unsolicited = Math.min(data.length, firstBurstLength)
    const immediate = immediateData ? Math.min(unsolicited, maxRecvDataSegmentLengthPeer) : 0
    const end = initialR2T ? immediate : unsolicited
    const { writer, expStatSn } = this.#stream
    writer.command(task, cmdSn, expStatSn, data.subarray(0, immediate), end === immediate)
    this.#sendData(task, RESERVED_TAG, immediate, data.subarray(immediate, end))
  }

  /** One sequence of Data-Out PDUs, its DataSN from zero on. */
  #sendData(task: ScsiTask, targetTransferTag: number, bufferOffset: number, data: Buffer): void {
    const limit = this.parameters.maxRecvDataSegmentLengthPeer
    const { writer, expStatSn } = this.#stream
    for (let sent = 0, dataSn = 0; sent < data.length; dataSn++) {
      const part = data.subarray(sent, sent + limit)
      const final = sent + part.length === data.length
      writer.dataOut(task, targetTransferTag, expStatSn, dataSn, bufferOffset + sent, part, final)
      sent += part.length
    }
  }

  #receive(pdu: ReceivedPdu): void {
    RECEIVE.get(pdu.opcode)?.(this.#handlers, pdu)
    while (this.#waiting.length > 0 && !this.#windowClosed && !this.#ended)
      this.#startNext(this.#waiting.shift() as ScsiTask)
  }

  readonly #handlers: Handlers = {
    dataIn: (pdu) => this.#dataIn(pdu),
    response: (pdu) => this.#response(pdu),
    r2t: (pdu) => this.#r2t(pdu),
    nopIn: (pdu) => this.#nopIn(pdu),
    answer: (pdu) => this.#exchanges.answer(pdu),
    asyncMessage: (pdu) => this.#asyncMessage(pdu),
    reject: (pdu) => this.#reject(pdu),
  }

  #dataIn({ header, at, initiatorTaskTag, data, dataOffset, dataLength, placed }: ReceivedPdu): void {
    const task = this.#tasks.get(initiatorTaskTag)
    if (!task) return // it was aborted while these were on their way
    const dataSn = header.readUInt32BE(at + DATA_SN)
    task.takeData(dataSn, header.readUInt32BE(at + BUFFER_OFFSET), data, dataOffset, dataLength, placed)
    if ((header[at + 1]! & HAS_STATUS) !== 0) this.#finish(task, header, at, header[at + DATA_IN_STATUS]!, 0, EMPTY)
  }

  #response({ header, at, initiatorTaskTag, data, dataOffset, dataLength }: ReceivedPdu): void {
    const task = this.#tasks.get(initiatorTaskTag)
    const segment = data.subarray(dataOffset, dataOffset + dataLength)
    if (task) this.#finish(task, header, at, header[at + RESPONSE_STATUS]!, header[at + RESPONSE]!, segment)
  }

  #finish(task: ScsiTask, header: Buffer, at: number, status: number, response: number, segment: Buffer): void {
    const flags = header[at + 1]!
    const residualCount = header.readUInt32BE(at + RESIDUAL_COUNT)
    const [overflow, underflow] = [(flags & OVERFLOW) !== 0, (flags & UNDERFLOW) !== 0]
    task.finish({ status, response, overflow, underflow, residualCount }, segment)
    this.#tasks.delete(task.initiatorTaskTag)
  }

  #r2t({ header, at, initiatorTaskTag }: ReceivedPdu): void {
    const task = this.#tasks.get(initiatorTaskTag)
    if (!task) return
    const { targetTransferTag, r2tSn, bufferOffset, desiredDataTransferLength } = R2T.decode(header, at)
    this.#sendData(task, targetTransferTag, bufferOffset, task.takeR2T(r2tSn, bufferOffset, desiredDataTransferLength))
  }

  /** A ping of the target is answered at once (RFC 7143 11.19). */
  #nopIn(pdu: ReceivedPdu): void {
    if (pdu.initiatorTaskTag !== RESERVED_TAG) return this.#exchanges.answer(pdu)
    const { targetTransferTag, lun } = NOP_IN.decode(pdu.header, pdu.at)
    if (targetTransferTag === RESERVED_TAG) return // news of the window alone
    this.#stream.send(INITIATOR_OPCODE.NOP_OUT, {
      immediate: true,
      initiatorTaskTag: RESERVED_TAG,
      targetTransferTag,
      lun,
    })
  }

  /** A target that asks for a logout gets one (RFC 7143 11.9.1); what else it announces, the connection's end will show. */
  #asyncMessage({ header, at }: ReceivedPdu): void {
    if (ASYNC_MESSAGE.decode(header, at).asyncEvent !== ASYNC_EVENT.LOGOUT_REQUESTED || this.#leaving) return
    this.logout().catch(() => {}) // then the connection has ended, which `closed` tells
  }

  #reject(pdu: ReceivedPdu): void {
    const { reason } = REJECT.decode(pdu.header, pdu.at)
    const rejected = rejectedHeader(pdu)
    // A command whose data are rejected gets a status of its own.
    if (!rejected || (rejected[0]! & OPCODE_MASK) === INITIATOR_OPCODE.DATA_OUT) return
    this.#plug(rejected, pdu)
    const initiatorTaskTag = rejected.readUInt32BE(ITT_IN_HEADER)
    const error = new RejectedError(reason)
    const task = this.#tasks.get(initiatorTaskTag)
    if (task) {
      this.#tasks.delete(initiatorTaskTag)
      task.fail(error)
    } else this.#exchanges.fail(initiatorTaskTag, error)
  }

  /**
   * A command that was rejected has not been received (RFC 7143 7.3): a NOP-Out takes its number, or those after it
   * would wait for it. Its answer is of no interest.
   */
  #plug(rejected: Buffer, { header, at }: ReceivedPdu): void {
    const cmdSn = rejected.readUInt32BE(CMD_SN_IN_HEADER)
    if ((rejected[0]! & IMMEDIATE) !== 0 || header.readUInt32BE(at + EXP_CMD_SN) !== cmdSn) return
    const initiatorTaskTag = this.#takeTag()
    this.#stream.send(INITIATOR_OPCODE.NOP_OUT, { initiatorTaskTag, targetTransferTag: RESERVED_TAG, cmdSn })
  }

  #end(error: Error | undefined): void {
    const lost = new ConnectionLostError(
      `the connection to the target has ended${error ? `: ${error.message}` : ''}`,
      error && { cause: error },
    )
    this.#ended = lost
    for (const task of [...this.#tasks.values(), ...this.#waiting]) task.fail(lost)
    this.#tasks.clear()
    this.#waiting = []
    this.#exchanges.failAll(lost)
    this.#resolveClosed(this.#leaving && !error ? undefined : lost)
  }

  /** A task that has not left need not be aborted at the target. */
  #withdraw(task: ScsiTask): boolean {
    const index = this.#waiting.indexOf(task)
    if (index < 0) return false
    this.#waiting.splice(index, 1)
    task.abort()
    return true
  }

  /** The tasks of this session that a function ends (SAM-5 7). */
  #affected(functionCode: number, lun: number, task: ScsiTask | undefined): ScsiTask[] {
    if (functionCode === FUNCTION.ABORT_TASK) return task ? [task] : []
    const all = [...this.#tasks.values()]
    if (TARGET_WIDE.has(functionCode)) return all
    return UNIT_WIDE.has(functionCode) ? all.filter(({ command }) => command.lun === lun) : []
  }

  #takeTag(): number {
    while (this.#nextTag === RESERVED_TAG || this.#tasks.has(this.#nextTag) || this.#exchanges.has(this.#nextTag))
      this.#nextTag = next(this.#nextTag)
    const tag = this.#nextTag
    this.#nextTag = next(tag)
    return tag
  }
}

const UNIT_WIDE: ReadonlySet<number> = new Set([
  FUNCTION.ABORT_TASK_SET,
  FUNCTION.CLEAR_TASK_SET,
  FUNCTION.LOGICAL_UNIT_RESET,
])
const TARGET_WIDE: ReadonlySet<number> = new Set([FUNCTION.TARGET_WARM_RESET, FUNCTION.TARGET_COLD_RESET])

type Handlers = Readonly<
  Record<'dataIn' | 'response' | 'r2t' | 'nopIn' | 'answer' | 'asyncMessage' | 'reject', (pdu: ReceivedPdu) => void>
>

/** What the target may send; anything else is passed over. */
const RECEIVE: ReadonlyMap<number, (handlers: Handlers, pdu: ReceivedPdu) => void> = new Map([
  [TARGET_OPCODE.DATA_IN, (h, pdu) => h.dataIn(pdu)],
  [TARGET_OPCODE.SCSI_RESPONSE, (h, pdu) => h.response(pdu)],
  [TARGET_OPCODE.R2T, (h, pdu) => h.r2t(pdu)],
  [TARGET_OPCODE.NOP_IN, (h, pdu) => h.nopIn(pdu)],
  [TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE, (h, pdu) => h.answer(pdu)],
  [TARGET_OPCODE.TEXT_RESPONSE, (h, pdu) => h.answer(pdu)],
  [TARGET_OPCODE.LOGOUT_RESPONSE, (h, pdu) => h.answer(pdu)],
  [TARGET_OPCODE.ASYNC_MESSAGE, (h, pdu) => h.asyncMessage(pdu)],
  [TARGET_OPCODE.REJECT, (h, pdu) => h.reject(pdu)],
] satisfies [number, (handlers: Handlers, pdu: ReceivedPdu) => void][])
