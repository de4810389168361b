// Changes a running array to another configuration, all of it or nothing. What can fail comes first, where nobody sees it:
// judging, opening new media, writing the state, growing. What everybody sees then happens in one turn of the event loop.

import { access, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { StoreError } from '../../luns/errors.ts'
import { judgeChanges } from '../config/change-rules.ts'
import { type Changes, describeChanges } from '../config/changes.ts'
import { type Path, type Problem, RefusedConfig } from '../config/problem.ts'
import type { ArrayConfig, LunConfig } from '../config/schema.ts'
import type { Draft } from '../config/state.ts'
import { OperatorError } from '../errors.ts'
import type { ArrayHost } from './array-host.ts'
import type { Inventory } from './inventory.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { retarget } from './retarget.ts'
import { retire } from './retire.ts'

/** A LUN of the next configuration. */
interface Place {
  readonly at: Path
  readonly iqn: string
  readonly lun: LunConfig
  /** Absent for one that is to be added. */
  readonly running: LogicalUnit | undefined
}

interface Opened {
  readonly unit: LogicalUnit
  /** The path of an image that was not there before. */
  readonly created: string | undefined
}

export class Reconfiguration {
  readonly #inventory: Inventory
  readonly #host: ArrayHost
  readonly #next: ArrayConfig
  readonly #requireOpen: () => void
  readonly #places: readonly Place[]
  readonly #opened = new Map<LunConfig, Opened>()

  /** `requireOpen` throws when the array is to close. */
  constructor(inventory: Inventory, host: ArrayHost, next: ArrayConfig, requireOpen: () => void) {
    this.#inventory = inventory
    this.#host = host
    this.#next = next
    this.#requireOpen = requireOpen
    this.#places = next.targets.flatMap(({ iqn, luns }, target) => {
      const units = inventory.targets.find((running) => running.iqn === iqn)?.units
      return luns.map((lun, index) => {
        const running = units?.find((unit) => unit.lun === lun.id)
        return { at: ['targets', target, 'luns', index], iqn, lun, running }
      })
    })
  }

  /** @throws RefusedConfig, OperatorError: nothing has changed */
  async run(): Promise<Changes> {
    const before = this.#inventory.config
    requireNone(judgeChanges(before, this.#next))
    const draft = await this.#inventory.state.draft(this.#next)
    requireNone(this.#places.flatMap((place) => judgeUnit(place, draft)))
    try {
      this.#inventory.pools.prepare(this.#next.pools)
      requireNone(await this.#openAdded(draft))
      await draft.keep()
      requireNone(await this.#grow())
      this.#requireOpen()
    } catch (error) {
      await this.#undo()
      throw error
    }
    await this.#commit()
    return describeChanges(before, this.#next)
  }

  async #openAdded(draft: Draft): Promise<Problem[]> {
    const problems: Problem[] = []
    for (const { at, iqn, lun, running } of this.#places) {
      if (running) continue
      const created = await newImage(this.#next, lun)
      try {
        const unit = await this.#inventory.openUnit(this.#next, draft, iqn, lun)
        this.#opened.set(lun, { unit, created })
      } catch (error) {
        if (created !== undefined) await rm(created, { force: true })
        problems.push(cannot([...at, 'store'], error))
      }
    }
    return problems
  }

  /** Those that need room on the disk go first: once it is there the others do not fail. */
  async #grow(): Promise<Problem[]> {
    const growing = this.#places.filter(({ lun, running }) => running && lun.size > running.gate.length)
    const ordered = [...growing].sort(
      (a, b) => Number(b.lun.store.type === 'file') - Number(a.lun.store.type === 'file'),
    )
    const grown: string[] = []
    for (const { at, iqn, lun, running } of ordered) {
      try {
        await running?.gate.resize(lun.size)
        grown.push(`${iqn} LUN ${lun.id}`)
      } catch (error) {
        const problem = cannot([...at, 'size'], error)
        if (grown.length === 0) return [problem]
        return [{ ...problem, reason: `${problem.reason}; the images of ${grown.join(', ')} are longer already` }]
      }
    }
    return []
  }

  async #undo(): Promise<void> {
    for (const { unit, created } of this.#opened.values()) {
      const closed = this.#inventory.closeGate(unit.gate)
      await closed.catch((error: unknown) => this.#host.log.error({ err: error }, 'while giving up a change'))
      if (created !== undefined) await rm(created, { force: true })
    }
    this.#inventory.pools.adopt(this.#inventory.config.pools)
  }

  /** Up to its first await nothing else runs. */
  async #commit(): Promise<void> {
    const inventory = this.#inventory
    const next = this.#next
    const before = inventory.config
    inventory.pools.adopt(next.pools)
    const units = new Map(this.#places.map(({ lun, running }) => [lun, running ?? this.#opened.get(lun)?.unit]))
    const kept = new Set(units.values())
    const removed = inventory.targets.flatMap((target) => target.units.filter((unit) => !kept.has(unit)))
    const targets = next.targets.map((config) => {
      const own = new Map(config.luns.map((lun) => [units.get(lun) as LogicalUnit, lun]))
      const running = inventory.targets.find(({ iqn }) => iqn === config.iqn)
      if (!running) return inventory.makeTarget(config, [...own.keys()])
      retarget(running, { before, after: next }, own)
      return running
    })
    inventory.config = next
    inventory.targets = targets
    const ended = this.#host.offer(targets, next)
    await Promise.all([ended, ...removed.map((unit) => retire(unit, inventory, this.#host.log))])
  }
}

/** What the configurations alone do not tell: names that were generated, and how the medium was opened. */
function judgeUnit({ at, iqn, lun, running }: Place, draft: Draft): Problem[] {
  if (!running) return []
  const identity = draft.identity(iqn, lun)
  const wrong = (['naa', 'serial'] as const)
    .filter((name) => identity[name] !== running.identity[name])
    .map((name): Problem => {
      const allowed = `${running.identity[name]} (the names of a LUN stay as long as it runs; remove it, or restart the array)`
      return { path: [...at, 'identity', name], found: lun.identity[name], allowed }
    })
  if (lun.readOnly || !running.storeReadOnly) return wrong
  const allowed = 'true (its image was opened for reading only; restart the array to change this)'
  return [...wrong, { path: [...at, 'readOnly'], found: false, allowed }]
}

function requireNone(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new RefusedConfig(problems)
}

/** A failure that an operator can cure as a problem of the configuration; any other is thrown on. */
function cannot(path: Path, error: unknown): Problem & { readonly reason: string } {
  if (!(error instanceof StoreError || error instanceof OperatorError)) throw error
  return { path, found: undefined, allowed: '', reason: error.message }
}

/** The image of a LUN where there is none yet. */
async function newImage({ data }: ArrayConfig, { store }: LunConfig): Promise<string | undefined> {
  if (!('path' in store)) return undefined
  const path = resolve(data, store.path)
  return access(path).then(
    () => undefined,
    ({ code }: NodeJS.ErrnoException) => (code === 'ENOENT' ? path : undefined),
  )
}
