// What an array has: its targets and their logical units, opened from a configuration, and the gates to their media. Only
// reconfigure.ts changes it while the array runs.

import { resolve } from 'node:path'
import { Gate } from '../../luns/gate.ts'
import type { Pool } from '../../luns/pool.ts'
import type { Store } from '../../luns/store.ts'
import { openStore } from '../../luns/stores/index.ts'
import type { ArrayConfig, LunConfig, TargetConfig } from '../config/schema.ts'
import { type Identities, openState, type State } from '../config/state.ts'
import { CommandTable } from './command-table.ts'
import { COMMANDS } from './commands/index.ts'
import type { Injector } from './injection.ts'
import type { LockEvent } from './lock-event.ts'
import type { LockEventSink } from './lock-history.ts'
import type { Log } from './log.ts'
import { LogicalUnit } from './logical-unit.ts'
import { Pools } from './pools.ts'
import { Target } from './target.ts'

/** What whoever starts an array puts between it and its initiators. */
export interface ArraySeams {
  /** Told of every command by which initiators exclude each other, once it has ended. */
  readonly onLockEvent?: (event: LockEvent, where: { readonly target: string; readonly lun: number }) => void
  /** Makes commands fail on purpose. */
  readonly injector?: Injector
  /** Stands between a logical unit and its medium: what it is handed, and what is used instead. */
  readonly medium?: (store: Store, where: { readonly target: string; readonly lun: number }) => Store
}

export class Inventory {
  config: ArrayConfig
  /** In the order of the configuration. */
  targets: readonly Target[] = []
  readonly state: State
  readonly pools: Pools
  readonly #table = new CommandTable(COMMANDS)
  readonly #gates = new Set<Gate>()
  readonly #units = new Map<Gate, LogicalUnit>()

  readonly #seams: ArraySeams

  private constructor(config: ArrayConfig, state: State, log: Log, seams: ArraySeams) {
    this.#seams = seams
    this.config = config
    this.state = state
    this.pools = new Pools(config.pools, log)
  }

  /** Opens everything, or nothing. Throws OperatorError and StoreError 'cannot open'. */
  static async open(config: ArrayConfig, log: Log, seams: ArraySeams = {}): Promise<Inventory> {
    const inventory = new Inventory(config, await openState(config), log, seams)
    try {
      const targets: Target[] = []
      for (const target of config.targets) {
        const units: LogicalUnit[] = []
        for (const lun of target.luns) units.push(await inventory.openUnit(config, inventory.state, target.iqn, lun))
        targets.push(inventory.makeTarget(target, units))
      }
      inventory.targets = targets
      return inventory
    } catch (error) {
      await inventory.close().catch(() => {}) // it is the first failure that tells
      throw error
    }
  }

  /** A logical unit that nobody sees yet. */
  async openUnit({ data }: ArrayConfig, identities: Identities, iqn: string, lun: LunConfig): Promise<LogicalUnit> {
    const { onLockEvent, medium } = this.#seams
    const between = (store: Store): Store => medium?.(store, { target: iqn, lun: lun.id }) ?? store
    const gate = await openGate(data, lun, this.pools.get(lun.pool), between)
    this.#gates.add(gate)
    try {
      const tell: LockEventSink | undefined =
        onLockEvent && ((event) => onLockEvent(event, { target: iqn, lun: lun.id }))
      const unit = new LogicalUnit(lun, identities.identity(iqn, lun), gate, await identities.unit(iqn, lun), tell)
      this.#units.set(gate, unit)
      unit.background.resume()
      return unit
    } catch (error) {
      await this.closeGate(gate)
      throw error
    }
  }

  makeTarget(config: TargetConfig, units: readonly LogicalUnit[]): Target {
    return new Target(config, units, this.#table, this.config.portals.length, this.#seams)
  }

  /** Waits for what is under way on the medium, and lets go of it. Throws StoreError. */
  async closeGate(gate: Gate): Promise<void> {
    try {
      await this.#units.get(gate)?.background.stop()
      await gate.close()
    } finally {
      this.#units.get(gate)?.leavePool()
      this.#gates.delete(gate)
      this.#units.delete(gate)
    }
  }

  /** Flushes and lets go of every medium, then of the data directory. Throws the first failure once all is done. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled([...this.#gates].map((gate) => this.closeGate(gate)))
    await this.state.close()
    const failed = closed.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }
}

async function openGate(
  data: string,
  lun: LunConfig,
  pool: Pool | undefined,
  between: (store: Store) => Store,
): Promise<Gate> {
  const { store, size: length, readOnly, writeCache } = lun
  const spec = 'path' in store ? { ...store, path: resolve(data, store.path) } : store
  return new Gate(between(await openStore(spec, { length, readOnly, pool })), { writeThrough: !writeCache })
}
