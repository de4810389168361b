// A SCSI target device with its one target port in each portal group: the logical units, and the sessions that reach them.

import { encodeLun } from '../../protocol/scsi/lun.ts'
import type { TargetConfig } from '../config/schema.ts'
import type { CommandTable } from './command-table.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Nexus } from './nexus.ts'
import { PortGroups, portalGroupTag } from './port-groups.ts'
import { RodTokens } from './rod-tokens.ts'
import type { Session } from './session.ts'

export class Target {
  readonly iqn: string
  readonly table: CommandTable
  readonly portGroups: PortGroups
  readonly sessions = new Set<Session>()
  readonly rodTokens: RodTokens
  // what `configure` alone changes
  /** Ascending by LUN. */
  units: readonly LogicalUnit[] = []
  abortFinished: TargetConfig['abortFinished'] = 'notExist'
  #initiators: TargetConfig['initiators'] = 'any'
  /** Which of the array's portals lead here. */
  readonly portals: TargetConfig['portals']

  readonly #byKey = new Map<number, LogicalUnit>()
  /** Sessions that have ended while tasks of theirs still run, by initiator port. */
  readonly #ending = new Map<string, Promise<void>>()

  /** `now` counts milliseconds. */
  constructor(
    config: TargetConfig,
    units: readonly LogicalUnit[],
    table: CommandTable,
    portalCount: number,
    now: () => number = () => performance.now(),
  ) {
    this.iqn = config.iqn
    this.table = table
    this.portals = config.portals
    this.rodTokens = new RodTokens(now)
    const portals = [...Array(portalCount).keys()].filter((index) => this.reachableThrough(index))
    this.portGroups = new PortGroups(portals.map(portalGroupTag))
    this.configure(config, units)
  }

  /** Takes over what may change while the target runs, and other logical units. Whoever calls tells the initiators. */
  configure(config: TargetConfig, units: readonly LogicalUnit[]): void {
    this.abortFinished = config.abortFinished
    this.#initiators = config.initiators
    this.units = [...units].sort((a, b) => a.lun - b.lun)
    this.#byKey.clear()
    for (const unit of units) {
      this.#byKey.set(encodeLun(unit.lun).readUInt32BE(0), unit)
      this.#byKey.set(flatSpaceKey(unit.lun), unit)
    }
  }

  admits(initiatorName: string): boolean {
    return this.#initiators === 'any' || this.#initiators.includes(initiatorName)
  }

  reachableThrough(portalIndex: number): boolean {
    return this.portals === 'all' || this.portals.includes(portalIndex)
  }

  /** The logical unit that a LUN field names for this nexus; `key` is its first four bytes, the others being zero. */
  find(key: number, nexus: Nexus): LogicalUnit | undefined {
    const unit = this.#byKey.get(key)
    return unit?.visibleTo(nexus) ? unit : undefined
  }

  visible(nexus: Nexus): LogicalUnit[] {
    return this.units.filter((unit) => unit.visibleTo(nexus))
  }

  /** The session of an initiator port on a target port, if there is one. */
  sessionOf({ initiatorPort, targetPort }: Nexus): Session | undefined {
    for (const session of this.sessions)
      if (session.nexus.initiatorPort === initiatorPort && session.nexus.targetPort === targetPort) return session
    return undefined
  }

  /** Remembers that tasks of an ended session still run. */
  sessionEnding(initiatorPort: string, ended: Promise<void>): void {
    const all = Promise.all([this.#ending.get(initiatorPort), ended]).then(() => {
      if (this.#ending.get(initiatorPort) === all) this.#ending.delete(initiatorPort)
    })
    this.#ending.set(initiatorPort, all)
  }

  /** Resolves when nothing that an earlier session of this initiator port asked for can still happen, if anything can. */
  ending(initiatorPort: string): Promise<void> | undefined {
    return this.#ending.get(initiatorPort)
  }
}

/** Flat space addressing (SAM-5 4.7.7.4) names the same logical units as peripheral device addressing. */
const flatSpaceKey = (lun: number): number => ((0x4000 | lun) << 16) >>> 0
