// A session with a target: one connection in full feature phase (RFC 7143 4.2, ErrorRecoveryLevel 0). Commands leave as
// fast as the target's window allows, in the order in which they were submitted; answers come in any order.

import { ASYNC_EVENT } from '../../../protocol/iscsi/async-message.ts'
import { DATA_IN } from '../../../protocol/iscsi/data-in.ts'
import type { OperationalParameters } from '../../../protocol/iscsi/keys.ts'
import { LOGOUT_RESPONSE_CODE } from '../../../protocol/iscsi/logout-response.ts'
import { NOP_IN } from '../../../protocol/iscsi/nop-in.ts'
import { INITIATOR_OPCODE, RESERVED_TAG, TARGET_OPCODE } from '../../../protocol/iscsi/opcodes.ts'
import type { HeaderFields } from '../../../protocol/iscsi/pdu.ts'
import { R2T } from '../../../protocol/iscsi/r2t.ts'
import { REJECT } from '../../../protocol/iscsi/reject.ts'
import { lessThan, next } from '../../../protocol/iscsi/serial.ts'
import { TASK_MANAGEMENT_FUNCTION as FUNCTION } from '../../../protocol/iscsi/task-management-request.ts'
import { TASK_MANAGEMENT_RESPONSE_CODE } from '../../../protocol/iscsi/task-management-response.ts'
import type { TextPair } from '../../../protocol/iscsi/text.ts'
import { type CommandResult, type ScsiCommand, ScsiTask } from './command.ts'
import { ConnectionLostError, NotSentError, ProtocolError, RejectedError } from './errors.ts'
import { Exchanges } from './exchanges.ts'
import { dispatch, endingOfDataIn, endingOfResponse, type Handlers, numberToFill, rejectedHeader } from './incoming.ts'
import {
  type AsyncMessage,
  askLogout,
  askManagement,
  askNop,
  type ManageOptions,
  readAsyncMessage,
} from './session-requests.ts'
import type { PduStream, ReceivedPdu, StreamEvents } from './stream.ts'
import { TaskSender } from './task-sender.ts'
import { TaskTable } from './task-table.ts'
import { exchangeText } from './text-exchange.ts'

const BUFFER_OFFSET = DATA_IN.at('bufferOffset').byte
const DATA_SN = DATA_IN.at('dataSn').byte
const OPCODE_MASK = 0x3f
const ITT_IN_HEADER = DATA_IN.at('initiatorTaskTag').byte
const EMPTY = Buffer.alloc(0)
const MAX_UNREAD_NOPS = 1024

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

export class InitiatorSession implements SessionIdentity {
  readonly initiatorName: string
  readonly targetName: string | undefined
  readonly isid: Buffer
  readonly tsih: number
  readonly cid: number
  readonly parameters: OperationalParameters
  /** Resolves when the connection has ended: with the error that ended it, or undefined after `logout` and `destroy`. */
  readonly closed: Promise<Error | undefined>

  /** How long a new connection has to wait when this one has ended (RFC 7143 7.5): as negotiated, or as the target said. */
  time2WaitMs: number
  /** What the target says unasked. Whoever listens answers a request for logout. */
  onAsyncMessage: ((message: AsyncMessage) => void) | undefined

  readonly #stream: PduStream
  readonly #exchanges: Exchanges
  readonly #tasks: TaskTable
  readonly #sender: TaskSender
  #ended: Error | undefined
  #leaving = false
  /** NOP-Outs for the target that the network has not taken. */
  #unread = 0
  #resolveClosed!: (error: Error | undefined) => void

  constructor(identity: SessionIdentity, stream: PduStream) {
    this.initiatorName = identity.initiatorName
    this.targetName = identity.targetName
    this.isid = identity.isid
    this.tsih = identity.tsih
    this.cid = identity.cid
    this.parameters = identity.parameters
    this.time2WaitMs = 1000 * identity.parameters.defaultTime2Wait
    this.#stream = stream
    this.#tasks = new TaskTable((tag) => this.#exchanges.has(tag))
    this.#exchanges = new Exchanges(() => this.#tasks.takeTag())
    this.#sender = new TaskSender(stream, identity.parameters)
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    const { headerDigest, dataDigest } = identity.parameters
    const events: StreamEvents = {
      pdu: (pdu) => this.#receive(pdu),
      place: (header, at, length) => this.#place(header, at, length),
      ended: (error) => this.#end(error),
    }
    stream.enterFullFeature(events, { header: headerDigest === 'CRC32C', data: dataDigest === 'CRC32C' })
  }

  /** The IP address of this side; nothing when the connection is over. */
  get localAddress(): string | undefined {
    return this.#stream.localAddress
  }

  /**
   * Sends a command, or queues it while the target's window is closed.
   * @throws RangeError for a CDB, a LUN or an amount of data that cannot be sent
   */
  submit(command: ScsiCommand): ScsiTask {
    const task = new ScsiTask(command)
    if (this.#ended) task.fail(this.#ended)
    else if (command.immediate) this.#start(task, this.#stream.cmdSn)
    else if (this.#tasks.anyWaits || this.#windowClosed) this.#tasks.wait(task)
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
  async manage(functionCode: number, { lun = 0, task, reason }: ManageOptions = {}): Promise<number> {
    if (task && functionCode === FUNCTION.ABORT_TASK && this.#tasks.withdraw(task, reason))
      return TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_COMPLETE
    const at = task?.command.lun ?? lun
    const affected = this.#tasks.affected(functionCode, at, task)
    const response = await askManagement(this.#stream, this.#exchanges, functionCode, at, task)
    if (response === TASK_MANAGEMENT_RESPONSE_CODE.FUNCTION_COMPLETE)
      for (const ended of affected) this.forget(ended, reason)
    return response
  }

  /** The target does not know the task any more: should it answer all the same, that is passed over. */
  forget(task: ScsiTask, reason?: Error): void {
    if (this.#tasks.remove(task)) task.abort(reason)
  }

  /** ABORT TASK; the response. The other functions by name: task-management.ts. */
  abortTask(task: ScsiTask): Promise<number> {
    return this.manage(FUNCTION.ABORT_TASK, { task })
  }

  /** NOP-Out with an answer wanted (RFC 7143 11.18): what came back, which is what was sent if the target is well. */
  nop(data: Buffer = EMPTY): Promise<Buffer> {
    return askNop(this.#stream, this.#exchanges, data)
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
    const { response, time2WaitMs } = await askLogout(this.#stream, this.#exchanges, this.cid)
    this.time2WaitMs = time2WaitMs
    this.#stream.destroy()
    if (response !== LOGOUT_RESPONSE_CODE.CLOSED_SUCCESSFULLY)
      throw new ProtocolError(`the target answered a logout with response ${response}`)
  }

  /** Drops the connection without a word, as a host that loses power does; `error`: why. */
  destroy(error?: Error): void {
    this.#leaving = true
    this.#stream.destroy(error)
  }

  /** PDUs that have come: while it grows, the target is well. */
  get received(): number {
    return this.#stream.received
  }

  get #windowClosed(): boolean {
    return lessThan(this.#stream.maxCmdSn, this.#stream.cmdSn)
  }

  #startNext(task: ScsiTask): void {
    if (task.command.mayLeave && !task.command.mayLeave()) return task.fail(new NotSentError('a command'))
    const { cmdSn } = this.#stream
    this.#stream.cmdSn = next(cmdSn)
    this.#start(task, cmdSn)
  }

  #start(task: ScsiTask, cmdSn: number): void {
    task.cmdSn = cmdSn
    this.#tasks.add(task)
    this.#sender.command(task, cmdSn)
  }

  /** The data of other PDUs, sense data above all, are none of the command's. */
  #place(header: Buffer, at: number, length: number): Buffer | undefined {
    if ((header[at]! & OPCODE_MASK) !== TARGET_OPCODE.DATA_IN) return undefined
    const task = this.#tasks.get(header.readUInt32BE(at + ITT_IN_HEADER))
    return task?.place(header.readUInt32BE(at + BUFFER_OFFSET), length)
  }

  #receive(pdu: ReceivedPdu): void {
    dispatch(this.#handlers, pdu)
    while (this.#tasks.anyWaits && !this.#windowClosed && !this.#ended) this.#startNext(this.#tasks.shift() as ScsiTask)
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

  #dataIn(pdu: ReceivedPdu): void {
    const { header, at, data, dataOffset, dataLength, placed } = pdu
    const task = this.#tasks.get(pdu.initiatorTaskTag)
    if (!task) return // it was aborted while these were on their way
    const dataSn = header.readUInt32BE(at + DATA_SN)
    task.takeData(dataSn, header.readUInt32BE(at + BUFFER_OFFSET), data, dataOffset, dataLength, placed)
    const ending = endingOfDataIn(pdu)
    if (ending) this.#tasks.finish(task, ending, EMPTY)
  }

  #response(pdu: ReceivedPdu): void {
    const task = this.#tasks.get(pdu.initiatorTaskTag)
    const { data, dataOffset, dataLength } = pdu
    if (task) this.#tasks.finish(task, endingOfResponse(pdu), data.subarray(dataOffset, dataOffset + dataLength))
  }

  #r2t({ header, at, initiatorTaskTag }: ReceivedPdu): void {
    const task = this.#tasks.get(initiatorTaskTag)
    if (!task) return
    if (task.command.mayLeave && !task.command.mayLeave()) return task.onWithheld()
    const { targetTransferTag, r2tSn, bufferOffset, desiredDataTransferLength } = R2T.decode(header, at)
    const data = task.takeR2T(r2tSn, bufferOffset, desiredDataTransferLength)
    this.#sender.data(task, targetTransferTag, bufferOffset, data)
  }

  /** A ping of the target is answered at once (RFC 7143 11.19). */
  #nopIn(pdu: ReceivedPdu): void {
    if (pdu.initiatorTaskTag !== RESERVED_TAG) return this.#exchanges.answer(pdu)
    const { targetTransferTag, lun } = NOP_IN.decode(pdu.header, pdu.at)
    if (targetTransferTag === RESERVED_TAG) return // news of the window alone
    this.#sendNop({ immediate: true, initiatorTaskTag: RESERVED_TAG, targetTransferTag, lun })
  }

  /** A target that asks for a logout gets one (RFC 7143 11.9.1), unless somebody listens who sees to that. */
  #asyncMessage(pdu: ReceivedPdu): void {
    const message = readAsyncMessage(pdu)
    const { event, parameters } = message
    if (event === ASYNC_EVENT.CONNECTION_DROPPED || event === ASYNC_EVENT.ALL_CONNECTIONS_DROPPED)
      this.time2WaitMs = 1000 * parameters[1]
    if (this.onAsyncMessage) this.onAsyncMessage(message)
    else if (event === ASYNC_EVENT.LOGOUT_REQUESTED && !this.#leaving) this.logout().catch(() => {}) // `closed` tells
  }

  #reject(pdu: ReceivedPdu): void {
    const { reason } = REJECT.decode(pdu.header, pdu.at)
    const rejected = rejectedHeader(pdu)
    // A command whose data are rejected gets a status of its own.
    if (!rejected || (rejected[0]! & OPCODE_MASK) === INITIATOR_OPCODE.DATA_OUT) return
    const cmdSn = numberToFill(rejected, pdu)
    if (cmdSn !== undefined) this.#fill(cmdSn)
    const initiatorTaskTag = rejected.readUInt32BE(ITT_IN_HEADER)
    const error = new RejectedError(reason)
    const task = this.#tasks.get(initiatorTaskTag)
    if (task) {
      this.#tasks.remove(task)
      task.fail(error)
    } else this.#exchanges.fail(initiatorTaskTag, error)
  }

  /** A NOP-Out takes a number that nothing else will; its answer is of no interest. */
  #fill(cmdSn: number): void {
    const initiatorTaskTag = this.#tasks.takeTag()
    this.#sendNop({ initiatorTaskTag, targetTransferTag: RESERVED_TAG, cmdSn })
  }

  /** For what the target asks: one that asks and does not read may not make this side remember without end. */
  #sendNop(fields: Partial<HeaderFields<typeof INITIATOR_OPCODE.NOP_OUT>>): void {
    if (++this.#unread > MAX_UNREAD_NOPS)
      throw new ProtocolError(`the target has not read the answers to ${MAX_UNREAD_NOPS} of its requests`)
    this.#stream.send(INITIATOR_OPCODE.NOP_OUT, fields, EMPTY, () => this.#unread--)
  }

  #end(error: Error | undefined): void {
    const lost = new ConnectionLostError(
      `the connection to the target has ended${error ? `: ${error.message}` : ''}`,
      error && { cause: error },
    )
    this.#ended = lost
    this.#tasks.failAll(lost)
    this.#exchanges.failAll(lost)
    this.#resolveClosed(this.#leaving && !error ? undefined : lost)
  }
}
