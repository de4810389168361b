// START STOP UNIT (SBC-3 5.25). A unit that several hosts share does not stop because one of them shuts down: a stop makes
// the medium safe and changes nothing else, as disk arrays do it.

import type { START_STOP_UNIT } from '../../../protocol/scsi/commands/start-stop-unit.ts'
import { invalidCdbField } from '../device-server.ts'
import type { Task } from '../task.ts'

/** POWER CONDITION: no change, ACTIVE, IDLE, STANDBY, LU_CONTROL, FORCE_IDLE_0, FORCE_STANDBY_0 (SBC-3 table 74). */
const POWER_CONDITIONS: ReadonlySet<number> = new Set([0x0, 0x1, 0x2, 0x3, 0x7, 0xa, 0xb])

export async function startStopUnit(task: Task<typeof START_STOP_UNIT>): Promise<void> {
  const { powerCondition, start, noFlush, immed } = task.cdb
  if (!POWER_CONDITIONS.has(powerCondition)) throw invalidCdbField(task, 'powerCondition')
  if (powerCondition !== 0) return
  if (start || noFlush) return
  const flushed = task.lu.gate.flush()
  if (immed) flushed.catch(() => {})
  else await flushed
}
