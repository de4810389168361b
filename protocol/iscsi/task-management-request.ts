// Task Management Function Request (RFC 7143 11.5).

import { bits, bytes, flag, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { INITIATOR_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const TASK_MANAGEMENT_REQUEST = layout('Task Management Function Request', 'RFC 7143 11.5', 48, [
  reserved(1), flag('immediate'), bits(6, 'opcode', INITIATOR_OPCODE.TASK_MANAGEMENT_REQUEST), // byte 0
  bits(1, 'final', 1), bits(7, 'function'),                                                    // 1
  reserved(16),                                                                                // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),                                              // 4-7
  bytes(8, 'lun'),                                                                             // 8-15
  u32('initiatorTaskTag'),                                                                     // 16-19
  u32('referencedTaskTag'),                                                                    // 20-23
  u32('cmdSn'),                                                                                // 24-27
  u32('expStatSn'),                                                                            // 28-31
  u32('refCmdSn'),                                                                             // 32-35
  u32('expDataSn'),                                                                            // 36-39
  reserved(64),                                                                                // 40-47
])

/** The function field (RFC 7143 11.5.1; from QUERY_TASK on RFC 7144, for iSCSIProtocolLevel 2 and above). */
export const TASK_MANAGEMENT_FUNCTION = {
  ABORT_TASK: 1,
  ABORT_TASK_SET: 2,
  CLEAR_ACA: 3,
  CLEAR_TASK_SET: 4,
  LOGICAL_UNIT_RESET: 5,
  TARGET_WARM_RESET: 6,
  TARGET_COLD_RESET: 7,
  TASK_REASSIGN: 8,
  QUERY_TASK: 9,
  QUERY_TASK_SET: 10,
  I_T_NEXUS_RESET: 11,
  QUERY_ASYNCHRONOUS_EVENT: 12,
} as const
