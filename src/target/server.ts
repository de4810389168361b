// The array's network portals: one listening socket each. The only file of the target that knows node:net; a connection
// sees a socket through ConnectionSocket.

import { createServer, type Server, type Socket } from 'node:net'
import { formatPortal } from '../config/portal.ts'
import { OperatorError } from '../errors.ts'
import type { Sink } from './output.ts'

/** What a connection needs of its socket. */
export interface ConnectionSocket extends Sink {
  /** "127.0.0.1:45678" */
  readonly remote: string
  readonly localAddress: string
  readonly localPort: number
  pause(): void
  resume(): void
  /** Sends what is written, then closes. */
  end(): void
  destroy(): void
}

/** What a socket needs of its connection. */
export interface ConnectionEvents {
  receive(chunk: Buffer): void
  closed(reason: string): void
}

export interface Portal {
  /** "127.0.0.1:3260", "[::1]:3260": with the real port. */
  readonly address: string
  /** Accepts no further connections. */
  stop(): Promise<void>
}

const IN_USE = 'another program listens there; choose another port, or 0 for a free one'
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: IN_USE,
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'no permission; ports below 1024 belong to root',
  ENOTFOUND: 'the name does not resolve to an address',
}

/** Listens on a portal. Throws an OperatorError when it cannot. */
export async function listen(
  host: string,
  port: number,
  accept: (socket: ConnectionSocket) => ConnectionEvents | undefined,
): Promise<Portal> {
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => serve(socket, accept))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = REASONS[error.code ?? ''] ?? error.message
      reject(new OperatorError(`cannot listen on ${formatPortal({ host, port })}: ${reason}`, { cause: error }))
    })
    server.listen({ host, port }, resolve)
  })
  return { address: addressOf(server), stop: () => new Promise((resolve) => server.close(() => resolve())) }
}

function serve(socket: Socket, accept: (socket: ConnectionSocket) => ConnectionEvents | undefined): void {
  let failure = ''
  socket.on('error', (error) => {
    failure = error.message
  })
  const connection = accept(wrap(socket))
  if (!connection) {
    socket.destroy()
    return
  }
  socket.on('data', (chunk) => connection.receive(chunk))
  socket.on('close', () => connection.closed(failure || 'closed by the initiator'))
}

function wrap(socket: Socket): ConnectionSocket {
  return {
    remote: formatPortal({ host: socket.remoteAddress ?? '?', port: socket.remotePort ?? 0 }),
    localAddress: socket.localAddress ?? '',
    localPort: socket.localPort ?? 0,
    cork: () => socket.cork(),
    uncork: () => socket.uncork(),
    write: (bytes, written) => void socket.write(bytes, written),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}

function addressOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address and a port')
  return formatPortal({ host: address.address, port: address.port })
}
