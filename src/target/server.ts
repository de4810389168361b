// The array's network portals: one listening socket each. The only file of the target that knows node:net; a connection
// sees a socket through ConnectionSocket.

import { createServer, type Server, Socket, type SocketConstructorOpts } from 'node:net'
import { formatPortal } from '../config/portal.ts'
import { OperatorError } from '../errors.ts'
import type { Sink } from './output.ts'

/** What a connection needs of its socket. */
export interface ConnectionSocket extends Sink {
  /** "127.0.0.1:45678" */
  readonly remote: string
  /** Of either end, IPv4 as such also on a socket that takes both. */
  readonly localAddress: string
  readonly remoteAddress: string
  readonly localPort: number
  pause(): void
  resume(): void
  /** Sends what is written, then closes. */
  end(): void
  destroy(): void
}

/** What a socket needs of its connection. */
export interface ConnectionEvents {
  /** The chunk is the socket's: it holds these bytes until the call returns. */
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

type Accept = (socket: ConnectionSocket) => ConnectionEvents | undefined

/**
 * Connections that the system holds until they are accepted, as far as it lets a program ask for: where a flood fills them,
 * who comes next waits for seconds.
 */
const BACKLOG = 4096

/** What one read of a socket takes at most: whole PDUs, so that their data need not be assembled. */
const READ_BYTES = 1024 * 1024

interface ListenOptions {
  readonly host: string
  readonly port: number
  /** Leaves the IPv4 addresses of this port to another portal. */
  readonly ipv6Only: boolean
}

/** Listens on a portal. Throws an OperatorError when it cannot. */
export async function listen(
  { host, port, ipv6Only }: ListenOptions,
  accept: Accept,
  report: (error: Error) => void,
): Promise<Portal> {
  // One for all sockets: a read and what is done with its bytes are one turn of the event loop.
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  const server = createServer({ noDelay: true, keepAlive: true, pauseOnConnect: true }, (socket) =>
    serve(socket, buffer, accept),
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = REASONS[error.code ?? ''] ?? error.message
      reject(new OperatorError(`cannot listen on ${formatPortal({ host, port })}: ${reason}`, { cause: error }))
    })
    server.listen({ host, port, ipv6Only, backlog: BACKLOG }, resolve)
  })
  server.removeAllListeners('error').on('error', report) // of accepting: the next connection may do better
  return { address: addressOf(server), stop: () => new Promise((resolve) => server.close(() => resolve())) }
}

function serve(accepted: Socket, buffer: Buffer, accept: Accept): void {
  let connection: ConnectionEvents | undefined
  let failure = ''
  const socket = readingInto(accepted, buffer, (chunk) => connection?.receive(chunk))
  socket.on('error', (error) => {
    failure = error.message
  })
  connection = accept(wrap(socket))
  if (!connection) {
    socket.destroy()
    return
  }
  socket.on('close', () => connection?.closed(failure || 'closed by the initiator'))
  socket.resume()
}

/**
 * Node allocates 64 KiB for every read of an accepted socket, which costs more than all else that a write does, and reads
 * into a given buffer (`onread`) only on sockets made with one: the connection moves to such a socket. The handle is Node's
 * own business; where it is not to be had, Node's way remains.
 */
function readingInto(accepted: Socket, buffer: Buffer, receive: (chunk: Buffer) => void): Socket {
  const inside = accepted as unknown as { _handle?: object | null }
  const handle = inside._handle
  if (!handle) return accepted.on('data', receive)
  inside._handle = null
  accepted.destroy()
  const callback = (length: number): boolean => {
    receive(buffer.subarray(0, length))
    return true
  }
  return new Socket({ handle, onread: { buffer, callback }, manualStart: true } as SocketConstructorOpts)
}

function wrap(socket: Socket): ConnectionSocket {
  return {
    remote: formatPortal({ host: socket.remoteAddress ?? '?', port: socket.remotePort ?? 0 }),
    localAddress: plainAddress(socket.localAddress),
    remoteAddress: plainAddress(socket.remoteAddress),
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

/** Without what means nothing to the other end: the mapping of RFC 4291 2.5.5.2, the zone of RFC 4007 11. */
const plainAddress = (address = ''): string => address.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '')

function addressOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address and a port')
  return formatPortal({ host: address.address, port: address.port })
}
