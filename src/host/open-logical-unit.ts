// Opens a logical unit of any target by its URL: logs in, and hands out its commands.

import { openTarget, type TargetSessionOptions } from './initiator/target-session.ts'
import { LogicalUnit } from './logical-unit.ts'
import { parseIscsiUrl } from './url.ts'

export interface LogicalUnitOptions extends TargetSessionOptions {
  readonly lun: number
}

/** What a URL does not say. `auth` here has precedence over the URL's. */
export type BesideUrl = Omit<Partial<LogicalUnitOptions>, 'host' | 'port' | 'targetName' | 'lun'>

/**
 * Logs in to the target and hands out one of its logical units; whether there is one, the first command tells. Its session is its
 * own and survives the loss of connections: see TargetSession.
 * @param where libiscsi's URL, `iscsi://[user%secret@]host[:port]/iqn/lun`, or the same as options
 * @throws OperatorError for a text that is no such URL, and what `openTarget` throws
 */
export async function openLogicalUnit(where: string | LogicalUnitOptions, more: BesideUrl = {}): Promise<LogicalUnit> {
  const { lun, ...options } = { ...(typeof where === 'string' ? parseIscsiUrl(where) : where), ...more }
  return new LogicalUnit(await openTarget(options), lun)
}
