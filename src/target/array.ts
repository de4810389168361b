// A storage array: its targets and their logical units behind its portals. The library's front door.

import { resolve } from 'node:path'
import { Gate } from '../../luns/gate.ts'
import { openStore } from '../../luns/stores/index.ts'
import { parseConfig } from '../config/parse.ts'
import { parsePortal } from '../config/portal.ts'
import type { ArrayConfig, ArrayInput, LunConfig } from '../config/schema.ts'
import { openState, type State } from '../config/state.ts'
import { type Logger, silentLogger } from '../log.ts'
import { ArrayHost } from './array-host.ts'
import { CommandTable } from './command-table.ts'
import { COMMANDS } from './commands/index.ts'
import { LogicalUnit } from './logical-unit.ts'
import { listen, type Portal } from './server.ts'
import { Target } from './target.ts'

export interface RunningArray {
  /** "127.0.0.1:3260", in the order of the configuration, with the real ports. */
  readonly portals: readonly string[]
  /** iSCSI names. */
  readonly targets: readonly string[]
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
  const state = await openState(config)
  const gates: Gate[] = []
  const portals: Portal[] = []
  let host: ArrayHost | undefined
  const stop = async (): Promise<void> => {
    const stopped = portals.map((portal) => portal.stop())
    await host?.close()
    await Promise.all(stopped)
    await release()
  }
  const release = async (): Promise<void> => {
    const closed = await Promise.allSettled(gates.map((gate) => gate.close()))
    await state.close()
    const failed = closed.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }
  try {
    const targets = await openTargets(config, state, gates)
    const opened = new ArrayHost(targets, log)
    host = opened
    for (const [index, text] of config.portals.entries()) {
      const { host: address, port } = parsePortal(text) as NonNullable<ReturnType<typeof parsePortal>>
      portals.push(
        await listen(
          address,
          port,
          (socket) => opened.accept(socket, index),
          (error) => log.error({ err: error }, 'portal'),
        ),
      )
    }
    opened.open(portals.map((portal) => portal.address))
    return {
      portals: portals.map((portal) => portal.address),
      targets: targets.map((target) => target.iqn),
      close: stop,
    }
  } catch (error) {
    await stop().catch((reason: unknown) => log.error({ err: reason }, 'while giving up'))
    throw error
  }
}

/** Every gate that was opened is in `gates`, also when a later one fails. */
async function openTargets(config: ArrayConfig, state: State, gates: Gate[]): Promise<Target[]> {
  const table = new CommandTable(COMMANDS)
  const targets: Target[] = []
  for (const target of config.targets) {
    const units: LogicalUnit[] = []
    for (const lun of target.luns) {
      const gate = await openGate(config.data, lun)
      gates.push(gate)
      units.push(new LogicalUnit(lun, state.identity(target.iqn, lun), gate, await state.unit(target.iqn, lun)))
    }
    targets.push(new Target(target, units, table, config.portals.length))
  }
  return targets
}

async function openGate(data: string, lun: LunConfig): Promise<Gate> {
  const { store, size: length, readOnly, writeCache } = lun
  const spec = 'path' in store ? { ...store, path: resolve(data, store.path) } : store
  return new Gate(await openStore(spec, { length, readOnly }), { writeThrough: !writeCache })
}
