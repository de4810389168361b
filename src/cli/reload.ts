// SIGHUP to lunette serve: reads the --config file again and gives it to the running array. What is wrong with it is logged
// by file and line, and then nothing has changed.

import { type Overrides, readConfig } from '../config/load.ts'
import { RefusedConfig } from '../config/problem.ts'
import { OperatorError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { RunningArray } from '../target/array.ts'
import type { ReadyFile } from './ready-file.ts'

interface Circumstances {
  /** Absent for an array without a configuration file. */
  readonly file: string | undefined
  readonly overrides: Overrides
  readonly ready: ReadyFile
  readonly log: Logger
}

export async function reload(array: RunningArray, { file, overrides, ready, log }: Circumstances): Promise<void> {
  if (file === undefined) {
    log.warn('SIGHUP: there is nothing to reload, the array was started without --config')
    return
  }
  try {
    const { config, refusal } = await readConfig(file, overrides)
    const changes = await array.reconfigure(config).catch((error: unknown) => {
      throw error instanceof RefusedConfig ? refusal(error.problems) : error
    })
    for (const change of changes) log.info(change)
    log.info(`${file}: reloaded, ${counted(changes.length)}`)
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error
    for (const line of error.message.split('\n')) log.error(line)
    log.error(`${file}: not reloaded, nothing has changed`)
    return
  }
  const told = ready.write({ pid: process.pid, portals: array.portals, targets: array.targets })
  await told.catch((error: Error) => log.error(error.message))
}

const counted = (changes: number): string =>
  changes === 0 ? 'nothing is different' : changes === 1 ? '1 change' : `${changes} changes`
