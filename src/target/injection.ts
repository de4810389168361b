// The one seam through which a test makes an array misbehave: before the device server carries out a command it asks what
// is to go wrong with it. The command has been judged by then; whatever it waits for here ends with its abort.

import { type Sense, SenseError } from '../../protocol/scsi/sense.ts'
import { StatusError } from './failures.ts'
import type { Task } from './task.ts'

/** A command that is about to be carried out. */
export interface SeenCommand {
  /** As its standard names it: "COMPARE AND WRITE". */
  readonly command: string
  readonly target: string
  /** The logical unit's number in the configuration. */
  readonly lun: number
  /** Zero for a command that names no blocks. */
  readonly lba: number
  readonly blocks: number
  readonly initiatorName: string
  readonly initiatorPort: string
}

export interface Injection {
  /** Milliseconds until it is carried out. */
  readonly delayMs?: number
  /** It is not carried out: a SCSI status without sense data, or CHECK CONDITION with these. */
  readonly refuse?: { readonly status: number } | { readonly sense: Sense }
  /** Milliseconds from what it does until it is answered. */
  readonly answerDelayMs?: number
  /** It is carried out, and not answered as long as its nexus lasts. */
  readonly loseAnswer?: boolean
}

/** Gives what goes wrong; undefined for nothing. Asked of every command of the array. */
export type Injector = (command: SeenCommand) => Injection | undefined

/** Carries out the command as the injector wants it. */
export function carryOut(task: Task, injector: Injector): void | Promise<void> {
  const { row, lu, target, lba, blocks, nexus } = task
  const { initiatorName, initiatorPort } = nexus
  const seen = { command: row.wire.name, target: target.iqn, lun: lu.lun, lba, blocks, initiatorName, initiatorPort }
  const injection = injector(seen)
  return injection ? misbehave(task, injection) : row.run(task)
}

async function misbehave(task: Task, injection: Injection): Promise<void> {
  const { delayMs, refuse, answerDelayMs, loseAnswer } = injection
  if (delayMs !== undefined) await pause(task, delayMs)
  task.throwIfAborted()
  if (refuse) throw 'sense' in refuse ? new SenseError(refuse.sense) : new StatusError(refuse.status)
  await task.row.run(task)
  if (loseAnswer) await pause(task, undefined)
  else if (answerDelayMs !== undefined) await pause(task, answerDelayMs)
}

/** Until the task is aborted at the latest. */
async function pause(task: Task, ms: number | undefined): Promise<void> {
  if (task.aborted) return
  let timer: NodeJS.Timeout | undefined
  await new Promise<void>((resolve) => {
    if (ms !== undefined) timer = setTimeout(resolve, ms)
    task.wake = () => resolve()
  })
  clearTimeout(timer)
  task.wake = undefined
}
