// One end of a TCP connection that speaks PDUs as a test wants them: whole, wrong, or none at all. What arrives is decoded
// and waits to be taken; every wait has an end.

import type { Socket } from 'node:net'
import {
  BHS_LENGTH,
  DIGEST_LENGTH,
  type Digests,
  decodePdu,
  encodePdu,
  type HeaderFields,
  type Opcode,
  type Pdu,
  type PduBody,
  paddedLength,
} from '../../protocol/index.ts'

export interface PduOf<O extends Opcode> extends Pdu {
  readonly header: { opcode: O } & HeaderFields<O> & Pdu['header']
}

const WAIT_MS = 5000

export class PduSocket {
  digests: Digests = { header: false, data: false }
  /** What has come and has not been taken. */
  readonly received: Pdu[] = []
  readonly socket: Socket
  readonly closed: Promise<void>
  isClosed = false
  /** Every byte that has come, where a test wants to count them. */
  bytesReceived = 0

  #pending: Buffer = Buffer.alloc(0)
  #wake: (() => void)[] = []

  constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isClosed = true
        resolve()
        this.#notify()
      })
    })
    socket.on('error', () => {})
    socket.on('data', (chunk) => this.#receive(chunk))
  }

  send<O extends Opcode>(opcode: O, fields: Partial<HeaderFields<O>>, body: PduBody = {}): void {
    this.sendBytes(encodePdu(opcode, fields, { digests: this.digests, ...body }))
  }

  sendBytes(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** The next PDU, which must have this opcode. */
  async take<O extends Opcode>(opcode: O, timeoutMs = WAIT_MS): Promise<PduOf<O>> {
    const pdu = await this.takeAny(timeoutMs)
    if (pdu.header.opcode !== opcode)
      throw new Error(`expected PDU ${opcode.toString(16)}h, got ${JSON.stringify(pdu.header)}`)
    return pdu as PduOf<O>
  }

  async takeAny(timeoutMs = WAIT_MS): Promise<Pdu> {
    const deadline = Date.now() + timeoutMs
    while (this.received.length === 0) {
      if (this.isClosed) throw new Error('the connection was closed')
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`no PDU within ${timeoutMs} ms`)
      await this.#change(left)
    }
    return this.received.shift() as Pdu
  }

  /** Nothing comes for a while, and the connection stays up. */
  async expectSilence(ms = 60): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms))
    const [first] = this.received
    if (first) throw new Error(`expected silence, got ${JSON.stringify(first.header)}`)
    if (this.isClosed) throw new Error('expected silence, but the connection was closed')
  }

  /** The other side closes; what it still says stays in `received`. */
  async expectClosed(timeoutMs = WAIT_MS): Promise<void> {
    const deadline = Date.now() + timeoutMs
    while (!this.isClosed) {
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`the connection was not closed within ${timeoutMs} ms`)
      await this.#change(left)
    }
  }

  destroy(): void {
    this.socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.bytesReceived += chunk.length
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    while (this.#pending.length >= BHS_LENGTH && this.#pending.length >= this.#length()) {
      const pdu = decodePdu(this.#pending, this.digests)
      this.#pending = this.#pending.subarray(pdu.length)
      this.received.push(pdu)
    }
    this.#notify()
  }

  #length(): number {
    const head = BHS_LENGTH + 4 * this.#pending[4]! + (this.digests.header ? DIGEST_LENGTH : 0)
    const data = this.#pending.readUIntBE(5, 3)
    return head + paddedLength(data) + (this.digests.data && data > 0 ? DIGEST_LENGTH : 0)
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = []
    for (const resolve of wake) resolve()
  }
}
