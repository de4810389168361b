// Opens a logical unit of any target by its URL: logs in, and hands out its commands.

import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { type ConnectOptions, connect } from './initiator/connect.ts'
import { LogicalUnit } from './logical-unit.ts'
import { parseIscsiUrl } from './url.ts'

export interface LogicalUnitOptions extends ConnectOptions {
  readonly targetName: string
  readonly lun: number
  readonly clock?: Clock
}

/** What a URL does not say. `auth` here has precedence over the URL's. */
export type BesideUrl = Omit<Partial<LogicalUnitOptions>, 'host' | 'port' | 'targetName' | 'lun'>

/**
 * Logs in to the target and hands out one of its logical units; whether there is one, the first command tells.
 * @param where libiscsi's URL, `iscsi://[user%secret@]host[:port]/iqn/lun`, or the same as options
 * @throws OperatorError for a text that is no such URL, and what `connect` throws
 */
export async function openLogicalUnit(where: string | LogicalUnitOptions, more: BesideUrl = {}): Promise<LogicalUnit> {
  const {
    lun,
    clock = systemClock,
    ...options
  } = { ...(typeof where === 'string' ? parseIscsiUrl(where) : where), ...more }
  const session = await connect(options)
  return new LogicalUnit(
    {
      name: options.targetName,
      clock,
      execute: (command) => session.execute(command),
      manage: (functionCode, { lun }) => session.manage(functionCode, { lun }),
      close: () => session.logout(),
    },
    lun,
  )
}
