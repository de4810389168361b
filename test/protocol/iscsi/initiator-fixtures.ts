// Fixtures of the PDUs that an initiator sends (RFC 7143 11.3, 11.5, 11.7, 11.10, 11.12, 11.14, 11.16, 11.18).

import { DATA_OUT } from '../../../protocol/iscsi/data-out.ts'
import { LOGIN_REQUEST } from '../../../protocol/iscsi/login-request.ts'
import { LOGOUT_REQUEST } from '../../../protocol/iscsi/logout-request.ts'
import { NOP_OUT } from '../../../protocol/iscsi/nop-out.ts'
import { SCSI_COMMAND } from '../../../protocol/iscsi/scsi-command.ts'
import { SNACK_REQUEST } from '../../../protocol/iscsi/snack-request.ts'
import { TASK_MANAGEMENT_REQUEST } from '../../../protocol/iscsi/task-management-request.ts'
import { TEXT_REQUEST } from '../../../protocol/iscsi/text-request.ts'
import { bytes, LUN_1, NO_LUN, NONE, type PduFixture, pdu } from './fixture.ts'

const READ_10 = bytes('28 00 00 00 10 00 00 00 08 00 00 00 00 00 00 00')
const LONG_CDB = bytes('7f 00 00 00 00 00 00 18 00 09 20 00 00 00 00 00')

export const INITIATOR_FIXTURES: readonly PduFixture[] = [
  pdu(
    'NOP-Out: an immediate ping with data',
    0x00,
    NOP_OUT,
    `40800000 00000005 00010000 00000000 0000002a ffffffff 00000010 00000020
     00000000 00000000 00000000 00000000 70696e67 21000000`,
    {
      immediate: true,
      totalAhsLength: 0,
      dataSegmentLength: 5,
      lun: LUN_1,
      initiatorTaskTag: 0x2a,
      targetTransferTag: 0xffffffff,
      cmdSn: 0x10,
      expStatSn: 0x20,
    },
    { data: Buffer.from('ping!') },
  ),
  pdu(
    'SCSI Command: READ(10), simple task attribute',
    0x01,
    SCSI_COMMAND,
    `01c10000 00000000 00010000 00000000 00000007 00001000 00000003 fffffffe
     28000000 10000000 08000000 00000000`,
    {
      ...NONE,
      immediate: false,
      final: true,
      read: true,
      write: false,
      attributes: 1,
      lun: LUN_1,
      initiatorTaskTag: 7,
      expectedDataTransferLength: 4096,
      cmdSn: 3,
      expStatSn: 0xfffffffe,
      cdb: READ_10,
    },
  ),
  pdu(
    'SCSI Command: bidirectional, 32-byte CDB, immediate data; extended CDB and read length in AHSs',
    0x01,
    SCSI_COMMAND,
    `41640000 07000004 00010000 00000000 00000008 00000200 00000004 00000009
     7f000000 00000018 00092000 00000000
     00110100 a0a1a2a3 a4a5a6a7 a8a9aaab acadaeaf
     00050200 00000400
     deadbeef`,
    {
      immediate: true,
      final: false,
      read: true,
      write: true,
      attributes: 4,
      totalAhsLength: 7,
      dataSegmentLength: 4,
      lun: LUN_1,
      initiatorTaskTag: 8,
      expectedDataTransferLength: 512,
      cmdSn: 4,
      expStatSn: 9,
      cdb: LONG_CDB,
    },
    {
      ahs: [
        { kind: 'extended CDB', cdb: bytes('a0a1a2a3 a4a5a6a7 a8a9aaab acadaeaf') },
        { kind: 'bidirectional read', expectedReadDataLength: 1024 },
      ],
      data: bytes('deadbeef'),
    },
  ),
  pdu(
    'Task Management Function Request: ABORT TASK',
    0x02,
    TASK_MANAGEMENT_REQUEST,
    `42810000 00000000 00010000 00000000 00000031 00000007 00000005 0000000b
     00000003 00000002 00000000 00000000`,
    {
      ...NONE,
      immediate: true,
      function: 1,
      lun: LUN_1,
      initiatorTaskTag: 0x31,
      referencedTaskTag: 7,
      cmdSn: 5,
      expStatSn: 0x0b,
      refCmdSn: 3,
      expDataSn: 2,
    },
  ),
  pdu(
    'Login Request: leading, operational negotiation to full feature phase',
    0x03,
    LOGIN_REQUEST,
    `43870000 00000010 00023d01 02030000 00000001 00070000 00000001 00000000
     00000000 00000000 00000000 00000000
     44617461 44696765 73743d4e 6f6e6500`,
    {
      immediate: true,
      transit: true,
      continue: false,
      currentStage: 1,
      nextStage: 3,
      versionMax: 0,
      versionMin: 0,
      totalAhsLength: 0,
      dataSegmentLength: 16,
      isid: bytes('00023d010203'),
      tsih: 0,
      initiatorTaskTag: 1,
      cid: 7,
      cmdSn: 1,
      expStatSn: 0,
    },
    { data: Buffer.from('DataDigest=None\0') },
  ),
  pdu(
    'Text Request: SendTargets=All',
    0x04,
    TEXT_REQUEST,
    `04800000 00000010 00000000 00000000 00000011 ffffffff 00000002 00000003
     00000000 00000000 00000000 00000000
     53656e64 54617267 6574733d 416c6c00`,
    {
      immediate: false,
      final: true,
      continue: false,
      totalAhsLength: 0,
      dataSegmentLength: 16,
      lun: NO_LUN,
      initiatorTaskTag: 0x11,
      targetTransferTag: 0xffffffff,
      cmdSn: 2,
      expStatSn: 3,
    },
    { data: Buffer.from('SendTargets=All\0') },
  ),
  pdu(
    'SCSI Data-Out: the last of an unsolicited sequence, 3 bytes and padding',
    0x05,
    DATA_OUT,
    `05800000 00000003 00010000 00000000 00000008 ffffffff 00000000 0000000c
     00000000 00000002 00000200 00000000 010203 00`,
    {
      final: true,
      totalAhsLength: 0,
      dataSegmentLength: 3,
      lun: LUN_1,
      initiatorTaskTag: 8,
      targetTransferTag: 0xffffffff,
      expStatSn: 0x0c,
      dataSn: 2,
      bufferOffset: 0x200,
    },
    { data: bytes('010203') },
  ),
  pdu(
    'Logout Request: close the connection',
    0x06,
    LOGOUT_REQUEST,
    `46810000 00000000 00000000 00000000 00000041 00070000 00000009 0000000d
     00000000 00000000 00000000 00000000`,
    { ...NONE, immediate: true, reason: 1, initiatorTaskTag: 0x41, cid: 7, cmdSn: 9, expStatSn: 0x0d },
  ),
  pdu(
    'SNACK Request: three Data-In PDUs again',
    0x10,
    SNACK_REQUEST,
    `10800000 00000000 00010000 00000000 00000007 ffffffff 00000000 0000000e
     00000000 00000000 00000004 00000003`,
    {
      ...NONE,
      type: 0,
      lun: LUN_1,
      initiatorTaskTag: 7,
      targetTransferTag: 0xffffffff,
      expStatSn: 0x0e,
      begRun: 4,
      runLength: 3,
    },
  ),
]
