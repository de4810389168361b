// What the crash suite looks at: something of the array that commands change and a restart must find again. At most one command
// of a subject is under way, so that there are two states that it may be in after a crash: before the command, and after it.

import { SENSE_KEY } from '../../protocol/index.ts'
import { type CommandResult, connect, type InitiatorSession, type ScsiCommand } from '../../src/host/index.ts'

/** How often a command was answered, and what became of those that the array died under. */
export class Tally {
  answered = 0
  done = 0
  notDone = 0

  toString(): string {
    return `${this.answered} commands answered; of those under way ${this.done} were done and ${this.notDone} were not`
  }
}

export interface Subject {
  readonly name: string
  readonly tally: Tally
  /** Looks at an array that has just started. Throws a Violation for a state that may not be. */
  verify(hosts: Hosts): Promise<void>
  /** Sends one command and waits for it; rejects when the connection is lost under it. Throws a Violation for a wrong answer. */
  step(hosts: Hosts): Promise<void>
}

/** The array is in a state, or gave an answer, that no standard allows. */
export class Violation extends Error {}

export type HostName = 'one' | 'two'

/** A session that takes unit attentions as they come. */
export class Host {
  readonly initiatorName: string
  readonly #session: InitiatorSession

  private constructor(initiatorName: string, session: InitiatorSession) {
    this.initiatorName = initiatorName
    this.#session = session
  }

  /** The same name has the same initiator port in every connection: its registrations are its own again. */
  static async connect(portal: string, targetName: string, name: HostName): Promise<Host> {
    const [host, port] = portal.split(':')
    const initiatorName = `iqn.2026-11.io.lunette:crash-${name}`
    const isid = Buffer.from([0x80, 0, 0, 0, 0, name === 'one' ? 1 : 2])
    return new Host(initiatorName, await connect({ host: host!, port: Number(port), targetName, initiatorName, isid }))
  }

  async execute(command: ScsiCommand): Promise<CommandResult> {
    for (;;) {
      const result = await this.#session.execute(command)
      if (result.sense?.sense.key !== SENSE_KEY.UNIT_ATTENTION) return result
    }
  }

  /** Throws a Violation for any status but GOOD. */
  async good(what: string, command: ScsiCommand): Promise<Buffer> {
    const { status, sense, data } = await this.execute(command)
    if (status === 0) return data
    throw new Violation(`${what} ends with status ${status}${sense === undefined ? '' : `: ${sense.sense.text}`}`)
  }

  destroy(): void {
    this.#session.destroy()
  }
}

export type Hosts = Readonly<Record<HostName, Host>>
