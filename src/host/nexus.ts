// What a logical unit needs of the way to its target: one I_T nexus, whatever connection carries it at the moment.

import type { Clock } from './clock.ts'
import type { CommandResult, ScsiCommand } from './initiator/command.ts'

export interface NexusCommand extends ScsiCommand {
  /** What messages call it. */
  readonly name: string
  /** Whether it may be sent again when nobody knows whether it was carried out. */
  readonly repeatable: boolean
  /** Its timeout is longer than that of a read. */
  readonly slow?: boolean
  /** In place of the session's timeout. */
  readonly timeoutMs?: number
  /** For the answer to its ABORT TASK; then the connection is dropped, and no logical unit reset before. */
  readonly abortMs?: number
}

export interface Nexus {
  /** What messages call the target. */
  readonly name: string
  readonly clock: Clock
  /** Another value than before: what a nexus loses with its session or by a reset, a RESERVE above all, is gone. */
  readonly generation: number
  /** The IP address of this side, where there is one at the moment. */
  readonly localAddress?: string | undefined
  /**
   * Carries out a command, whatever becomes of the connection. Every status is a result.
   * @throws IscsiError when there is none
   */
  execute(command: NexusCommand): Promise<CommandResult>
  /** A task management function; TASK_MANAGEMENT_RESPONSE_CODE names what comes back. */
  manage(functionCode: number, options: { readonly lun?: number }): Promise<number>
  /** Logs out. */
  close(): Promise<void>
}
