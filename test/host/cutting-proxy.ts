// Between an initiator and a target: passes bytes on, and cuts the first connection after as many as a test says.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export interface Cut {
  readonly direction: 'to the target' | 'to the initiator'
  readonly afterBytes: number
}

export class CuttingProxy {
  /** Bytes that the first connection has carried, each way. */
  readonly carried = { 'to the target': 0, 'to the initiator': 0 }
  connections = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #targetPort: number
  readonly #cut: Cut | undefined

  private constructor(targetPort: number, cut: Cut | undefined) {
    this.#targetPort = targetPort
    this.#cut = cut
    this.#server = createServer({ noDelay: true }, (socket) => this.#join(socket))
  }

  static async listen(targetPort: number, cut?: Cut): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort, cut)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(initiator: Socket): void {
    const first = this.connections++ === 0
    const target = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true })
    for (const socket of [initiator, target]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        initiator.destroy()
        target.destroy()
      })
    }
    this.#pass(initiator, target, 'to the target', first)
    this.#pass(target, initiator, 'to the initiator', first)
  }

  #pass(from: Socket, to: Socket, direction: Cut['direction'], first: boolean): void {
    from.on('data', (chunk) => {
      const limit = first && this.#cut?.direction === direction ? this.#cut.afterBytes : Number.POSITIVE_INFINITY
      const room = limit - (first ? this.carried[direction] : 0)
      if (first) this.carried[direction] += chunk.length
      if (room >= chunk.length) to.write(chunk)
      // What has passed arrives, then the connection ends: end() waits for the bytes before it.
      else to.end(chunk.subarray(0, Math.max(0, room)), () => from.destroy())
    })
  }
}
