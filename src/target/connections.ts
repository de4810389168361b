// The connections of an array and the bounds that they are held to. Where there are too many, the oldest of those that have not
// logged in makes room: whoever opens connections and says nothing locks nobody out.

import type { ArrayLimits } from '../config/schema.ts'

/** What is needed of a connection. */
interface Droppable {
  /** Ends it at once. */
  destroy(reason: string): void
}

interface Origin {
  readonly portalIndex: number
  /** Of the initiator, without its port. */
  readonly address: string
}

type Bounds = Pick<ArrayLimits, 'connections' | 'connectionsPerAddress' | 'connectionsBeforeLogin'>

export class Connections<Connection extends Droppable> {
  readonly #all = new Map<Connection, Origin>()
  /** The oldest first. */
  readonly #beforeLogin = new Set<Connection>()
  readonly #perAddress = new Map<string, number>()

  /** How many have logged in. */
  get inSession(): number {
    return this.#all.size - this.#beforeLogin.size
  }

  all(): Connection[] {
    return [...this.#all.keys()]
  }

  /** Those that have not logged in. */
  beforeLogin(): Connection[] {
    return [...this.#beforeLogin]
  }

  /** The portal that a connection has come to. */
  portalOf(connection: Connection): number {
    return (this.#all.get(connection) as Origin).portalIndex
  }

  /** Makes room for one more from the address; why there is none, if there is none. */
  makeRoom(address: string, bounds: Bounds): string | undefined {
    const own = (connection: Connection): boolean => this.#all.get(connection)?.address === address
    const { connections, connectionsPerAddress, connectionsBeforeLogin } = bounds
    while (this.#from(address) >= connectionsPerAddress)
      if (!this.#dropOldest(own)) return `${connectionsPerAddress} connections from ${address} already`
    while (this.#all.size >= connections) if (!this.#dropOldest()) return `${connections} connections already`
    while (this.#beforeLogin.size >= connectionsBeforeLogin) this.#dropOldest()
    return undefined
  }

  add(connection: Connection, origin: Origin): void {
    this.#all.set(connection, origin)
    this.#beforeLogin.add(connection)
    this.#perAddress.set(origin.address, this.#from(origin.address) + 1)
  }

  loggedIn(connection: Connection): void {
    this.#beforeLogin.delete(connection)
  }

  delete(connection: Connection): void {
    const origin = this.#all.get(connection)
    if (!origin) return
    this.#all.delete(connection)
    this.#beforeLogin.delete(connection)
    const left = this.#from(origin.address) - 1
    if (left > 0) this.#perAddress.set(origin.address, left)
    else this.#perAddress.delete(origin.address)
  }

  #from(address: string): number {
    return this.#perAddress.get(address) ?? 0
  }

  #dropOldest(among: (connection: Connection) => boolean = () => true): boolean {
    for (const connection of this.#beforeLogin) {
      if (!among(connection)) continue
      connection.destroy('too many connections before login: this is the oldest')
      return true
    }
    return false
  }
}
