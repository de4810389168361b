// FORMAT UNIT (SBC-4 5.4): every block reads as zeroes afterwards, or as the initialization pattern. There is no protection
// information and there are no defects: what would need them is refused.

import type { FORMAT_UNIT } from '../../../protocol/scsi/commands/format-unit.ts'
import {
  DEFECT_LIST_FORMAT,
  decodeFormatList,
  FFMT,
  FORMAT_LIST_LONG_HEADER,
  type FormatList,
  INITIALIZATION_PATTERN_DESCRIPTOR,
  INITIALIZATION_PATTERN_TYPE,
} from '../../../protocol/scsi/format-list.ts'
import { SENSE, SenseError } from '../../../protocol/scsi/sense.ts'
import { invalidCdbField } from '../device-server.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { Task } from '../task.ts'
import { inBackground } from './background.ts'
import { decodeParameters, invalidListField, parameterList } from './parameters.ts'

/** Zeroes. */
const DEFAULT_PATTERN = Buffer.alloc(0)

export async function formatUnit(task: Task<typeof FORMAT_UNIT>): Promise<void> {
  const { fmtpinfo, fmtData, defectListFormat, ffmt } = task.cdb
  if (fmtpinfo !== 0) throw invalidCdbField(task, 'fmtpinfo')
  if (ffmt !== FFMT.OVERWRITE && ffmt !== FFMT.FAST) throw invalidCdbField(task, 'ffmt')
  const { SHORT_BLOCK, LONG_BLOCK } = DEFECT_LIST_FORMAT
  if (defectListFormat !== SHORT_BLOCK && !(fmtData && defectListFormat === LONG_BLOCK))
    throw invalidCdbField(task, 'defectListFormat')
  if (!fmtData) return inBackground(task, { operation: 'format', pattern: '' }, false)
  const list = await receiveList(task)
  const pattern = judge(list, task.lu)
  // A fast format writes nothing to the medium: it cannot fill it with anything but zeroes.
  if (ffmt === FFMT.FAST && pattern.some((byte) => byte !== 0)) throw new SenseError(SENSE.INVALID_FAST_FORMAT)
  await inBackground(task, { operation: 'format', pattern: pattern.toString('base64') }, list.immed)
}

/** The CDB does not say how long the list is: it is as long as what the initiator sends, within what it may hold. */
async function receiveList(task: Task<typeof FORMAT_UNIT>): Promise<FormatList> {
  const longest = FORMAT_LIST_LONG_HEADER.size + INITIALIZATION_PATTERN_DESCRIPTOR.size + task.lu.blockSize
  const list = await parameterList(task, Math.min(task.expectedOut, longest))
  return decodeParameters(() => decodeFormatList(list, task.cdb.longList))
}

/** The initialization pattern, if nothing is asked for that there is not. */
function judge(list: FormatList, lu: LogicalUnit): Buffer {
  const { header, fov, initialization } = list
  for (const name of ['protectionFieldUsage', 'protectionInformation', 'protectionIntervalExponent'] as const)
    if (list[name] !== 0) throw invalidListField(header, name)
  for (const name of ['dpry', 'dcrt', 'stpf', 'ip'] as const)
    if (!fov && list[name]) throw invalidListField(header, name)
  if (list.defectListLength !== 0) throw invalidListField(header, 'defectListLength')
  if (!initialization) return DEFAULT_PATTERN
  const { modifier, type, length, pattern } = initialization
  const invalid = (name: string): SenseError => invalidListField(INITIALIZATION_PATTERN_DESCRIPTOR, name, header.size)
  if (modifier !== 0) throw invalid('modifier')
  if (type === INITIALIZATION_PATTERN_TYPE.DEFAULT) {
    if (length !== 0) throw invalid('length')
    return DEFAULT_PATTERN
  }
  if (type !== INITIALIZATION_PATTERN_TYPE.REPEAT) throw invalid('type')
  if (length === 0 || length > lu.blockSize) throw invalid('length')
  if (pattern.length < length) throw new SenseError(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  return pattern
}
