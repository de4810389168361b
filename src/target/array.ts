// A storage array: its targets and their logical units behind its portals. The library's front door.

import type { Changes } from '../config/changes.ts'
import { parseConfig } from '../config/parse.ts'
import { parsePortal } from '../config/portal.ts'
import type { ArrayInput } from '../config/schema.ts'
import { OperatorError } from '../errors.ts'
import { type Logger, silentLogger } from '../log.ts'
import { ArrayHost } from './array-host.ts'
import { Inventory } from './inventory.ts'
import { Reconfiguration } from './reconfigure.ts'
import { listen, type Portal } from './server.ts'

export interface RunningArray {
  /** "127.0.0.1:3260", in the order of the configuration, with the real ports. */
  readonly portals: readonly string[]
  /** iSCSI names, in the order of the configuration. */
  readonly targets: readonly string[]
  /**
   * Takes over another whole configuration while sessions go on: targets and LUNs are added and removed, LUNs grown, and
   * what they offer is switched; initiators are told by unit attention conditions (3Fh/0Eh, 2Ah/09h, 3Fh/03h, 2Ah/01h). Either
   * all of it or nothing. A LUN is known by its target and number; its names, its image and the shape of its medium stay as
   * they are, and so do the portals: a configuration that changes these is refused. Calls are carried out one after
   * the other. Resolves once LUNs that were removed have let go of their images.
   * @throws RefusedConfig what cannot be changed on a running array, or cannot be opened
   * @throws OperatorError for a configuration that is wrong, or an array that is closing
   */
  reconfigure(input: ArrayInput): Promise<Changes>
  /** Lets commands under way end, closes every session, flushes and releases the images. */
  close(): Promise<void>
}

export interface ArrayOptions {
  /** Silent without one. */
  readonly log?: Logger
}

/**
 * Starts an array that lives in this process until it is closed.
 * @throws OperatorError for a configuration that is wrong, a portal in use, a data directory in use or damaged
 * @throws StoreError 'cannot open' for an image that cannot be used
 */
export async function startArray(
  input: ArrayInput,
  { log = silentLogger() }: ArrayOptions = {},
): Promise<RunningArray> {
  const config = parseConfig(input)
  const inventory = await Inventory.open(config, log)
  const host = new ArrayHost(inventory.targets, log)
  const portals: Portal[] = []
  let turn: Promise<unknown> = Promise.resolve()
  let closing: Promise<void> | undefined

  const requireOpen = (): void => {
    if (closing) throw new OperatorError('the array is closing: nothing of it can be changed any more')
  }
  const reconfigure = (next: ArrayInput): Promise<Changes> => {
    const changed = turn.then(() => {
      requireOpen()
      return new Reconfiguration(inventory, host, parseConfig(next), requireOpen).run()
    })
    turn = changed.catch(() => {})
    return changed
  }
  const stop = async (): Promise<void> => {
    const stopped = portals.map((portal) => portal.stop())
    await host.close()
    await Promise.all([...stopped, turn])
    await inventory.close()
  }
  const close = (): Promise<void> => {
    closing ??= stop()
    return closing
  }
  try {
    for (const [index, text] of config.portals.entries()) portals.push(await openPortal(text, index, host, log))
    host.open(portals.map((portal) => portal.address))
    return {
      portals: portals.map((portal) => portal.address),
      get targets() {
        return inventory.targets.map((target) => target.iqn)
      },
      reconfigure,
      close,
    }
  } catch (error) {
    await close().catch((reason: unknown) => log.error({ err: reason }, 'while giving up'))
    throw error
  }
}

function openPortal(text: string, index: number, host: ArrayHost, log: Logger): Promise<Portal> {
  const { host: address, port } = parsePortal(text) as NonNullable<ReturnType<typeof parsePortal>>
  return listen(
    address,
    port,
    (socket) => host.accept(socket, index),
    (error) => log.error({ err: error }, 'portal'),
  )
}
