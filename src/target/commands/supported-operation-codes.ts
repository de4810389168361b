// REPORT SUPPORTED OPERATION CODES (SPC-4 6.35) and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4 6.36): read from the
// command table, so that they cannot say anything else than dispatch does.

import { usageData } from '../../../protocol/scsi/commands/cdb.ts'
import type { REPORT_SUPPORTED_OPERATION_CODES } from '../../../protocol/scsi/commands/report-supported-operation-codes.ts'
import type { REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS } from '../../../protocol/scsi/commands/report-supported-task-management-functions.ts'
import {
  type CommandTimeouts,
  encodeCommandSupport,
  encodeSupportedCommands,
  REPORTING_OPTIONS,
  SUPPORT,
} from '../../../protocol/scsi/supported-opcodes.ts'
import { encodeSupportedTmfs } from '../../../protocol/scsi/supported-tmfs.ts'
import type { Command } from '../command-table.ts'
import { invalidCdbField } from '../device-server.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { hasQueries } from '../management-function.ts'
import type { Task } from '../task.ts'

/** Zero: no indication (SPC-4 6.35.4). */
const TIMEOUTS: CommandTimeouts = { commandSpecific: 0, nominalSeconds: 0, recommendedSeconds: 0 }

export function reportSupportedOperationCodes(task: Task<typeof REPORT_SUPPORTED_OPERATION_CODES>): void {
  const { reportingOptions, allocationLength } = task.cdb
  const data = reportingOptions === REPORTING_OPTIONS.ALL_COMMANDS ? allCommands(task) : oneCommand(task)
  task.respondWith(data, allocationLength)
}

function allCommands({ target, lu, cdb }: Task<typeof REPORT_SUPPORTED_OPERATION_CODES>): Buffer {
  return encodeSupportedCommands(
    target.table.offered(lu).map(({ opcode, serviceAction, row }) => ({
      opcode,
      ...(serviceAction !== undefined && { serviceAction }),
      cdbLength: row.wire.size,
      ...(cdb.rctd && { timeouts: TIMEOUTS }),
    })),
  )
}

function oneCommand(task: Task<typeof REPORT_SUPPORTED_OPERATION_CODES>): Buffer {
  const { rctd, reportingOptions, requestedOperationCode, requestedServiceAction } = task.cdb
  const candidates = task.target.table.offered(task.lu).filter((c) => c.opcode === requestedOperationCode)
  const hasActions = candidates.some((c) => c.serviceAction !== undefined)
  // The option must fit the command: 1 is for those without service actions, 2 for those with (SPC-4 table 296).
  if (reportingOptions > REPORTING_OPTIONS.ONE_COMMAND_EITHER) throw invalidCdbField(task, 'reportingOptions')
  if (reportingOptions === REPORTING_OPTIONS.ONE_COMMAND && hasActions) throw invalidCdbField(task, 'reportingOptions')
  if (reportingOptions === REPORTING_OPTIONS.ONE_COMMAND_SERVICE_ACTION && candidates.length > 0 && !hasActions)
    throw invalidCdbField(task, 'reportingOptions')
  const command = candidates.find((candidate) =>
    candidate.serviceAction === undefined
      ? reportingOptions !== REPORTING_OPTIONS.ONE_COMMAND_EITHER || requestedServiceAction === 0
      : candidate.serviceAction === requestedServiceAction,
  )
  if (!command) return encodeCommandSupport({ support: SUPPORT.NOT_SUPPORTED, usage: Buffer.alloc(0) })
  const usage = usageData(command.row.wire, refusedFields(command, task.lu))
  return encodeCommandSupport({ support: SUPPORT.STANDARD, usage, ...(rctd && { timeouts: TIMEOUTS }) })
}

/** Fields that this logical unit takes only as zero. */
function refusedFields({ row }: Command, lu: LogicalUnit): string[] {
  const names = ['rdprotect', 'wrprotect', 'vrprotect', 'orprotect', ...(row.zero ?? [])]
  if (!lu.medium.removable) names.push(...(row.removableOnly ?? []))
  if (!lu.dpoFua) names.push('dpo', 'fua')
  if (!lu.modes.canSave) names.push('sp')
  if (!lu.limits.anchor || !lu.thin) names.push('anchor')
  if (!lu.thin) names.push('unmap')
  return names.filter((name) => row.wire.find(name) !== undefined)
}

export function reportSupportedTaskManagementFunctions(
  task: Task<typeof REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS>,
): void {
  const { target, nexus } = task
  const queries = hasQueries(target.sessionOf(nexus)?.parameters.iscsiProtocolLevel ?? 0)
  const supported = {
    abortTask: true,
    abortTaskSet: true,
    clearTaskSet: true,
    logicalUnitReset: true,
    queryTask: queries,
    queryTaskSet: queries,
    queryAsynchronousEvent: queries,
    iTNexusReset: queries,
  }
  task.respondWith(encodeSupportedTmfs(supported, task.cdb.repd), task.cdb.allocationLength)
}
