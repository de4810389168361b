// START STOP UNIT (SBC-3 5.25). A unit that several hosts share does not stop because one of them shuts down: a stop makes
// the medium safe and changes nothing else, as disk arrays do it. LOEJ takes a removable medium out, or in.

import type { START_STOP_UNIT } from '../../../protocol/scsi/commands/start-stop-unit.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField } from '../device-server.ts'
import type { Task } from '../task.ts'

/** POWER CONDITION: no change, ACTIVE, IDLE, STANDBY, LU_CONTROL, FORCE_IDLE_0, FORCE_STANDBY_0 (SBC-3 table 74). */
const POWER_CONDITIONS: ReadonlySet<number> = new Set([0x0, 0x1, 0x2, 0x3, 0x7, 0xa, 0xb])

export async function startStopUnit(task: Task<typeof START_STOP_UNIT>): Promise<void> {
  const { powerCondition, start, loej, noFlush, immed } = task.cdb
  // Drives with removable media, which know none of them, pass over the reserved ones as well.
  if (!task.lu.medium.removable && !POWER_CONDITIONS.has(powerCondition)) throw invalidCdbField(task, 'powerCondition')
  if (powerCondition !== 0) return // START and LOEJ do not count then
  if (loej) return start ? load(task) : eject(task)
  if (start || noFlush) return
  await flush(task, immed)
}

async function flush({ lu }: Task, immed: boolean): Promise<void> {
  const flushed = lu.gate.flush()
  if (immed) flushed.catch(() => {})
  else await flushed
}

/** Nothing may begin on the medium that is leaving; it stays when what is on it cannot be made safe. */
async function eject(task: Task<typeof START_STOP_UNIT>): Promise<void> {
  const { medium } = task.lu
  requireNotPrevented(task)
  if (!medium.present) return
  medium.present = false
  try {
    await flush(task, task.cdb.immed)
  } catch (error) {
    medium.present = true
    throw error
  }
}

/** The others learn that it may be another medium; who has put it in knows. */
function load(task: Task): void {
  const { medium, unitAttentions } = task.lu
  requireNotPrevented(task)
  if (medium.present) return
  medium.present = true
  unitAttentions.establishForAll(SENSE.NOT_READY_TO_READY_CHANGE, task.nexus)
}

/** Removal is what is prevented (SBC-3 5.10); to load is refused as well, as initiators expect it. */
function requireNotPrevented({ lu }: Task): void {
  if (lu.medium.prevented) throw new SenseError(SENSE.MEDIUM_REMOVAL_PREVENTED)
}
