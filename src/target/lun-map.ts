// Which logical unit an initiator finds under which number (SAM-5 4.7): what is masked is not there, and a logical unit may
// have another number for some initiators than for the rest. The unit is the same one, with one name, under each.

import { encodeLun } from '../../protocol/scsi/lun.ts'
import type { LogicalUnit } from './logical-unit.ts'

export class LunMap {
  /** Ascending: what REPORT LUNS tells. */
  readonly luns: readonly number[]
  /** In the order of their numbers. */
  readonly units: readonly LogicalUnit[]
  readonly #byKey = new Map<number, LogicalUnit>()

  /** Of units that want the same number the first one has it. */
  constructor(units: readonly LogicalUnit[], initiatorName: string) {
    const byLun = new Map<number, LogicalUnit>()
    for (const unit of units) {
      const lun = unit.lunFor(initiatorName)
      if (lun !== undefined && !byLun.has(lun)) byLun.set(lun, unit)
    }
    const entries = [...byLun].sort(([a], [b]) => a - b)
    this.luns = entries.map(([lun]) => lun)
    this.units = entries.map(([, unit]) => unit)
    for (const [lun, unit] of entries) {
      this.#byKey.set(encodeLun(lun).readUInt32BE(0), unit)
      this.#byKey.set(flatSpaceKey(lun), unit)
    }
  }

  /** `key` is the first four bytes of a LUN field, the others being zero. */
  find(key: number): LogicalUnit | undefined {
    return this.#byKey.get(key)
  }

  equals({ luns, units }: LunMap): boolean {
    return (
      this.luns.length === luns.length &&
      this.luns.every((lun, index) => lun === luns[index] && this.units[index] === units[index])
    )
  }
}

/** Flat space addressing (SAM-5 4.7.7.4) names the same logical units as peripheral device addressing. */
const flatSpaceKey = (lun: number): number => ((0x4000 | lun) << 16) >>> 0
