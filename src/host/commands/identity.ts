// What a logical unit says of itself (SPC-4): INQUIRY and its VPD pages, REPORT LUNS, TEST UNIT READY, REQUEST SENSE, mode and
// log pages, supported operation codes and task management functions, target port groups. None of them changes anything.

import { INQUIRY } from '../../../protocol/scsi/commands/inquiry.ts'
import { LOG_SENSE } from '../../../protocol/scsi/commands/log-sense.ts'
import { MODE_SENSE_6, MODE_SENSE_10 } from '../../../protocol/scsi/commands/mode-sense.ts'
import { REPORT_LUNS } from '../../../protocol/scsi/commands/report-luns.ts'
import { REPORT_SUPPORTED_OPERATION_CODES } from '../../../protocol/scsi/commands/report-supported-operation-codes.ts'
import { REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS } from '../../../protocol/scsi/commands/report-supported-task-management-functions.ts'
import { REQUEST_SENSE } from '../../../protocol/scsi/commands/request-sense.ts'
import { REPORT_TARGET_PORT_GROUPS } from '../../../protocol/scsi/commands/target-port-groups.ts'
import { TEST_UNIT_READY } from '../../../protocol/scsi/commands/test-unit-ready.ts'
import { decodeStandardInquiry, type StandardInquiry } from '../../../protocol/scsi/inquiry.ts'
import { decodeLogPage, LOG_PAGE_CONTROL, type LogPage } from '../../../protocol/scsi/log/page.ts'
import { decodeModeParameters, type ModeParameters } from '../../../protocol/scsi/mode/parameter-list.ts'
import { decodeReportLuns } from '../../../protocol/scsi/report-luns.ts'
import type { SenseData } from '../../../protocol/scsi/sense.ts'
import { decodeSense } from '../../../protocol/scsi/sense-data.ts'
import {
  type CommandSupport,
  decodeCommandSupport,
  decodeSupportedCommands,
  REPORTING_OPTIONS,
  type SupportedCommand,
} from '../../../protocol/scsi/supported-opcodes.ts'
import { decodeSupportedTmfs, type SupportedTaskManagementFunctions } from '../../../protocol/scsi/supported-tmfs.ts'
import {
  decodeTargetPortGroups,
  PORT_GROUPS_FORMAT,
  type TargetPortGroup,
} from '../../../protocol/scsi/target-port-groups.ts'
import { nothing, type Request, request } from './request.ts'

/** Older devices return more than 36 bytes only when they are asked for no more than 255. */
const STANDARD_INQUIRY_BYTES = 96
/** The longest page that any array here has said; a device that answers a longer one gets asked for no more. */
const VPD_BYTES = 0xfffc
const SENSE_BYTES = 252
const MODE_6_BYTES = 255
const LIST_BYTES = 0xfffc
const LUN_LIST_BYTES = 8 + 8 * 16_384

const reading = <T>(dataInLength: number, decode: (data: Buffer) => T) => ({ dataInLength, repeatable: true, decode })

export const inquiry = (): Request<StandardInquiry> =>
  request(INQUIRY, { allocationLength: STANDARD_INQUIRY_BYTES }, reading(STANDARD_INQUIRY_BYTES, decodeStandardInquiry))

/** `decode` reads the page, whose header is its first four bytes: protocol/scsi/vpd has one for each. */
export const vpd = <T>(pageCode: number, decode: (page: Buffer) => T): Request<T> =>
  request(INQUIRY, { evpd: true, pageCode, allocationLength: VPD_BYTES }, reading(VPD_BYTES, decode))

export const testUnitReady = (): Request<void> => request(TEST_UNIT_READY, {}, { repeatable: true, decode: nothing })

/** Sense data that are there without a command having failed: NO SENSE when there are none. */
export const requestSense = ({ desc = false }: { readonly desc?: boolean } = {}): Request<SenseData> => ({
  ...request(REQUEST_SENSE, { desc, allocationLength: SENSE_BYTES }, reading(SENSE_BYTES, decodeSense)),
})

/** The logical unit numbers of the target that this initiator may address; `total` counts also those without a number. */
export const reportLuns = (selectReport = 0): Request<{ total: number; luns: number[] }> =>
  request(REPORT_LUNS, { selectReport, allocationLength: LUN_LIST_BYTES }, reading(LUN_LIST_BYTES, decodeReportLuns))

export interface ModeSenseOptions {
  /** Zero for the page itself, ALL_SUBPAGES for it with all of its subpages. */
  readonly subpageCode?: number
  /** PAGE CONTROL: 0 current values, 1 which can be changed, 2 defaults, 3 saved values. */
  readonly pc?: number
  /** DBD: without the block descriptor. */
  readonly dbd?: boolean
}

/** MODE SENSE(10). */
export const modeSense10 = (
  pageCode: number,
  { subpageCode = 0, pc = 0, dbd = false }: ModeSenseOptions = {},
): Request<ModeParameters> =>
  request(
    MODE_SENSE_10,
    { dbd, pc, pageCode, subpageCode, allocationLength: LIST_BYTES },
    reading(LIST_BYTES, (data) => decodeModeParameters(10, data)),
  )

/** MODE SENSE(6), which devices have that do not know the longer one. */
export const modeSense6 = (
  pageCode: number,
  { subpageCode = 0, pc = 0, dbd = false }: ModeSenseOptions = {},
): Request<ModeParameters> =>
  request(
    MODE_SENSE_6,
    { dbd, pc, pageCode, subpageCode, allocationLength: MODE_6_BYTES },
    reading(MODE_6_BYTES, (data) => decodeModeParameters(6, data)),
  )

/** One log page with its cumulative values: decodeLogParameters reads its body. */
export const logSense = (pageCode: number, subpageCode = 0): Request<LogPage> =>
  request(
    LOG_SENSE,
    { pc: LOG_PAGE_CONTROL.CUMULATIVE, pageCode, subpageCode, allocationLength: LIST_BYTES },
    reading(LIST_BYTES, decodeLogPage),
  )

/** All commands of the logical unit; with `timeouts` how long each may take. */
export const reportSupportedOperationCodes = ({
  timeouts = false,
}: {
  readonly timeouts?: boolean
} = {}): Request<SupportedCommand[]> =>
  request(
    REPORT_SUPPORTED_OPERATION_CODES,
    { rctd: timeouts, reportingOptions: REPORTING_OPTIONS.ALL_COMMANDS, allocationLength: LIST_BYTES },
    reading(LIST_BYTES, decodeSupportedCommands),
  )

/** One command: whether it is supported, and which bits of its CDB are looked at. */
export const reportSupportedOperationCode = (opcode: number, serviceAction?: number): Request<CommandSupport> =>
  request(
    REPORT_SUPPORTED_OPERATION_CODES,
    {
      reportingOptions:
        serviceAction === undefined ? REPORTING_OPTIONS.ONE_COMMAND : REPORTING_OPTIONS.ONE_COMMAND_SERVICE_ACTION,
      requestedOperationCode: opcode,
      requestedServiceAction: serviceAction ?? 0,
      allocationLength: LIST_BYTES,
    },
    reading(LIST_BYTES, decodeCommandSupport),
  )

export const reportSupportedTaskManagementFunctions = (): Request<SupportedTaskManagementFunctions> =>
  request(
    REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
    { repd: true, allocationLength: SENSE_BYTES },
    reading(SENSE_BYTES, decodeSupportedTmfs),
  )

export const reportTargetPortGroups = (): Request<TargetPortGroup[]> =>
  request(
    REPORT_TARGET_PORT_GROUPS,
    { parameterDataFormat: PORT_GROUPS_FORMAT.LENGTH_ONLY, allocationLength: LIST_BYTES },
    reading(LIST_BYTES, (data) => decodeTargetPortGroups(data, PORT_GROUPS_FORMAT.LENGTH_ONLY)),
  )
