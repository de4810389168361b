// REPORT LUNS (SPC-4 6.33): the logical units that this initiator may see.

import type { REPORT_LUNS } from '../../../protocol/scsi/commands/report-luns.ts'
import { encodeReportLuns } from '../../../protocol/scsi/report-luns.ts'
import { SENSE } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField } from '../device-server.ts'
import type { LunMap } from '../lun-map.ts'
import type { Task } from '../task.ts'

/** SELECT REPORT: all but well known logical units, only those, all; then the administrative ones, of which there are none. */
const REPORTS: Readonly<Record<number, 'visible' | 'none'>> = {
  0: 'visible',
  1: 'none',
  2: 'visible',
  16: 'none',
  17: 'none',
  18: 'none',
}

/** SPC-4 6.33: an allocation length below 16 is refused. */
const MIN_ALLOCATION_LENGTH = 16

const NOTHING: Pick<LunMap, 'luns' | 'units'> = { luns: [], units: [] }

export function reportLuns(task: Task<typeof REPORT_LUNS>): void {
  const { selectReport, allocationLength } = task.cdb
  const report = REPORTS[selectReport]
  if (report === undefined) throw invalidCdbField(task, 'selectReport')
  if (allocationLength < MIN_ALLOCATION_LENGTH) throw invalidCdbField(task, 'allocationLength')
  const { luns, units } = report === 'visible' ? task.target.lunMap(task.nexus) : NOTHING
  for (const unit of units) unit.unitAttentions.clear(task.nexus, SENSE.REPORTED_LUNS_DATA_HAS_CHANGED)
  task.respondWith(encodeReportLuns(luns), allocationLength)
}
