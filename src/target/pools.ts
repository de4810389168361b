// The pools of an array by name, each with the limits that the configuration gives it. The operator hears of one that fills
// up, as the initiators do.

import { Pool, type PoolLimits } from '../../luns/pool.ts'
import { percentageOf } from '../config/percentage.ts'
import type { PoolConfig } from '../config/schema.ts'
import type { Log } from './log.ts'

export class Pools {
  readonly #byName = new Map<string, Pool>()

  readonly #log: Log

  constructor(configs: readonly PoolConfig[], log: Log) {
    this.#log = log
    this.adopt(configs)
  }

  get(name: string): Pool | undefined {
    return this.#byName.get(name)
  }

  /** Those that are new, before these are adopted: for LUNs that are opened first. Adopting others undoes it. */
  prepare(configs: readonly PoolConfig[]): void {
    for (const config of configs) if (!this.#byName.has(config.name)) this.#set(config.name, limitsOf(config))
  }

  /** What is there when it returns. A pool that is gone lives on for who has taken of it. */
  adopt(configs: readonly PoolConfig[]): void {
    const names = new Set(configs.map(({ name }) => name))
    for (const name of this.#byName.keys()) if (!names.has(name)) this.#byName.delete(name)
    for (const config of configs) this.#set(config.name, limitsOf(config))
  }

  #set(name: string, limits: PoolLimits): void {
    const known = this.#byName.get(name)
    if (!known) this.#byName.set(name, this.#watched(new Pool(name, limits)))
    else if (known.capacity !== limits.capacity || known.softThreshold !== limits.softThreshold) known.configure(limits)
  }

  #watched(pool: Pool): Pool {
    pool.onSoftThreshold = ({ name, used, softThreshold, capacity }) =>
      this.#log.warn({ pool: name, used, softThreshold, capacity }, 'a pool has reached its soft threshold')
    return pool
  }
}

const limitsOf = ({ capacity, softThreshold }: PoolConfig): PoolLimits => ({
  capacity,
  softThreshold: percentageOf(softThreshold, capacity),
})
