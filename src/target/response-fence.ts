// The response fence (RFC 7143 4.2.2.3): over several connections responses may overtake each other, and some must not. A
// response with a fence waits until every status before it is acknowledged, and those behind it until it is acknowledged
// itself. For sessions whose TaskReporting is ResponseFence or FastAbort; on a single connection the stream keeps the order.

import { lessThan } from '../../protocol/iscsi/serial.ts'

/** What a fence needs of a connection. */
export interface FencedConnection {
  /** The status sequence number that comes next. */
  readonly statSn: number
  /** Asks the initiator to answer, which tells what it has received. */
  ping(): void
}

interface Response {
  readonly connection: FencedConnection
  readonly fenced: boolean
  readonly say: () => void
  /** All before it has been sent, and is asked for. */
  announced: boolean
}

export class ResponseFence {
  readonly #connections: () => readonly FencedConnection[]
  /** ExpStatSN, as it was heard last. */
  readonly #expStatSn = new Map<FencedConnection, number>()
  /** What ExpStatSN must reach before the next response leaves. */
  readonly #awaited = new Map<FencedConnection, number>()
  #waiting: Response[] = []

  /** `connections`: those that the session has now. */
  constructor(connections: () => readonly FencedConnection[]) {
    this.#connections = connections
  }

  /** Responses that wait. */
  get length(): number {
    return this.#waiting.length
  }

  /** `say` is called when the response may leave through the connection: now, or later. */
  respond(connection: FencedConnection, fenced: boolean, say: () => void): void {
    this.#waiting.push({ connection, fenced, say, announced: false })
    this.#goOn()
  }

  /** Every PDU of the initiator tells what it has received. */
  acknowledge(connection: FencedConnection, expStatSn: number): void {
    const heard = this.#expStatSn.get(connection)
    if (heard !== undefined && !lessThan(heard, expStatSn)) return
    this.#expStatSn.set(connection, expStatSn)
    const awaited = this.#awaited.get(connection)
    if (awaited === undefined || lessThan(expStatSn, awaited)) return
    this.#awaited.delete(connection)
    this.#goOn()
  }

  /** The connection has been logged out: nobody acknowledges anything there. */
  forget(connection: FencedConnection): void {
    this.#expStatSn.delete(connection)
    this.#awaited.delete(connection)
    this.#goOn()
  }

  #goOn(): void {
    for (let next = this.#waiting[0]; next && this.#awaited.size === 0; next = this.#waiting[0]) {
      if (next.fenced && !next.announced) {
        next.announced = true
        this.#await(this.#connections())
        continue
      }
      this.#waiting.shift()
      next.say()
      if (next.fenced) this.#await([next.connection])
    }
  }

  #await(connections: readonly FencedConnection[]): void {
    const present = this.#connections()
    if (present.length < 2) return
    for (const connection of connections) {
      if (!present.includes(connection)) continue // it is lost: nobody acknowledges anything there
      const heard = this.#expStatSn.get(connection)
      if (heard !== undefined && !lessThan(heard, connection.statSn)) continue
      this.#awaited.set(connection, connection.statSn)
      connection.ping()
    }
  }
}
