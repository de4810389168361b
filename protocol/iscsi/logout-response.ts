// Logout Response (RFC 7143 11.15): after it the target closes what was asked for.

import { bits, reserved, u8, u16, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { TARGET_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const LOGOUT_RESPONSE = layout('Logout Response', 'RFC 7143 11.15', 48, [
  reserved(2), bits(6, 'opcode', TARGET_OPCODE.LOGOUT_RESPONSE), // byte 0
  bits(1, 'final', 1), reserved(7),                              // 1
  u8('response'),                                                // 2
  reserved(8),                                                   // 3
  u8('totalAhsLength'), u24('dataSegmentLength'),                // 4-7
  reserved(64),                                                  // 8-15
  u32('initiatorTaskTag'),                                       // 16-19
  reserved(32),                                                  // 20-23
  u32('statSn'),                                                 // 24-27
  u32('expCmdSn'),                                               // 28-31
  u32('maxCmdSn'),                                               // 32-35
  reserved(32),                                                  // 36-39
  u16('time2Wait'), u16('time2Retain'),                          // 40-43
  reserved(32),                                                  // 44-47
])

/** The response field (RFC 7143 11.15.1). */
export const LOGOUT_RESPONSE_CODE = {
  CLOSED_SUCCESSFULLY: 0,
  CID_NOT_FOUND: 1,
  CONNECTION_RECOVERY_NOT_SUPPORTED: 2,
  CLEANUP_FAILED: 3,
} as const
