// The byte stream of a connection, both ways: chunks of the socket are cut into PDUs, and what is to be said leaves once a
// turn. It owns what is the stream's alone: the framer, back-pressure, the digests, StatSN.

import { Framer } from '../../protocol/iscsi/framer.ts'
import { BHS_LENGTH, INITIATOR_OPCODE } from '../../protocol/iscsi/opcodes.ts'
import { type Digests, encodePdu, type Opcode } from '../../protocol/iscsi/pdu.ts'
import { WireError } from '../../protocol/wire/error.ts'
import { type BufferPool, PoolShare } from './buffer-pool.ts'
import { LIMITS } from './limits.ts'
import { Output } from './output.ts'
import type { ResponderPort } from './responder.ts'
import type { Retention } from './retention.ts'
import type { ConnectionSocket } from './server.ts'

const OPCODE_MASK = 0x3f

/** What the stream needs of its connection. */
export interface StreamPort {
  /** The PDU that the framer has found. */
  take(framer: Framer): void
  /** Where a straddling data segment is assembled. */
  place(header: Buffer, offset: number, length: number): Buffer | undefined
  /** The data of the PDU that the framer has found are not what was sent; false when the stream ends with that. */
  damaged(framer: Framer): boolean
  /** The stream cannot be cut into PDUs from here on. */
  malformed(error: WireError): void
  /** Something failed that nobody foresaw. */
  broken(error: unknown): void
}

export interface StreamOptions {
  readonly pool: BufferPool
  /** Bytes of buffers for what the initiator sends, and for what it has not read. */
  readonly inputBytes: number
  readonly outputBytes: number
}

/** The command numbers that every PDU to the initiator tells. */
interface Window {
  readonly expCmdSn: number
  readonly maxCmdSn: number
}

export class ConnectionStream implements ResponderPort {
  readonly socket: ConnectionSocket
  readonly input: PoolShare
  readonly output: Output
  statSn = 1
  window: Window
  digests: Digests = { header: false, data: false }
  /** Keeps what has a StatSN, from ErrorRecoveryLevel 1 on. */
  retention: Retention | undefined
  /** Whether PDUs are taken no more: the connection is closing, or closed. */
  stopped = false

  readonly #port: StreamPort
  readonly #framer: Framer
  /** Chunks that wait, because the initiator does not read its answers or a login is being concluded. */
  #backlog: Buffer[] = []
  #paused = false
  #held = false
  #flushing = false
  #discarded = false
  /** Seconds since the PDU that comes in pieces began, whatever has come of it. */
  #partialSeconds = 0

  constructor(socket: ConnectionSocket, port: StreamPort, { pool, inputBytes, outputBytes }: StreamOptions) {
    this.socket = socket
    this.#port = port
    this.window = { expCmdSn: 0, maxCmdSn: 0 }
    this.input = new PoolShare(pool, inputBytes)
    this.output = new Output(new PoolShare(pool, outputBytes), socket, () => this.#drained())
    this.#framer = new Framer({
      maxDataSegmentLength: LIMITS.loginDataSegmentLength,
      place: (header, offset, length) => port.place(header, offset, length),
    })
  }

  get expCmdSn(): number {
    return this.window.expCmdSn
  }

  get maxCmdSn(): number {
    return this.window.maxCmdSn
  }

  takeStatSn(): number {
    const statSn = this.statSn
    this.statSn = (statSn + 1) >>> 0
    return statSn
  }

  /** What the login has settled holds from the next PDU on. */
  configure(digests: Digests, maxDataSegmentLength: number): void {
    this.digests = digests
    this.#framer.headerDigest = digests.header
    this.#framer.dataDigest = digests.data
    this.#framer.maxDataSegmentLength = maxDataSegmentLength
  }

  // --- what comes

  receive(chunk: Buffer): void {
    if (this.stopped) return
    this.#backlog.push(chunk)
    this.#pump()
    // Paused or held in the middle: the bytes are the socket's again when this returns.
    this.#framer.keepRest()
    const last = this.#backlog.length - 1
    if (last >= 0) this.#backlog[last] = Buffer.from(chunk)
  }

  /** Takes nothing until `release`. */
  hold(): void {
    this.#held = true
    this.socket.pause()
  }

  release(): void {
    this.#held = false
    this.socket.resume()
    this.#pump()
  }

  /** Takes nothing any more; what has been said may still leave. */
  stop(): void {
    this.stopped = true
    this.#backlog = []
  }

  /** The socket is gone: everything is given back. */
  discard(): void {
    this.stop()
    this.#discarded = true
    this.output.discard()
    const partial = this.#framer.abandon()
    if (partial && (partial.header[0]! & OPCODE_MASK) === INITIATOR_OPCODE.SCSI_COMMAND)
      this.input.release(partial.placed)
  }

  /** A second has passed; for how many a PDU has been coming, while it is the initiator that keeps it. */
  tick(): number {
    if (this.#paused || this.#held || !this.#framer.incomplete) this.#partialSeconds = 0
    else this.#partialSeconds++
    return this.#partialSeconds
  }

  /** The pooled buffer goes back: nothing that still arrives may be assembled in it. */
  displaced(buffer: Buffer): void {
    this.#framer.displace(buffer)
  }

  /** The header of the PDU found last, or of the one that could not be taken. */
  get header(): Buffer {
    return this.#framer.header.subarray(this.#framer.headerOffset)
  }

  #pump(): void {
    while (this.#takeAll()) this.#framer.skip()
    if (!this.stopped) this.output.flush()
  }

  /** Whether it has stopped at a PDU that can be left behind. */
  #takeAll(): boolean {
    try {
      while (!this.#paused && !this.#held && !this.stopped) {
        if (!this.#framer.next()) {
          const chunk = this.#backlog.shift()
          if (!chunk) break
          this.#framer.push(chunk)
          continue
        }
        this.#partialSeconds = 0
        this.#port.take(this.#framer)
        if (this.output.crowded) this.#pause()
      }
    } catch (error) {
      if (!(error instanceof WireError)) this.#port.broken(error)
      else if (error.problem === 'data digest' && this.#port.damaged(this.#framer)) return true
      else this.#port.malformed(error)
    }
    return false
  }

  /** The initiator does not read its answers: it gets no further with its commands either. */
  #pause(): void {
    this.#paused = true
    this.socket.pause()
  }

  #drained(): void {
    const { used, limit } = this.output.share
    if (!this.#paused || this.#held || this.#discarded || used > limit / 2) return
    this.#paused = false
    this.socket.resume()
    setImmediate(() => this.#pump())
  }

  // --- what goes

  /** Sends a PDU of the slow path; the counters are filled in. `statSn`: whether it takes a StatSN. */
  send(opcode: number, fields: Record<string, unknown>, options: { data?: Buffer; statSn?: boolean } = {}): void {
    if (this.#discarded) return
    const statSn = options.statSn ? this.takeStatSn() : this.statSn
    const counted = { ...fields, statSn, expCmdSn: this.expCmdSn, maxCmdSn: this.maxCmdSn }
    const body = options.data ? { data: options.data, digests: this.digests } : { digests: this.digests }
    const pdu = encodePdu(opcode as Opcode, counted, body)
    if (options.statSn) this.retention?.keepStatus(statSn, pdu.subarray(0, BHS_LENGTH), options.data ?? NO_DATA)
    const at = this.output.reserve(pdu.length)
    pdu.copy(this.output.slab, at)
    this.output.advance(pdu.length)
  }

  /** What tasks say in this turn leaves together, after the polling phase that woke them. */
  flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      if (!this.#discarded) this.output.flush()
    })
  }

  /** Lets what has been said leave, and closes. */
  end(): void {
    this.stop()
    this.output.flush()
    this.socket.end()
    this.output.discard()
  }
}

const NO_DATA = Buffer.alloc(0)
