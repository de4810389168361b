// SCSI asynchronous events (RFC 7143 11.9, AsyncEvent 0): what befalls a logical unit without a command is told to its
// initiators at once, by the sense data that a unit attention condition has ready for their next command. The condition stays.

import { encodeLun } from '../../protocol/scsi/lun.ts'
import { SENSE, type Sense } from '../../protocol/scsi/sense.ts'
import { encodeSense } from '../../protocol/scsi/sense-data.ts'
import { scsiEvent } from './announcements.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Nexus } from './nexus.ts'
import type { Session } from './session.ts'
import type { Condition } from './unit-attentions.ts'

/** What the operator, or the pool, brings about. A host that hears of the inventory looks for its LUNs at once. */
const EVENTS: ReadonlySet<Sense> = new Set<Sense>([
  SENSE.CAPACITY_DATA_HAS_CHANGED,
  SENSE.INQUIRY_DATA_HAS_CHANGED,
  SENSE.REPORTED_LUNS_DATA_HAS_CHANGED,
  SENSE.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED,
])

interface Event {
  readonly unit: LogicalUnit
  readonly condition: Condition
}

export class ScsiEvents {
  readonly #sessions: Iterable<Session>
  /** Of this turn of the event loop. */
  #noted = new Map<Nexus, Event[]>()

  constructor(sessions: Iterable<Session>) {
    this.#sessions = sessions
  }

  /** A condition has been established: one that is pending already is not, so that nobody is told more than it takes. */
  note(unit: LogicalUnit, nexus: Nexus, condition: Condition): void {
    if (!EVENTS.has(condition.sense)) return
    if (this.#noted.size === 0) queueMicrotask(() => this.#tell())
    const noted = this.#noted.get(nexus)
    if (!noted) this.#noted.set(nexus, [{ unit, condition }])
    // The inventory is one, though each logical unit reports that it has changed.
    else if (condition.sense !== SENSE.REPORTED_LUNS_DATA_HAS_CHANGED || !noted.some(sameAs(condition)))
      noted.push({ unit, condition })
  }

  #tell(): void {
    const noted = this.#noted
    this.#noted = new Map()
    for (const { nexus, connections } of this.#sessions) {
      for (const { unit, condition } of noted.get(nexus) ?? []) {
        const lun = unit.lunFor(nexus.initiatorName)
        if (lun === undefined) continue
        const sense = encodeSense(condition, unit.modes.descriptorSense ? 'descriptor' : 'fixed')
        connections[0]?.announce(scsiEvent(encodeLun(lun), sense))
      }
    }
  }
}

const sameAs =
  ({ sense }: Condition) =>
  ({ condition }: Event): boolean =>
    condition.sense === sense
