// The command table, by operation code and service action. A new command is one file and one row.

import * as CDB from '../../../protocol/scsi/commands/index.ts'
import { readBuffer, writeBuffer } from './buffer.ts'
import { preFetch, synchronizeCache } from './cache.ts'
import { readCapacity10, readCapacity16 } from './capacity.ts'
import { compareAndWrite } from './compare-and-write.ts'
import { receiveDiagnosticResults, sendDiagnostic } from './diagnostic.ts'
import { copyOperationAbort, extendedCopy, extendedCopyLid4 } from './extended-copy.ts'
import { formatUnit } from './format-unit.ts'
import { getLbaStatus } from './get-lba-status.ts'
import { reportIdentifyingInformation, setIdentifyingInformation } from './identifying-information.ts'
import { inquiry } from './inquiry.ts'
import { logSelect, logSense } from './log.ts'
import { modeSelect, modeSense } from './mode.ts'
import { orWrite } from './orwrite.ts'
import { readFullStatus, readKeys, readReservation, reportCapabilities } from './persistent-reserve-in.ts'
import {
  clearRegistrations,
  preemptAndAbort,
  preemptRegistrations,
  registerAndIgnoreExistingKey,
  registerAndMoveReservation,
  registerKey,
  releasePersistent,
  reservePersistently,
} from './persistent-reserve-out.ts'
import { preventAllowMediumRemoval } from './prevent-allow-medium-removal.ts'
import { read } from './read.ts'
import { readDefectData } from './read-defect-data.ts'
import {
  receiveCopyData,
  receiveCopyDataLid4,
  receiveCopyFailureDetails,
  receiveCopyOperatingParameters,
  receiveCopyStatus,
  receiveCopyStatusLid4,
  receiveRodTokenInformation,
  reportAllRodTokens,
} from './receive-copy.ts'
import { reportLuns } from './report-luns.ts'
import { requestSense } from './request-sense.ts'
import { release, reserve } from './reserve.ts'
import { populateToken, writeUsingToken } from './rod-token.ts'
import { row } from './row.ts'
import {
  sanitizeBlockErase,
  sanitizeCryptographicErase,
  sanitizeExitFailureMode,
  sanitizeOverwrite,
} from './sanitize.ts'
import { rezeroUnit, seek } from './seek.ts'
import { startStopUnit } from './start-stop-unit.ts'
import { reportSupportedOperationCodes, reportSupportedTaskManagementFunctions } from './supported-operation-codes.ts'
import { reportTargetPortGroups, setTargetPortGroups } from './target-port-groups.ts'
import { reportTimestamp, setTimestamp } from './timestamp.ts'
import { unmap } from './unmap.ts'
import { verify } from './verify.ts'
import { write, writeAndVerify } from './write.ts'
import { writeAtomic } from './write-atomic.ts'
import { writeSame } from './write-same.ts'

// biome-ignore format: a table reads best in columns
export const COMMANDS = [
  row({ wire: CDB.TEST_UNIT_READY, access: 'none', reservation: 'legacy', needs: 'medium', run: () => {} }), // 00
  row({ wire: CDB.REZERO_UNIT, access: 'none', reservation: 'read', needs: 'medium', run: rezeroUnit }), // 01
  row({ wire: CDB.REQUEST_SENSE, access: 'none', reservation: 'allow', needs: 'nothing', unitAttention: 'pass', run: requestSense }), // 03
  row({ wire: CDB.FORMAT_UNIT, access: 'write', reservation: 'write', needs: 'formattable', run: formatUnit }), // 04
  row({ wire: CDB.READ_6, access: 'read', reservation: 'read', needs: 'medium', limit: 'transferBlocks', run: read }), // 08
  row({ wire: CDB.WRITE_6, access: 'write', reservation: 'write', needs: 'medium', limit: 'transferBlocks', run: write }), // 0A
  row({ wire: CDB.SEEK_6, access: 'none', reservation: 'read', needs: 'medium', run: seek }), // 0B
  row({ wire: CDB.INQUIRY, access: 'none', reservation: 'allow', needs: 'nothing', unitAttention: 'pass', run: inquiry }), // 12
  row({ wire: CDB.MODE_SELECT_6, access: 'none', reservation: 'write', needs: 'unit', run: modeSelect }), // 15
  row({ wire: CDB.RESERVE_6, access: 'none', reservation: 'legacy', recorded: true, needs: 'unit', run: reserve }), // 16
  row({ wire: CDB.RELEASE_6, access: 'none', reservation: 'allow', recorded: true, needs: 'unit', run: release }), // 17
  row({ wire: CDB.MODE_SENSE_6, access: 'none', reservation: 'read', needs: 'unit', run: modeSense }), // 1A
  row({ wire: CDB.START_STOP_UNIT, access: 'none', reservation: 'write', needs: 'unit', removableOnly: ['loej'], run: startStopUnit }), // 1B
  row({ wire: CDB.RECEIVE_DIAGNOSTIC_RESULTS, access: 'none', reservation: 'read', needs: 'unit', run: receiveDiagnosticResults }), // 1C
  row({ wire: CDB.SEND_DIAGNOSTIC, access: 'none', reservation: 'write', needs: 'unit', zero: ['selfTestCode'], run: sendDiagnostic }), // 1D
  row({ wire: CDB.PREVENT_ALLOW_MEDIUM_REMOVAL, access: 'none', reservation: 'allow', needs: 'unit', run: preventAllowMediumRemoval }), // 1E
  row({ wire: CDB.READ_CAPACITY_10, access: 'none', reservation: 'allow', needs: 'medium', run: readCapacity10 }), // 25
  row({ wire: CDB.READ_10, access: 'read', reservation: 'read', needs: 'medium', limit: 'transferBlocks', run: read }), // 28
  row({ wire: CDB.WRITE_10, access: 'write', reservation: 'write', needs: 'medium', limit: 'transferBlocks', run: write }), // 2A
  row({ wire: CDB.SEEK_10, access: 'none', reservation: 'read', needs: 'medium', run: seek }), // 2B
  row({ wire: CDB.WRITE_AND_VERIFY_10, access: 'write', reservation: 'write', needs: 'medium', limit: 'transferBlocks', run: writeAndVerify }), // 2E
  row({ wire: CDB.VERIFY_10, access: 'read', reservation: 'read', needs: 'medium', limit: 'transferBlocks', run: verify }), // 2F
  row({ wire: CDB.PRE_FETCH_10, access: 'read', reservation: 'read', needs: 'medium', run: preFetch }), // 34
  row({ wire: CDB.SYNCHRONIZE_CACHE_10, access: 'none', reservation: 'write', needs: 'medium', run: synchronizeCache }), // 35
  row({ wire: CDB.READ_DEFECT_DATA_10, access: 'none', reservation: 'read', needs: 'medium', run: readDefectData }), // 37
  row({ wire: CDB.WRITE_BUFFER, access: 'none', reservation: 'write', needs: 'unit', run: writeBuffer }), // 3B
  row({ wire: CDB.READ_BUFFER_10, access: 'none', reservation: 'read', needs: 'unit', run: readBuffer }), // 3C
  row({ wire: CDB.WRITE_SAME_10, access: 'write', reservation: 'write', needs: 'medium', vaai: 'zero', run: writeSame }), // 41
  row({ wire: CDB.UNMAP, access: 'write', reservation: 'write', needs: 'medium', vaai: 'delete', thinOnly: true, run: unmap }), // 42
  row({ wire: CDB.SANITIZE_OVERWRITE, access: 'write', reservation: 'write', needs: 'sanitizable', run: sanitizeOverwrite }), // 48/01
  row({ wire: CDB.SANITIZE_BLOCK_ERASE, access: 'write', reservation: 'write', needs: 'sanitizable', zero: ['parameterListLength'], thinOnly: true, run: sanitizeBlockErase }), // 48/02
  row({ wire: CDB.SANITIZE_CRYPTOGRAPHIC_ERASE, access: 'write', reservation: 'write', needs: 'sanitizable', zero: ['parameterListLength'], run: sanitizeCryptographicErase }), // 48/03
  row({ wire: CDB.SANITIZE_EXIT_FAILURE_MODE, access: 'none', reservation: 'write', needs: 'sanitizable', zero: ['parameterListLength'], run: sanitizeExitFailureMode }), // 48/1F
  row({ wire: CDB.LOG_SELECT, access: 'none', reservation: 'write', needs: 'unit', zero: ['sp'], run: logSelect }), // 4C
  row({ wire: CDB.LOG_SENSE, access: 'none', reservation: 'allow', needs: 'unit', zero: ['sp'], run: logSense }), // 4D
  row({ wire: CDB.MODE_SELECT_10, access: 'none', reservation: 'write', needs: 'unit', run: modeSelect }), // 55
  row({ wire: CDB.RESERVE_10, access: 'none', reservation: 'legacy', recorded: true, needs: 'unit', run: reserve }), // 56
  row({ wire: CDB.RELEASE_10, access: 'none', reservation: 'allow', recorded: true, needs: 'unit', run: release }), // 57
  row({ wire: CDB.MODE_SENSE_10, access: 'none', reservation: 'read', needs: 'unit', run: modeSense }), // 5A
  row({ wire: CDB.PERSISTENT_RESERVE_IN_READ_KEYS, access: 'none', reservation: 'legacy', needs: 'unit', run: readKeys }), // 5E/00
  row({ wire: CDB.PERSISTENT_RESERVE_IN_READ_RESERVATION, access: 'none', reservation: 'legacy', needs: 'unit', run: readReservation }), // 5E/01
  row({ wire: CDB.PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES, access: 'none', reservation: 'legacy', needs: 'unit', run: reportCapabilities }), // 5E/02
  row({ wire: CDB.PERSISTENT_RESERVE_IN_READ_FULL_STATUS, access: 'none', reservation: 'legacy', needs: 'unit', run: readFullStatus }), // 5E/03
  row({ wire: CDB.PERSISTENT_RESERVE_OUT_REGISTER, access: 'none', reservation: 'legacy', recorded: true, needs: 'unit', run: registerKey }), // 5F/00
  row({ wire: CDB.PERSISTENT_RESERVE_OUT_RESERVE, access: 'none', reservation: 'legacy', recorded: true, needs: 'unit', run: reservePersistently }), // 5F/01
  row({ wire: CDB.PERSISTENT_RESERVE_OUT_RELEASE, access: 'none', reservation: 'legacy', recorded: true, needs: 'unit', run: releasePersistent }), // 5F/02
  row({ wire: CDB.PERSISTENT_RESERVE_OUT_CLEAR, access: 'none', reservation: 'legacy', recorded: true, needs: 'unit', run: clearRegistrations }), // 5F/03
  row({ wire: CDB.PERSISTENT_RESERVE_OUT_PREEMPT, access: 'none', reservation: 'legacy', recorded: true, needs: 'unit', run: preemptRegistrations }), // 5F/04
  row({ wire: CDB.PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT, access: 'none', reservation: 'legacy', recorded: true, needs: 'unit', run: preemptAndAbort }), // 5F/05
  row({ wire: CDB.PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, access: 'none', reservation: 'legacy', recorded: true, needs: 'unit', run: registerAndIgnoreExistingKey }), // 5F/06
  row({ wire: CDB.PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE, access: 'none', reservation: 'legacy', recorded: true, needs: 'unit', run: registerAndMoveReservation }), // 5F/07
  row({ wire: CDB.EXTENDED_COPY_LID1, access: 'none', reservation: 'write', needs: 'medium', vaai: 'clone', run: extendedCopy }), // 83/00
  row({ wire: CDB.EXTENDED_COPY_LID4, access: 'none', reservation: 'write', needs: 'medium', vaai: 'clone', run: extendedCopyLid4 }), // 83/01
  row({ wire: CDB.POPULATE_TOKEN, access: 'none', reservation: 'write', needs: 'medium', vaai: 'clone', run: populateToken }), // 83/10
  row({ wire: CDB.WRITE_USING_TOKEN, access: 'write', reservation: 'write', needs: 'medium', vaai: 'clone', run: writeUsingToken }), // 83/11
  row({ wire: CDB.COPY_OPERATION_ABORT, access: 'none', reservation: 'legacy', needs: 'unit', vaai: 'clone', run: copyOperationAbort }), // 83/1C
  row({ wire: CDB.RECEIVE_COPY_STATUS_LID1, access: 'none', reservation: 'legacy', needs: 'unit', vaai: 'clone', run: receiveCopyStatus }), // 84/00
  row({ wire: CDB.RECEIVE_COPY_DATA_LID1, access: 'none', reservation: 'legacy', needs: 'unit', vaai: 'clone', run: receiveCopyData }), // 84/01
  row({ wire: CDB.RECEIVE_COPY_OPERATING_PARAMETERS, access: 'none', reservation: 'legacy', needs: 'unit', vaai: 'clone', run: receiveCopyOperatingParameters }), // 84/03
  row({ wire: CDB.RECEIVE_COPY_FAILURE_DETAILS_LID1, access: 'none', reservation: 'legacy', needs: 'unit', vaai: 'clone', run: receiveCopyFailureDetails }), // 84/04
  row({ wire: CDB.RECEIVE_COPY_STATUS_LID4, access: 'none', reservation: 'legacy', needs: 'unit', vaai: 'clone', run: receiveCopyStatusLid4 }), // 84/05
  row({ wire: CDB.RECEIVE_COPY_DATA_LID4, access: 'none', reservation: 'legacy', needs: 'unit', vaai: 'clone', run: receiveCopyDataLid4 }), // 84/06
  row({ wire: CDB.RECEIVE_ROD_TOKEN_INFORMATION, access: 'none', reservation: 'legacy', needs: 'unit', vaai: 'clone', run: receiveRodTokenInformation }), // 84/07
  row({ wire: CDB.REPORT_ALL_ROD_TOKENS, access: 'none', reservation: 'legacy', needs: 'unit', vaai: 'clone', run: reportAllRodTokens }), // 84/08
  row({ wire: CDB.READ_16, access: 'read', reservation: 'read', needs: 'medium', limit: 'transferBlocks', run: read }), // 88
  row({ wire: CDB.COMPARE_AND_WRITE, access: 'write', reservation: 'write', recorded: true, needs: 'medium', vaai: 'ats', run: compareAndWrite }), // 89
  row({ wire: CDB.WRITE_16, access: 'write', reservation: 'write', needs: 'medium', limit: 'transferBlocks', run: write }), // 8A
  row({ wire: CDB.ORWRITE_16, access: 'write', reservation: 'write', needs: 'medium', limit: 'transferBlocks', run: orWrite }), // 8B
  row({ wire: CDB.WRITE_AND_VERIFY_16, access: 'write', reservation: 'write', needs: 'medium', limit: 'transferBlocks', run: writeAndVerify }), // 8E
  row({ wire: CDB.VERIFY_16, access: 'read', reservation: 'read', needs: 'medium', limit: 'transferBlocks', run: verify }), // 8F
  row({ wire: CDB.PRE_FETCH_16, access: 'read', reservation: 'read', needs: 'medium', run: preFetch }), // 90
  row({ wire: CDB.SYNCHRONIZE_CACHE_16, access: 'none', reservation: 'write', needs: 'medium', run: synchronizeCache }), // 91
  row({ wire: CDB.WRITE_SAME_16, access: 'write', reservation: 'write', needs: 'medium', vaai: 'zero', run: writeSame }), // 93
  row({ wire: CDB.READ_BUFFER_16, access: 'none', reservation: 'read', needs: 'unit', run: readBuffer }), // 9B
  row({ wire: CDB.WRITE_ATOMIC_16, access: 'write', reservation: 'write', needs: 'medium', absentWithout: 'atomicBlocks', run: writeAtomic }), // 9C
  row({ wire: CDB.READ_CAPACITY_16, access: 'none', reservation: 'allow', needs: 'medium', run: readCapacity16 }), // 9E/10
  row({ wire: CDB.GET_LBA_STATUS, access: 'read', reservation: 'read', needs: 'medium', run: getLbaStatus }), // 9E/12
  row({ wire: CDB.REPORT_LUNS, access: 'none', reservation: 'allow', needs: 'nothing', unitAttention: 'pass', run: reportLuns }), // A0
  row({ wire: CDB.REPORT_IDENTIFYING_INFORMATION, access: 'none', reservation: 'legacy', needs: 'unit', run: reportIdentifyingInformation }), // A3/05
  row({ wire: CDB.REPORT_TARGET_PORT_GROUPS, access: 'none', reservation: 'allow', needs: 'nothing', run: reportTargetPortGroups }), // A3/0A
  row({ wire: CDB.REPORT_SUPPORTED_OPERATION_CODES, access: 'none', reservation: 'read', needs: 'nothing', run: reportSupportedOperationCodes }), // A3/0C
  row({ wire: CDB.REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS, access: 'none', reservation: 'read', needs: 'nothing', run: reportSupportedTaskManagementFunctions }), // A3/0D
  row({ wire: CDB.REPORT_TIMESTAMP, access: 'none', reservation: 'legacy', needs: 'unit', run: reportTimestamp }), // A3/0F
  row({ wire: CDB.SET_IDENTIFYING_INFORMATION, access: 'none', reservation: 'write', needs: 'unit', run: setIdentifyingInformation }), // A4/06
  row({ wire: CDB.SET_TARGET_PORT_GROUPS, access: 'none', reservation: 'write', needs: 'nothing', run: setTargetPortGroups }), // A4/0A
  row({ wire: CDB.SET_TIMESTAMP, access: 'none', reservation: 'write', needs: 'unit', run: setTimestamp }), // A4/0F
  row({ wire: CDB.READ_12, access: 'read', reservation: 'read', needs: 'medium', limit: 'transferBlocks', run: read }), // A8
  row({ wire: CDB.WRITE_12, access: 'write', reservation: 'write', needs: 'medium', limit: 'transferBlocks', run: write }), // AA
  row({ wire: CDB.WRITE_AND_VERIFY_12, access: 'write', reservation: 'write', needs: 'medium', limit: 'transferBlocks', run: writeAndVerify }), // AE
  row({ wire: CDB.VERIFY_12, access: 'read', reservation: 'read', needs: 'medium', limit: 'transferBlocks', run: verify }), // AF
  row({ wire: CDB.READ_DEFECT_DATA_12, access: 'none', reservation: 'read', needs: 'medium', run: readDefectData }), // B7
]
