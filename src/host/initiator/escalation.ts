// What is done about commands that are not answered in time, pure: ABORT TASK first; where that has no effect LOGICAL UNIT RESET;
// where that has none the connection is given up, and recovery begins (as open-iscsi and ESXi do it). A command that must be over by
// a certain time has none for a reset: its connection is given up at once.

import { TASK_MANAGEMENT_RESPONSE_CODE } from '../../../protocol/iscsi/task-management-response.ts'

const { FUNCTION_COMPLETE, TASK_DOES_NOT_EXIST } = TASK_MANAGEMENT_RESPONSE_CODE

/** `response` is undefined when a function was not answered in time either. */
export type EscalationEvent<Command> =
  | {
      readonly kind: 'expired'
      readonly command: Command
      readonly lun: number
      /** It must not be carried out much later. */
      readonly isUrgent?: boolean
    }
  | { readonly kind: 'abort answered'; readonly command: Command; readonly response: number | undefined }
  | { readonly kind: 'reset answered'; readonly lun: number; readonly response: number | undefined }
  /** Its answer has come all the same, or it ended in another way. */
  | { readonly kind: 'ended'; readonly command: Command }

export type EscalationEffect<Command> =
  | { readonly kind: 'abort'; readonly command: Command }
  | { readonly kind: 'reset'; readonly lun: number }
  /** The target does not know the command: no answer to it can come any more. */
  | { readonly kind: 'forget'; readonly command: Command }
  | { readonly kind: 'drop'; readonly reason: string }

export class Escalation<Command> {
  /** Commands whose ABORT TASK is under way. */
  readonly #aborting = new Map<Command, { readonly lun: number; readonly isUrgent: boolean }>()
  /** LUNs that are being reset, and the commands that were late meanwhile. */
  readonly #resetting = new Map<number, Set<Command>>()

  step(event: EscalationEvent<Command>): EscalationEffect<Command>[] {
    switch (event.kind) {
      case 'expired':
        return this.#expired(event.command, event.lun, event.isUrgent ?? false)
      case 'abort answered':
        return this.#abortAnswered(event.command, event.response)
      case 'reset answered':
        return this.#resetAnswered(event.lun, event.response)
      case 'ended':
        this.#aborting.delete(event.command)
        for (const late of this.#resetting.values()) late.delete(event.command)
        return []
    }
  }

  /** The connection has ended, and all of this with it. */
  clear(): void {
    this.#aborting.clear()
    this.#resetting.clear()
  }

  /** A reset that is under way ends the command as well, if the command left before it. */
  #expired(command: Command, lun: number, isUrgent: boolean): EscalationEffect<Command>[] {
    if (this.#aborting.has(command)) return []
    const late = this.#resetting.get(lun)
    if (late && !isUrgent) {
      late.add(command)
      return []
    }
    this.#aborting.set(command, { lun, isUrgent })
    return [{ kind: 'abort', command }]
  }

  #resetAnswered(lun: number, response: number | undefined): EscalationEffect<Command>[] {
    const late = this.#resetting.get(lun) ?? []
    this.#resetting.delete(lun)
    if (response !== FUNCTION_COMPLETE) return [{ kind: 'drop', reason: resetFailed(response) }]
    return [...late].flatMap((command) => this.#expired(command, lun, false))
  }

  #abortAnswered(command: Command, response: number | undefined): EscalationEffect<Command>[] {
    const aborting = this.#aborting.get(command)
    if (!aborting) return []
    const { lun, isUrgent } = aborting
    this.#aborting.delete(command)
    if (response === FUNCTION_COMPLETE) return []
    // Had the target answered the command, the answer would have come before this one.
    if (response === TASK_DOES_NOT_EXIST) return [{ kind: 'forget', command }]
    if (isUrgent) return [{ kind: 'drop', reason: NOT_ABORTED }]
    if (this.#resetting.has(lun)) return []
    this.#resetting.set(lun, new Set())
    return [{ kind: 'reset', lun }]
  }
}

const NOT_ABORTED = 'a command that must not be carried out later could not be aborted in time'

const resetFailed = (response: number | undefined): string =>
  `neither a command nor ABORT TASK was answered in time, and LOGICAL UNIT RESET ${
    response === undefined ? 'was not either' : `was refused with response ${response}`
  }`
