// Reject (RFC 7143 11.17): a PDU that cannot be served; its header comes back as the data segment.

import { bits, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { RESERVED_TAG, TARGET_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const REJECT = layout('Reject', 'RFC 7143 11.17', 48, [
  reserved(2), bits(6, 'opcode', TARGET_OPCODE.REJECT), // byte 0
  bits(1, 'final', 1), reserved(7),                     // 1
  u8('reason'),                                         // 2
  reserved(8),                                          // 3
  u8('totalAhsLength'), u24('dataSegmentLength'),       // 4-7
  reserved(64),                                         // 8-15
  u32('initiatorTaskTag', RESERVED_TAG),                // 16-19
  reserved(32),                                         // 20-23
  u32('statSn'),                                        // 24-27
  u32('expCmdSn'),                                      // 28-31
  u32('maxCmdSn'),                                      // 32-35
  u32('dataSn'),                                        // 36-39
  reserved(64),                                         // 40-47
])

/** The reason field (RFC 7143 11.17.1). */
export const REJECT_REASON = {
  DATA_DIGEST_ERROR: 0x02,
  SNACK_REJECT: 0x03,
  PROTOCOL_ERROR: 0x04,
  COMMAND_NOT_SUPPORTED: 0x05,
  IMMEDIATE_COMMAND_REJECT: 0x06,
  TASK_IN_PROGRESS: 0x07,
  INVALID_DATA_ACK: 0x08,
  INVALID_PDU_FIELD: 0x09,
  LONG_OPERATION_REJECT: 0x0a,
  WAITING_FOR_LOGOUT: 0x0c,
} as const
