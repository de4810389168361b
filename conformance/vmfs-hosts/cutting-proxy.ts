// Between initiators and the array: passes on what they send, until it cuts a connection.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Random } from '../crash/random.ts'

export class CuttingProxy {
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(target: number): Promise<CuttingProxy> {
    const server = createServer({ noDelay: true })
    const proxy = new CuttingProxy(server)
    server.on('connection', (socket) =>
      proxy.#pair(socket, connect({ port: target, host: '127.0.0.1', noDelay: true })),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** @returns whether there was one */
  cut(random: Random): boolean {
    const pairs = [...this.#pairs]
    if (pairs.length === 0) return false
    for (const socket of random.pick(pairs)) socket.resetAndDestroy()
    return true
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #pair(one: Socket, other: Socket): void {
    const pair = [one, other] as const
    this.#pairs.add(pair)
    one.pipe(other)
    other.pipe(one)
    for (const socket of pair) {
      socket.on('error', () => {}) // it closes
      socket.on('close', () => {
        this.#pairs.delete(pair)
        for (const each of pair) each.destroy()
      })
    }
  }
}
