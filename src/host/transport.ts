// The initiator's socket: the only file of the host that knows node:net. What is written within one turn of the event loop
// leaves in one system call.

import { connect, type Socket } from 'node:net'
import type { Clock } from './clock.ts'
import { UnreachableError } from './initiator/errors.ts'

/** What a transport needs of the connection that uses it. */
export interface TransportEvents {
  receive(chunk: Buffer): void
  /** Once, when nothing more can come. `error` where the network gave a reason. */
  closed(error: Error | undefined): void
}

export interface TransportOptions {
  readonly host: string
  readonly port: number
  /** How long a connection may take to be made. */
  readonly timeoutMs: number
  readonly clock: Clock
  /** Destroys the socket. */
  readonly signal: AbortSignal | undefined
}

const MAPPED_IPV4 = /^::ffff:(?=\d+\.)/i

export class Transport {
  readonly #socket: Socket
  #corked = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Of this side; nothing when the connection is over. */
  get localAddress(): string | undefined {
    return this.#socket.localAddress?.replace(MAPPED_IPV4, '')
  }

  /** From here on bytes are handed over. */
  start(events: TransportEvents): void {
    let failure: Error | undefined
    this.#socket
      .on('data', (chunk) => events.receive(chunk))
      .on('error', (error) => {
        failure = error
      })
      .on('close', () => events.closed(failure))
  }

  /** The bytes are not copied: they may not change until they have left, which `left` tells. */
  write(bytes: Uint8Array, left?: () => void): void {
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      setImmediate(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(bytes, left)
  }

  /** Closes the connection at once; `closed` follows. */
  destroy(): void {
    this.#socket.destroy()
  }
}

/** Connects to a portal. Rejects with an UnreachableError when that fails or takes too long. */
export function openTransport({ host, port, timeoutMs, clock, signal }: TransportOptions): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true })
    // Not the socket's own option: Node 20 leaves a listener on the signal for every connection that fails.
    const abandon = (): void => void socket.destroy(new Error('given up'))
    signal?.addEventListener('abort', abandon)
    socket.once('close', () => signal?.removeEventListener('abort', abandon))
    if (signal?.aborted) abandon()
    const fail = (reason: string, cause?: Error): void => {
      socket.destroy()
      reject(new UnreachableError(host, port, reason, cause && { cause }))
    }
    const cancelTimer = clock.after(timeoutMs, () => fail(`no connection within ${timeoutMs} ms`))
    socket.once('error', (error) => {
      cancelTimer()
      fail(error.message, error)
    })
    socket.once('connect', () => {
      cancelTimer()
      socket.removeAllListeners('error')
      resolve(new Transport(socket))
    })
  })
}
