// One connection of the fuzzer: sends bytes as they are, keeps what was sent for the report, decodes what comes back. What
// comes back must be PDUs of a target: anything else is a fault of the array.

import { connect, type Socket } from 'node:net'
import {
  BHS_LENGTH,
  DIGEST_LENGTH,
  type Digests,
  decodePdu,
  type Pdu,
  paddedLength,
  TARGET_OPCODE,
} from '../../protocol/iscsi/index.ts'
import type { Step } from './recording.ts'

const TARGET_OPCODES: ReadonlySet<number> = new Set(Object.values(TARGET_OPCODE))
const NAMES = new Map<number, string>(Object.entries(TARGET_OPCODE).map(([name, opcode]) => [opcode, name]))

export interface StreamOptions {
  /** Which connection of the run this is. */
  readonly index: number
  readonly port: number
  /** Takes what is done on it. */
  readonly record: Record
}

type Record = (step: Step) => void

export class FuzzStream {
  digests: Digests = { header: false, data: false }
  /** What has come and has not been taken. */
  received: Pdu[] = []
  closed = false
  /** What was wrong with what came. */
  complaint: string | undefined
  readonly #index: number
  readonly #record: Record
  readonly #socket: Socket
  #pending: Buffer = Buffer.alloc(0)
  #wake: () => void = () => {}

  constructor(socket: Socket, { index, record }: StreamOptions) {
    this.#socket = socket
    this.#index = index
    this.#record = record
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
  }

  static open(options: StreamOptions): Promise<FuzzStream> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: options.port, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new FuzzStream(socket, options))
      })
    })
  }

  send(bytes: Buffer): void {
    this.#record({ on: this.#index, send: bytes })
    this.#socket.write(bytes)
  }

  /** Until something comes, the connection ends, or the time is up. */
  async change(timeoutMs: number): Promise<void> {
    if (this.closed || this.received.length > 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** The next PDU; undefined when none comes in time. */
  async take(timeoutMs: number): Promise<Pdu | undefined> {
    await this.change(timeoutMs)
    return this.received.shift()
  }

  /** Whoever does this again has to wait for such a PDU here. */
  waitedFor({ header }: Pdu): void {
    this.#record({ on: this.#index, await: NAMES.get(header.opcode)! })
  }

  /** From here on nothing is read. */
  deafen(): void {
    this.#socket.pause()
  }

  /** Sends what is written, then closes this half. */
  finish(): void {
    this.#record({ on: this.#index, end: 'fin' })
    this.#socket.end()
  }

  destroy(): void {
    if (!this.closed) this.#record({ on: this.#index, end: 'reset' })
    this.#socket.resetAndDestroy()
  }

  #receive(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    try {
      while (this.#pending.length >= BHS_LENGTH && this.#pending.length >= this.#length()) {
        const pdu = decodePdu(this.#pending, this.digests)
        if (!TARGET_OPCODES.has(pdu.header.opcode)) throw new Error(`opcode ${pdu.header.opcode}`)
        this.#pending = this.#pending.subarray(pdu.length)
        this.received.push(pdu)
      }
    } catch (error) {
      const start = this.#pending.subarray(0, BHS_LENGTH).toString('hex')
      this.complaint ??= `the array sent what is no PDU of a target: ${(error as Error).message} in ${start}`
      this.destroy()
    }
    if (this.received.length > 0) this.#wake()
  }

  #length(): number {
    const head = BHS_LENGTH + 4 * this.#pending[4]! + (this.digests.header ? DIGEST_LENGTH : 0)
    const data = this.#pending.readUIntBE(5, 3)
    return head + paddedLength(data) + (this.digests.data && data > 0 ? DIGEST_LENGTH : 0)
  }
}
