// Fixtures of the PDUs that a target sends (RFC 7143 11.4, 11.6 to 11.9, 11.11, 11.13, 11.15, 11.17, 11.19).

import { ASYNC_MESSAGE } from '../../../protocol/iscsi/async-message.ts'
import { DATA_IN } from '../../../protocol/iscsi/data-in.ts'
import { LOGIN_RESPONSE } from '../../../protocol/iscsi/login-response.ts'
import { LOGOUT_RESPONSE } from '../../../protocol/iscsi/logout-response.ts'
import { NOP_IN } from '../../../protocol/iscsi/nop-in.ts'
import { R2T } from '../../../protocol/iscsi/r2t.ts'
import { REJECT } from '../../../protocol/iscsi/reject.ts'
import { SCSI_RESPONSE } from '../../../protocol/iscsi/scsi-response.ts'
import { TASK_MANAGEMENT_RESPONSE } from '../../../protocol/iscsi/task-management-response.ts'
import { TEXT_RESPONSE } from '../../../protocol/iscsi/text-response.ts'
import { bytes, LUN_1, NO_LUN, NONE, type PduFixture, pdu } from './fixture.ts'

const SENSE = bytes('00 12 70 00 05 00 00 00 00 0a 00 00 00 00 24 00 00 c0 00 02')

const SEQUENCE = { statSn: 0x0c, expCmdSn: 0x04, maxCmdSn: 0x43 }

export const TARGET_FIXTURES: readonly PduFixture[] = [
  pdu(
    'NOP-In: a ping that wants an answer',
    0x20,
    NOP_IN,
    `20800000 00000000 00010000 00000000 ffffffff 00000055 0000000c 00000004
     00000043 00000000 00000000 00000000`,
    { ...NONE, ...SEQUENCE, lun: LUN_1, initiatorTaskTag: 0xffffffff, targetTransferTag: 0x55 },
  ),
  pdu(
    'SCSI Response: CHECK CONDITION with sense data, underflow',
    0x21,
    SCSI_RESPONSE,
    `21820002 00000014 00000000 00000000 00000007 00000000 0000000c 00000004
     00000043 00000005 00000000 00001000
     00127000 05000000 000a0000 00002400 00c00002`,
    {
      ...SEQUENCE,
      bidirectionalReadOverflow: false,
      bidirectionalReadUnderflow: false,
      overflow: false,
      underflow: true,
      response: 0,
      status: 2,
      totalAhsLength: 0,
      dataSegmentLength: 20,
      initiatorTaskTag: 7,
      snackTag: 0,
      expDataSn: 5,
      bidirectionalReadResidualCount: 0,
      residualCount: 4096,
    },
    { data: SENSE },
  ),
  pdu(
    'SCSI Response: a bidirectional command with both residuals, read underflow and write overflow',
    0x21,
    SCSI_RESPONSE,
    `218c0000 00000000 00000000 00000000 00000008 00000099 0000000c 00000004
     00000043 00000001 00000010 00000020`,
    {
      ...NONE,
      ...SEQUENCE,
      bidirectionalReadOverflow: false,
      bidirectionalReadUnderflow: true,
      overflow: true,
      underflow: false,
      response: 0,
      status: 0,
      initiatorTaskTag: 8,
      snackTag: 0x99,
      expDataSn: 1,
      bidirectionalReadResidualCount: 16,
      residualCount: 32,
    },
  ),
  pdu(
    'Task Management Function Response: task does not exist',
    0x22,
    TASK_MANAGEMENT_RESPONSE,
    `22800100 00000000 00000000 00000000 00000031 00000000 0000000c 00000004
     00000043 00000000 00000000 00000000`,
    { ...NONE, ...SEQUENCE, response: 1, additionalResponseInformation: 0, initiatorTaskTag: 0x31 },
  ),
  pdu(
    'Task Management Function Response: an asynchronous event (RFC 7144)',
    0x22,
    TASK_MANAGEMENT_RESPONSE,
    `22800700 00000000 16290700 00000000 00000031 00000000 0000000c 00000004
     00000043 00000000 00000000 00000000`,
    { ...NONE, ...SEQUENCE, response: 7, additionalResponseInformation: 0x162907, initiatorTaskTag: 0x31 },
  ),
  pdu(
    'Login Response: authentication failure in the security stage',
    0x23,
    LOGIN_RESPONSE,
    `23000000 00000000 00023d01 0203beef 00000001 00000000 0000000c 00000004
     00000043 02010000 00000000 00000000`,
    {
      ...NONE,
      ...SEQUENCE,
      transit: false,
      continue: false,
      currentStage: 0,
      nextStage: 0,
      versionMax: 0,
      versionActive: 0,
      isid: bytes('00023d010203'),
      tsih: 0xbeef,
      initiatorTaskTag: 1,
      statusClass: 2,
      statusDetail: 1,
    },
  ),
  pdu(
    'Text Response: a part of SendTargets, more follows',
    0x24,
    TEXT_RESPONSE,
    `24400000 00000006 00000000 00000000 00000011 00000012 0000000c 00000004
     00000043 00000000 00000000 00000000 54617267 65740000`,
    {
      ...SEQUENCE,
      final: false,
      continue: true,
      totalAhsLength: 0,
      dataSegmentLength: 6,
      lun: NO_LUN,
      initiatorTaskTag: 0x11,
      targetTransferTag: 0x12,
    },
    { data: Buffer.from('Target') },
  ),
  pdu(
    'SCSI Data-In: the last one, with GOOD status and underflow',
    0x25,
    DATA_IN,
    `25830000 00000002 00000000 00000000 00000007 ffffffff 0000000c 00000004
     00000043 00000003 00000e00 000001fe aabb0000`,
    {
      ...SEQUENCE,
      final: true,
      acknowledge: false,
      overflow: false,
      underflow: true,
      hasStatus: true,
      status: 0,
      totalAhsLength: 0,
      dataSegmentLength: 2,
      lun: NO_LUN,
      initiatorTaskTag: 7,
      targetTransferTag: 0xffffffff,
      dataSn: 3,
      bufferOffset: 0xe00,
      residualCount: 0x1fe,
    },
    { data: bytes('aabb') },
  ),
  pdu(
    'SCSI Data-In: in the middle, acknowledgement wanted',
    0x25,
    DATA_IN,
    `25400000 00000004 00010000 00000000 00000007 00000077 00000000 00000004
     00000043 00000001 00000004 00000000 00112233`,
    {
      statSn: 0,
      expCmdSn: 4,
      maxCmdSn: 0x43,
      final: false,
      acknowledge: true,
      overflow: false,
      underflow: false,
      hasStatus: false,
      status: 0,
      totalAhsLength: 0,
      dataSegmentLength: 4,
      lun: LUN_1,
      initiatorTaskTag: 7,
      targetTransferTag: 0x77,
      dataSn: 1,
      bufferOffset: 4,
      residualCount: 0,
    },
    { data: bytes('00112233') },
  ),
  pdu(
    'Logout Response: closed, with the times to wait and retain',
    0x26,
    LOGOUT_RESPONSE,
    `26800000 00000000 00000000 00000000 00000041 00000000 0000000c 00000004
     00000043 00000000 00020014 00000000`,
    { ...NONE, ...SEQUENCE, response: 0, initiatorTaskTag: 0x41, time2Wait: 2, time2Retain: 20 },
  ),
  pdu(
    'Ready To Transfer: the second part of a write',
    0x31,
    R2T,
    `31800000 00000000 00010000 00000000 00000008 00000066 0000000c 00000004
     00000043 00000001 00040000 00010000`,
    {
      ...NONE,
      ...SEQUENCE,
      lun: LUN_1,
      initiatorTaskTag: 8,
      targetTransferTag: 0x66,
      r2tSn: 1,
      bufferOffset: 0x40000,
      desiredDataTransferLength: 0x10000,
    },
  ),
  pdu(
    'Asynchronous Message: the target will drop a connection',
    0x32,
    ASYNC_MESSAGE,
    `32800000 00000000 00000000 00000000 ffffffff 00000000 0000000c 00000004
     00000043 02000007 00020014 00000000`,
    { ...NONE, ...SEQUENCE, lun: NO_LUN, asyncEvent: 2, asyncVCode: 0, parameter1: 7, parameter2: 2, parameter3: 20 },
  ),
  pdu(
    'Reject: invalid PDU field, the header of the bad PDU as data',
    0x3f,
    REJECT,
    `3f800900 00000030 00000000 00000000 ffffffff 00000000 0000000c 00000004
     00000043 00000000 00000000 00000000
     01c10000 00000000 00010000 00000000 00000007 00001000 00000003 fffffffe
     28000000 10000000 08000000 00000000`,
    { ...SEQUENCE, reason: 9, totalAhsLength: 0, dataSegmentLength: 48, dataSn: 0 },
    {
      data: bytes(
        '01c10000 00000000 00010000 00000000 00000007 00001000 00000003 fffffffe 28000000 10000000 08000000 00000000',
      ),
    },
  ),
]
