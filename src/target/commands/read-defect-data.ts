// READ DEFECT DATA(10) and (12) (SBC-3 5.17, 5.18): both lists are there, and empty, in whatever format they are asked for.

import type { READ_DEFECT_DATA_10, READ_DEFECT_DATA_12 } from '../../../protocol/scsi/commands/read-defect-data.ts'
import {
  DEFECT_LIST_10,
  DEFECT_LIST_12,
  VENDOR_SPECIFIC_DEFECT_LIST_FORMAT,
} from '../../../protocol/scsi/defect-list.ts'
import { invalidCdbField } from '../device-server.ts'
import type { Task } from '../task.ts'

export function readDefectData(task: Task<typeof READ_DEFECT_DATA_10 | typeof READ_DEFECT_DATA_12>): void {
  const { reqPlist, reqGlist, defectListFormat, allocationLength } = task.cdb
  if (defectListFormat >= VENDOR_SPECIFIC_DEFECT_LIST_FORMAT) throw invalidCdbField(task, 'defectListFormat')
  const list = task.row.wire.size === 10 ? DEFECT_LIST_10 : DEFECT_LIST_12
  task.respondWith(list.encode({ plistv: reqPlist, glistv: reqGlist, defectListFormat }), allocationLength)
}
