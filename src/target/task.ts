// One SCSI command under way: what the initiator asked, how far its data has come, and how it ends. The device server
// judges it, a handler carries it out; neither sees the connection, only the Transport that moves the task's data.

import type { Gate } from '../../luns/gate.ts'
import type { Decoded, Layout } from '../../protocol/wire/layout.ts'
import type { CommandRow } from './commands/row.ts'
import type { DataOut } from './data-out.ts'
import type { LockEvent } from './lock-event.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Nexus } from './nexus.ts'
import type { SentPdus } from './sent-pdus.ts'
import type { Target } from './target.ts'

/** What the transport does for a task. A result that is no promise was there already. */
export interface Transport {
  /** Its connection has gone: tasks wait for another one (connection recovery, RFC 7143 7.1.4.3). */
  readonly isLost: boolean
  /** Sends parameter data from its start, at most what the initiator expects. */
  sendData(task: Task, data: Buffer): void
  /** Sends `length` bytes of the medium, from `offset`. */
  sendMedium(task: Task, gate: Gate, offset: number, length: number): void | Promise<void>
  /** Goes on with the medium, from byte `from` of the transfer up to `wanted`. */
  sendRest(task: Task, gate: Gate, offset: number, from: number, wanted: number): Promise<void>
  /** The next piece of the initiator's data, at `from`, at most `length` bytes: valid until the next call. */
  receivePiece(task: Task, from: number, length: number): Buffer | Promise<Buffer>
  /** All `length` bytes in one buffer, valid until the task ends. */
  receiveAll(task: Task, length: number): Buffer | Promise<Buffer>
  /** Ends the task with a status, when others that must come before it have. */
  respond(task: Task, status: number, sense: Buffer | undefined, fenced: boolean): void
  /** Ends the task with a status, now. */
  conclude(task: Task, status: number, sense: Buffer | undefined): void
  /** Ends the task without a status: its initiator is not to be told. */
  endInSilence(task: Task): void
  /** What has been said in this turn may leave. */
  flushSoon(): void
  /** Another connection has aborted tasks of the logical unit that came on this one. */
  tellTerminated(lunKey: number): void
  /** What went on after the task's end has failed in a way that nobody foresaw. */
  report(task: Task, error: unknown): void
}

/** Thrown into a handler whose task was aborted: nobody is told but the task management function that waits for it. */
export class TaskAborted extends Error {
  constructor() {
    super('the task was aborted')
    this.name = 'TaskAborted'
  }
}

export class Task<L extends Layout = Layout> {
  readonly nexus: Nexus
  /** Of the connection that the task is allegiant to (RFC 7143 4.2.2). */
  transport: Transport
  readonly initiatorTaskTag: number
  /** Bytes 0 to 3 of the LUN; the rest is zero in all LUNs that exist here. */
  readonly lunKey: number
  /** Where the CDB stands, at `cdbOffset`. */
  header: Buffer
  cdbOffset: number
  readonly attributes: number
  /** Delivered out of order: takes no place in the command window. */
  readonly immediate: boolean
  /** It has a place in the command window, from its delivery to its end. */
  hasPlace = false
  readonly target: Target
  /** Bytes that the initiator will take, and will send. */
  readonly expectedIn: number
  readonly expectedOut: number
  // set by the device server before the handler runs
  lu!: LogicalUnit
  row!: CommandRow
  lba = 0
  blocks = 0
  fua = false

  /** The length of the command's own data, whatever the initiator expects: what residuals are counted from. */
  lengthIn = 0
  lengthOut = 0
  /** Bytes of the medium or of parameter data that have been sent. */
  sentIn = 0
  /** Data-In PDUs and R2Ts sent: ExpDataSN (RFC 7143 11.4.8). */
  dataSn = 0
  /** The data that came with the command, where the socket has put it: a task that goes on leaves it behind. */
  data: Buffer = NO_DATA
  dataOffset = 0
  dataLength = 0
  dataOut: DataOut | undefined
  /** What may have to be sent again (ErrorRecoveryLevel 1 and 2). */
  sent: SentPdus | undefined
  aborted = false
  /** What the logical unit's history says of a COMPARE AND WRITE, from the moment that it has been judged. */
  lockEvent: LockEvent | undefined
  /** Another nexus aborts it, and its own is told by TASK ABORTED: TAS is one (SAM-5 5.6). */
  tellsAbort = false
  /** Resolves, never rejects, when a task that did not end at once has ended. */
  ended: Promise<void> | undefined
  /** Ends whatever the task waits for, other than the store: its data, a buffer, its turn. */
  wake: ((reason: Error) => void) | undefined
  /** Called when the task has another connection. */
  resume: (() => void) | undefined

  #cdb: Decoded<L> | undefined

  constructor(
    nexus: Nexus,
    target: Target,
    transport: Transport,
    header: Buffer,
    cdbOffset: number,
    fields: TaskFields,
  ) {
    this.nexus = nexus
    this.transport = transport
    this.header = header
    this.cdbOffset = cdbOffset
    this.initiatorTaskTag = fields.initiatorTaskTag
    this.lunKey = fields.lunKey
    this.attributes = fields.attributes
    this.immediate = fields.immediate
    this.target = target
    this.expectedIn = fields.expectedIn
    this.expectedOut = fields.expectedOut
  }

  get cdb(): Decoded<L> {
    this.#cdb ??= this.row.wire.decode(this.header, this.cdbOffset) as Decoded<L>
    return this.#cdb
  }

  get operationCode(): number {
    return this.header[this.cdbOffset]!
  }

  /** Says how much data the command takes; returns how much of it the initiator will send. */
  expectData(length: number): number {
    this.lengthOut = length
    return Math.min(length, this.expectedOut)
  }

  /** Parameter data, cut to the CDB's allocation length. */
  respondWith(data: Buffer, allocationLength = data.length): void {
    this.transport.sendData(this, data.length > allocationLength ? data.subarray(0, allocationLength) : data)
  }

  /** The turn of the event loop ends, and with it the chunk that header and data lie in. */
  leaveChunk(): void {
    this.header = Buffer.from(this.header.subarray(this.cdbOffset, this.cdbOffset + CDB_BYTES))
    this.cdbOffset = 0
    this.data = NO_DATA
    this.dataLength = 0
  }

  /** Resolves when the task is allegiant to a connection that is there. */
  async reassigned(): Promise<void> {
    this.throwIfAborted()
    if (!this.transport.isLost) return
    await new Promise<void>((resolve, reject) => {
      this.resume = resolve
      this.wake = reject
    })
    this.wake = undefined
    this.throwIfAborted()
  }

  /** For handlers, before they change anything after having waited. */
  throwIfAborted(): void {
    if (this.aborted) throw new TaskAborted()
  }

  abort(): void {
    this.aborted = true
    const wake = this.wake
    this.wake = undefined
    wake?.(new TaskAborted())
  }
}

export interface TaskFields {
  readonly initiatorTaskTag: number
  readonly lunKey: number
  readonly attributes: number
  readonly immediate: boolean
  readonly expectedIn: number
  readonly expectedOut: number
}

/** Aborts them all before the first is woken: none starts because another one leaves the task set. */
export function abortTasks(tasks: readonly Task[]): void {
  for (const task of tasks) task.aborted = true
  for (const task of tasks) task.abort()
}

const CDB_BYTES = 16
const NO_DATA = Buffer.alloc(0)
