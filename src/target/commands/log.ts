// LOG SENSE (SPC-4 6.8) and LOG SELECT (SPC-4 6.7). No log parameter is saved, none has a threshold, and none can be set but
// for the counters that can be set back.

import type { LOG_SELECT } from '../../../protocol/scsi/commands/log-select.ts'
import type { LOG_SENSE } from '../../../protocol/scsi/commands/log-sense.ts'
import {
  decodeLogPages,
  encodeLogPage,
  encodeLogParameters,
  LOG_PAGE,
  LOG_PAGE_CONTROL,
  placedParameters,
  SUPPORTED_SUBPAGES,
} from '../../../protocol/scsi/log/page.ts'
import { encodeSupportedLogPages, encodeSupportedLogSubpages } from '../../../protocol/scsi/log/supported-pages.ts'
import { SENSE } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField, invalidParameter } from '../device-server.ts'
import { BINARY_LIST, type LogPageRow, logPageCodes, logPages } from '../log-pages.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { Task } from '../task.ts'
import { decodeParameters, parameterList } from './parameters.ts'

const { CUMULATIVE, DEFAULT_CUMULATIVE } = LOG_PAGE_CONTROL

export function logSense(task: Task<typeof LOG_SENSE>): void {
  const { pageCode, parameterPointer, allocationLength } = task.cdb
  if (pageCode === LOG_PAGE.SUPPORTED_PAGES) {
    if (parameterPointer !== 0) throw invalidCdbField(task, 'parameterPointer') // it holds no log parameters
    task.respondWith(supportedPages(task), allocationLength)
  } else task.respondWith(parameterPage(task), allocationLength)
}

function supportedPages(task: Task<typeof LOG_SENSE>): Buffer {
  const codes = logPageCodes(task.lu)
  switch (task.cdb.subpageCode) {
    case 0:
      return encodeSupportedLogPages([...new Set(codes.map(({ pageCode }) => pageCode))])
    case SUPPORTED_SUBPAGES:
      return encodeSupportedLogSubpages(codes)
    default:
      throw invalidCdbField(task, 'subpageCode')
  }
}

/** The parameters from PARAMETER POINTER on; default cumulative values are zero where there is anything to count. */
function parameterPage(task: Task<typeof LOG_SENSE>): Buffer {
  const { lu, cdb } = task
  const row = requirePage(task)
  if (cdb.pc !== CUMULATIVE && cdb.pc !== DEFAULT_CUMULATIVE) throw invalidCdbField(task, 'pc')
  const asked = (row.parameters(lu) ?? []).filter(([code]) => code >= cdb.parameterPointer)
  if (asked.length === 0) throw invalidCdbField(task, 'parameterPointer')
  const zero = cdb.pc === DEFAULT_CUMULATIVE && row.resettable
  const parameters = asked.map(([parameterCode, value]) => ({
    parameterCode,
    du: false,
    tsd: true,
    tmc: 0,
    format: BINARY_LIST,
    value: zero ? Buffer.alloc(value.length) : value,
  }))
  return encodeLogPage({
    ds: true,
    pageCode: row.pageCode,
    subpageCode: row.subpageCode,
    body: encodeLogParameters(parameters),
  })
}

function requirePage(task: Task<typeof LOG_SENSE | typeof LOG_SELECT>): LogPageRow {
  const { pageCode, subpageCode } = task.cdb
  const pages = logPages(task.lu).filter((row) => row.pageCode === pageCode)
  const row = pages.find((one) => one.subpageCode === subpageCode)
  if (!row) throw invalidCdbField(task, pages.length > 0 ? 'subpageCode' : 'pageCode')
  return row
}

/**
 * PCR, and no parameters with PC for the default cumulative values, set counters back: of the page that is named, or of all.
 * A list of parameters may change nothing.
 */
export async function logSelect(task: Task<typeof LOG_SELECT>): Promise<void> {
  const { pcr, pc, pageCode, subpageCode, parameterListLength } = task.cdb
  const all = pageCode === 0 && subpageCode === 0
  const rows = all ? logPages(task.lu) : [requirePage(task)]
  if (parameterListLength === 0) {
    if (pcr || pc === DEFAULT_CUMULATIVE) reset(task, rows)
    return
  }
  if (pcr) throw invalidCdbField(task, 'parameterListLength')
  if (!all) throw invalidCdbField(task, pageCode !== 0 ? 'pageCode' : 'subpageCode')
  const list = await parameterList(task, parameterListLength)
  judge(list, task.lu)
}

function reset({ lu, nexus }: Task, rows: readonly LogPageRow[]): void {
  if (!rows.some(({ resettable }) => resettable)) return
  lu.statistics.reset()
  lu.unitAttentions.establishForAll(SENSE.LOG_PARAMETERS_CHANGED, nexus)
}

/** A list of pages of this unit that hold no parameters is no error (SPC-4 6.7); each parameter is one that cannot be set. */
function judge(list: Buffer, lu: LogicalUnit): void {
  const rows = logPages(lu)
  for (const { pageCode, subpageCode, offset, bodyOffset, body } of decodeParameters(() => decodeLogPages(list))) {
    const pages = rows.filter((row) => row.pageCode === pageCode)
    if (pages.length === 0) throw invalidParameter(offset, 5)
    if (!pages.some((row) => row.subpageCode === subpageCode)) throw invalidParameter(offset + 1)
    const [first] = decodeParameters(() => placedParameters(body))
    if (first) throw invalidParameter(bodyOffset + first.at)
  }
}
