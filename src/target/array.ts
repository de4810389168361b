// A storage array: its targets and their logical units behind its portals. The library's front door.

import type { Changes } from '../config/changes.ts'
import { parseConfig } from '../config/parse.ts'
import { listenOf, type Portal as PortalAddress, parsePortal, publicOf } from '../config/portal.ts'
import type { ArrayInput, PortalConfig } from '../config/schema.ts'
import { requireSecrets } from '../config/secrets.ts'
import { OperatorError } from '../errors.ts'
import { type Logger, silentLogger } from '../log.ts'
import { ArrayHost } from './array-host.ts'
import { type ArraySeams, Inventory } from './inventory.ts'
import type { BlockHistory } from './lock-history.ts'
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
   * they are, and so do the portals, but for their public addresses: a configuration that changes these is refused. Calls are carried out one after
   * the other. Resolves once LUNs that were removed have let go of their images.
   * @throws RefusedConfig what cannot be changed on a running array, or cannot be opened
   * @throws OperatorError for a configuration that is wrong, or an array that is closing
   */
  reconfigure(input: ArrayInput): Promise<Changes>
  /**
   * Who wrote a block last, of those that COMPARE AND WRITE was about, and who lost against that.
   * @throws OperatorError where there is no such target, logical unit or block
   */
  whoWrote(where: BlockAddress): BlockHistory
  /** Lets commands under way end, closes every session, flushes and releases the images. */
  close(): Promise<void>
}

export interface BlockAddress {
  /** The first target of the configuration without one. */
  readonly target?: string | undefined
  readonly lun: number
  readonly lba: number
}

export interface ArrayOptions extends ArraySeams {
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
  { log = silentLogger(), ...seams }: ArrayOptions = {},
): Promise<RunningArray> {
  const config = await requireSecrets(parseConfig(input))
  const inventory = await Inventory.open(config, log, seams)
  const host = new ArrayHost(inventory.targets, config.limits, log, config.discoveryAuth)
  const portals: Portal[] = []
  let turn: Promise<unknown> = Promise.resolve()
  let closing: Promise<void> | undefined

  const requireOpen = (): void => {
    if (closing) throw new OperatorError('the array is closing: nothing of it can be changed any more')
  }
  const reconfigure = (next: ArrayInput): Promise<Changes> => {
    const changed = turn.then(async () => {
      requireOpen()
      const config = await requireSecrets(parseConfig(next))
      return new Reconfiguration(inventory, host, config, requireOpen).run()
    })
    turn = changed.catch(() => {})
    return changed
  }
  const stop = async (): Promise<void> => {
    await host.close()
    await Promise.all([...portals.map((portal) => portal.stop()), turn])
    await inventory.close()
  }
  const close = (): Promise<void> => {
    closing ??= stop()
    return closing
  }
  try {
    const plans = config.portals.map((portal) => planOf(portal, config.portals))
    for (const [index, plan] of plans.entries()) portals.push(await openPortal(plan, index, host, log))
    host.open(
      plans.map(({ ipv6Only, told }, index) => {
        const listens = parsePortal(portals[index]?.address ?? '') as PortalAddress
        return { listens, dual: !ipv6Only && listens.host === '::', told }
      }),
    )
    return {
      portals: portals.map((portal) => portal.address),
      get targets() {
        return inventory.targets.map((target) => target.iqn)
      },
      reconfigure,
      whoWrote: (where) => whoWrote(inventory, where),
      close,
    }
  } catch (error) {
    await close().catch((reason: unknown) => log.error({ err: reason }, 'while giving up'))
    throw error
  }
}

function whoWrote({ targets }: Inventory, { target, lun, lba }: BlockAddress): BlockHistory {
  const names = targets.map(({ iqn }) => iqn).join(', ')
  const found = target === undefined ? targets[0] : targets.find(({ iqn }) => iqn === target)
  if (!found) throw new OperatorError(`there is no target ${target ?? ''} here; there is: ${names || 'none'}`)
  const unit = found.units.find((each) => each.lun === lun)
  const luns = found.units.map((each) => each.lun).join(', ')
  if (!unit) throw new OperatorError(`${found.iqn} has no LUN ${lun}; it has: ${luns || 'none'}`)
  if (!(Number.isInteger(lba) && lba >= 0 && lba < unit.blocks))
    throw new OperatorError(`LUN ${lun} has no block ${lba}; its last one is ${unit.blocks - 1}`)
  return unit.lockHistory.of(lba)
}

interface PortalPlan extends PortalAddress {
  readonly ipv6Only: boolean
  readonly told: PortalAddress | undefined
}

/** An IPv6 wildcard takes IPv4 connections too, unless another portal has the same port for IPv4. */
function planOf(portal: PortalConfig, all: readonly PortalConfig[]): PortalPlan {
  const own = parsePortal(listenOf(portal)) as PortalAddress
  const ipv6Only = all.some((other) => {
    const { host, port } = parsePortal(listenOf(other)) as PortalAddress
    return port === own.port && port !== 0 && !host.includes(':')
  })
  return { ...own, ipv6Only, told: publicOf(portal) }
}

function openPortal(plan: PortalPlan, index: number, host: ArrayHost, log: Logger): Promise<Portal> {
  return listen(
    plan,
    (socket) => host.accept(socket, index),
    (error) => log.error({ err: error }, 'portal'),
  )
}
