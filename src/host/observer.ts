// A way to a logical unit for those who only look at it: one connection, whose answers come in time or not at all. Nothing is sent
// twice, aborted or reset on account of what does not answer, since others may be at work there.

import { ISCSI_PORT } from '../../protocol/iscsi/send-targets.ts'
import { systemClock } from './clock.ts'
import type { CommandResult } from './initiator/command.ts'
import type { ConnectOptions } from './initiator/connect.ts'
import { inTime } from './initiator/in-time.ts'
import { reach } from './initiator/redirect.ts'
import type { InitiatorSession } from './initiator/session.ts'
import { LogicalUnit } from './logical-unit.ts'
import type { Nexus, NexusCommand } from './nexus.ts'

export interface ObserveOptions extends Omit<ConnectOptions, 'reinstate' | 'clock'> {
  readonly targetName: string
  readonly lun: number
  /** For the login, and for each answer. */
  readonly timeoutMs: number
}

/**
 * Logs in, and hands out a logical unit; whether there is one, the first command tells.
 * @throws what `connect` throws, and RedirectError
 */
export async function observe({ lun, ...options }: ObserveOptions): Promise<LogicalUnit> {
  const { host, port = ISCSI_PORT, targetName, timeoutMs } = options
  const { session } = await reach(options, { host, port })
  return new LogicalUnit(new Observer(session, targetName, timeoutMs), lun)
}

class Observer implements Nexus {
  readonly name: string
  readonly clock = systemClock
  readonly generation = 0
  readonly #session: InitiatorSession
  readonly #timeoutMs: number

  constructor(session: InitiatorSession, name: string, timeoutMs: number) {
    this.name = name
    this.#session = session
    this.#timeoutMs = timeoutMs
  }

  execute(command: NexusCommand): Promise<CommandResult> {
    return this.#inTime(command.name, this.#session.execute(command))
  }

  manage(functionCode: number, options: { readonly lun?: number }): Promise<number> {
    return this.#inTime('task management', this.#session.manage(functionCode, options))
  }

  async close(): Promise<void> {
    await this.#inTime('logout', this.#session.logout())
  }

  /** What does not come in time ends the connection, and so fails. */
  #inTime<T>(what: string, answer: Promise<T>): Promise<T> {
    return inTime(this.#session, answer, { clock: this.clock, timeoutMs: this.#timeoutMs, what })
  }
}
