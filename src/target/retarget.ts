// Gives a running target another configuration and other logical units, and tells the initiators: which logical units they
// see (3Fh/0Eh, SPC-4 6.33), what these say of themselves (3Fh/03h, 2Ah/01h), how large they are (2Ah/09h). Nothing here waits.

import { isDeepStrictEqual } from 'node:util'
import { SENSE } from '../../protocol/scsi/sense.ts'
import { lunOf } from '../config/change-rules.ts'
import type { ArrayConfig, LunConfig, TargetConfig } from '../config/schema.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { LunMap } from './lun-map.ts'
import type { Nexus } from './nexus.ts'
import { news, portrait } from './portrait.ts'
import type { Target } from './target.ts'

type Units = ReadonlyMap<LogicalUnit, LunConfig>

interface Configs {
  readonly before: ArrayConfig
  readonly after: ArrayConfig
}

/** `units` are all that the target has from now on, each with its configuration. The pools are as they will be already. */
export function retarget(target: Target, { before, after }: Configs, units: Units): void {
  const nexuses = [...target.sessions].map(({ nexus }) => nexus)
  const seen = new Map(nexuses.map((nexus) => [nexus, target.lunMap(nexus)]))
  const running = new Set(target.units)
  for (const [unit, lun] of units) {
    const known = running.has(unit) ? lunOf(before, target.iqn, lun.id) : undefined
    if (known && !isDeepStrictEqual(withPool(before, known), withPool(after, lun)))
      reconfigureUnit(target, unit, lun, nexuses[0])
  }
  const config = after.targets.find(({ iqn }) => iqn === target.iqn) as TargetConfig
  target.configure(config, [...units.keys()])
  for (const [nexus, old] of seen) tellInventory(target, nexus, old)
}

/** All that a logical unit goes by. */
const withPool = ({ pools }: ArrayConfig, lun: LunConfig) => [lun, pools.find(({ name }) => name === lun.pool)]

function reconfigureUnit(target: Target, unit: LogicalUnit, lun: LunConfig, witness: Nexus | undefined): void {
  const before = witness && portrait(unit, witness, target)
  unit.configure(lun)
  if (!before) return
  for (const sense of news(before, portrait(unit, witness, target))) unit.unitAttentions.establishForAll(sense)
}

/**
 * A logical unit that appears has been powered on, as far as the nexus knows; one that vanishes forgets the nexus. One that gets
 * another number stays what it is to the nexus, reservations and all.
 */
function tellInventory(target: Target, nexus: Nexus, before: LunMap): void {
  const after = target.lunMap(nexus)
  if (after.equals(before)) return
  const old = new Set(before.units)
  const visible = new Set(after.units)
  const appeared = [...visible].filter((unit) => !old.has(unit))
  const vanished = [...old].filter((unit) => !visible.has(unit))
  for (const unit of vanished) unit.loseNexus(nexus)
  for (const { unitAttentions } of appeared) {
    unitAttentions.attach(nexus)
    unitAttentions.establish(nexus, SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
  }
  for (const unit of visible)
    if (old.has(unit)) unit.unitAttentions.establish(nexus, SENSE.REPORTED_LUNS_DATA_HAS_CHANGED)
}
