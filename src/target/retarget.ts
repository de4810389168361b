// Gives a running target another configuration and other logical units, and tells the initiators: which logical units they
// see (3Fh/0Eh, SPC-4 6.33), what these say of themselves (3Fh/03h, 2Ah/01h), how large they are (2Ah/09h). Nothing here waits.

import { SENSE } from '../../protocol/scsi/sense.ts'
import { lunOf } from '../config/change-rules.ts'
import type { ArrayConfig, LunConfig, TargetConfig } from '../config/schema.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Nexus } from './nexus.ts'
import { news, portrait } from './portrait.ts'
import type { Target } from './target.ts'

type Units = ReadonlyMap<LogicalUnit, LunConfig>

/** `units` are all that the target has from now on, each with its configuration. */
export function retarget(target: Target, before: ArrayConfig, config: TargetConfig, units: Units): void {
  const nexuses = [...target.sessions].map(({ nexus }) => nexus)
  const seen = new Map(nexuses.map((nexus) => [nexus, new Set(target.visible(nexus))]))
  const running = new Set(target.units)
  for (const [unit, lun] of units) {
    const known = running.has(unit) ? lunOf(before, config.iqn, lun.id) : undefined
    if (known && JSON.stringify(known) !== JSON.stringify(lun)) reconfigureUnit(target, unit, lun, nexuses[0])
  }
  target.configure(config, [...units.keys()])
  for (const [nexus, old] of seen) tellInventory(target, nexus, old)
}

function reconfigureUnit(target: Target, unit: LogicalUnit, lun: LunConfig, witness: Nexus | undefined): void {
  const before = witness && portrait(unit, witness, target)
  unit.configure(lun)
  if (!before) return
  for (const sense of news(before, portrait(unit, witness, target))) unit.unitAttentions.establishForAll(sense)
}

/** A logical unit that appears has been powered on, as far as the nexus knows; one that vanishes forgets the nexus. */
function tellInventory(target: Target, nexus: Nexus, old: ReadonlySet<LogicalUnit>): void {
  const visible = new Set(target.visible(nexus))
  const appeared = [...visible].filter((unit) => !old.has(unit))
  const vanished = [...old].filter((unit) => !visible.has(unit))
  for (const unit of vanished) unit.loseNexus(nexus)
  for (const { unitAttentions } of appeared) {
    unitAttentions.attach(nexus)
    unitAttentions.establish(nexus, SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
  }
  if (appeared.length === 0 && vanished.length === 0) return
  for (const unit of visible)
    if (old.has(unit)) unit.unitAttentions.establish(nexus, SENSE.REPORTED_LUNS_DATA_HAS_CHANGED)
}
