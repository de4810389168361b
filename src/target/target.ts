// A SCSI target device with its one target port in each portal group: the logical units, and the sessions that reach them.

import { matcher } from '../config/initiators.ts'
import type { TargetConfig } from '../config/schema.ts'
import { type Authentication, authentication } from './authentication.ts'
import type { CommandTable } from './command-table.ts'
import type { Injector } from './injection.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { LunMap } from './lun-map.ts'
import type { Nexus } from './nexus.ts'
import { PortGroups, portalGroupTag } from './port-groups.ts'
import { RodTokens } from './rod-tokens.ts'
import { ScsiEvents } from './scsi-events.ts'
import type { Session } from './session.ts'

interface TargetOptions {
  /** Counts milliseconds. */
  readonly now?: (() => number) | undefined
  readonly injector?: Injector | undefined
}

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
  /** Of its sessions, at the most (RFC 7143 13.20). */
  errorRecoveryLevel: TargetConfig['errorRecoveryLevel'] = 2
  /** Whether an initiator may log in, by its name. */
  admits!: (initiatorName: string) => boolean
  /** What an initiator must prove, by its name. */
  authentication!: Authentication
  /** Where the target has gone. */
  redirect: TargetConfig['redirect'] = 'none'
  /** Which of the array's portals lead here. */
  readonly portals: TargetConfig['portals']
  /** Makes commands fail on purpose. */
  readonly injector: Injector | undefined

  readonly #events = new ScsiEvents(this.sessions)
  /** Of all initiators, where they see the same. */
  #lunMap: LunMap | undefined
  #lunMaps = new WeakMap<Nexus, LunMap>()
  /** Sessions that have ended while tasks of theirs still run, by initiator port. */
  readonly #ending = new Map<string, Promise<void>>()

  constructor(
    config: TargetConfig,
    units: readonly LogicalUnit[],
    table: CommandTable,
    portalCount: number,
    { now = () => performance.now(), injector }: TargetOptions = {},
  ) {
    this.injector = injector
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
    this.errorRecoveryLevel = config.errorRecoveryLevel
    this.admits = matcher(config.initiators)
    this.authentication = authentication(config.auth)
    this.redirect = config.redirect
    this.units = [...units].sort((a, b) => a.lun - b.lun)
    for (const unit of units)
      unit.unitAttentions.onEstablished = (nexus, condition) => this.#events.note(unit, nexus, condition)
    this.#lunMaps = new WeakMap()
    this.#lunMap = units.every((unit) => unit.uniform) ? new LunMap(this.units, '') : undefined
  }

  reachableThrough(portalIndex: number): boolean {
    return this.portals === 'all' || this.portals.includes(portalIndex)
  }

  /** The logical unit that a LUN field names for this nexus; `key` is its first four bytes, the others being zero. */
  find(key: number, nexus: Nexus): LogicalUnit | undefined {
    return this.lunMap(nexus).find(key)
  }

  /** In the order of the numbers that the nexus finds them under. */
  visible(nexus: Nexus): readonly LogicalUnit[] {
    return this.lunMap(nexus).units
  }

  /** What the nexus sees, until the target is configured anew. */
  lunMap(nexus: Nexus): LunMap {
    if (this.#lunMap) return this.#lunMap
    let own = this.#lunMaps.get(nexus)
    if (!own) {
      own = new LunMap(this.units, nexus.initiatorName)
      this.#lunMaps.set(nexus, own)
    }
    return own
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
