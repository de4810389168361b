// The end of a logical unit that nobody finds any more: what is under way may end, for a while; then its medium is closed,
// and what is still to come of it fails. Every command gets its answer.

import { SENSE, SenseError } from '../../protocol/scsi/sense.ts'
import type { Inventory } from './inventory.ts'
import { LIMITS } from './limits.ts'
import type { Log } from './log.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { within } from './within.ts'

/** Resolves when no task is left and the medium is closed; a failure to flush is logged. */
export async function retire(unit: LogicalUnit, inventory: Inventory, log: Log): Promise<void> {
  const ended = tasksEnded(unit)
  await within(LIMITS.closeGraceMs, ended)
  const { lun, gate } = unit
  const tasks = unit.tasks.all()
  if (tasks.length > 0) log.warn({ lun, tasks: tasks.length }, 'a LUN is removed while commands are under way')
  const closed = inventory.closeGate(gate)
  closed.catch((error: unknown) => log.error({ lun, err: error }, 'a LUN that is removed does not close'))
  while (unit.tasks.all().length > 0) {
    for (const task of unit.tasks.all()) task.wake?.(new SenseError(SENSE.LOGICAL_UNIT_NOT_SUPPORTED))
    await within(LIMITS.closeGraceMs, ended) // what was at the medium may wait for data now
  }
  await Promise.allSettled([closed])
}

async function tasksEnded(unit: LogicalUnit): Promise<void> {
  for (let tasks = unit.tasks.all(); tasks.length > 0; tasks = unit.tasks.all())
    await Promise.all(tasks.map((task) => task.ended))
}
