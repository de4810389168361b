// Who must hear of a change of persistent reservations (SPC-4 5.13.7 to 5.13.11): unit attentions for the nexuses that are there.

import type { LogicalUnit } from './logical-unit.ts'
import { type Change, nexusKey } from './persistent-reservation.ts'

export function tellReservationNews({ unitAttentions }: LogicalUnit, { news }: Change): void {
  for (const { nexuses, sense } of news) {
    const names = new Set(nexuses)
    if (names.size === 0) continue
    for (const nexus of unitAttentions.nexuses) if (names.has(nexusKey(nexus))) unitAttentions.establish(nexus, sense)
  }
}
