// Logout Request (RFC 7143 11.14).

import { bits, flag, reserved, u8, u16, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { INITIATOR_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const LOGOUT_REQUEST = layout('Logout Request', 'RFC 7143 11.14', 48, [
  reserved(1), flag('immediate'), bits(6, 'opcode', INITIATOR_OPCODE.LOGOUT_REQUEST), // byte 0
  bits(1, 'final', 1), bits(7, 'reason'),                                             // 1
  reserved(16),                                                                       // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),                                     // 4-7
  reserved(64),                                                                       // 8-15
  u32('initiatorTaskTag'),                                                            // 16-19
  u16('cid'), reserved(16),                                                           // 20-23
  u32('cmdSn'),                                                                       // 24-27
  u32('expStatSn'),                                                                   // 28-31
  reserved(128),                                                                      // 32-47
])

/** The reason field (RFC 7143 11.14.1). */
export const LOGOUT_REASON = {
  CLOSE_THE_SESSION: 0,
  CLOSE_THE_CONNECTION: 1,
  REMOVE_THE_CONNECTION_FOR_RECOVERY: 2,
} as const
