// Opens the logical unit that a command line names, lets the command work with it, and logs out whatever happens.

import { formatPortal } from '../config/portal.ts'
import type { LogicalUnit } from '../host/logical-unit.ts'
import { observe } from '../host/observer.ts'
import type { Terminal } from './command.ts'
import { explainFailure } from './host-failure.ts'
import { connectOptions, type HostArgs, requireUrl } from './host-options.ts'

/** `name` stands for the logical unit in what is printed: its URL without credentials. */
export async function withUnit<T>(
  args: HostArgs & { readonly url: string },
  terminal: Terminal,
  work: (unit: LogicalUnit, name: string) => Promise<T>,
): Promise<T> {
  const { auth: ofUrl, ...where } = requireUrl(args.url)
  const options = await connectOptions(args, terminal, ofUrl?.chap)
  const portal = formatPortal(where)
  try {
    const unit = await observe({ ...where, ...options })
    try {
      return await work(unit, `iscsi://${portal}/${where.targetName}/${where.lun}`)
    } finally {
      await unit.close().catch(() => {}) // what matters has been said
    }
  } catch (error) {
    throw explainFailure(error, { portal, targetName: where.targetName, authenticated: options.auth !== undefined })
  }
}
