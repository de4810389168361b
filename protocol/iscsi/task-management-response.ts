// Task Management Function Response (RFC 7143 11.6; RFC 7144 for the additional response information).

import { bits, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { TARGET_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const TASK_MANAGEMENT_RESPONSE = layout('Task Management Function Response', 'RFC 7143 11.6', 48, [
  reserved(2), bits(6, 'opcode', TARGET_OPCODE.TASK_MANAGEMENT_RESPONSE), // byte 0
  bits(1, 'final', 1), reserved(7),                                       // 1
  u8('response'),                                                         // 2
  reserved(8),                                                            // 3
  u8('totalAhsLength'), u24('dataSegmentLength'),                         // 4-7
  u24('additionalResponseInformation'), reserved(40),                     // 8-15
  u32('initiatorTaskTag'),                                                // 16-19
  reserved(32),                                                           // 20-23
  u32('statSn'),                                                          // 24-27
  u32('expCmdSn'),                                                        // 28-31
  u32('maxCmdSn'),                                                        // 32-35
  reserved(96),                                                           // 36-47
])

/** The response field (RFC 7143 11.6.1; FUNCTION_SUCCEEDED is RFC 7144's answer to the query functions). */
export const TASK_MANAGEMENT_RESPONSE_CODE = {
  FUNCTION_COMPLETE: 0,
  TASK_DOES_NOT_EXIST: 1,
  LUN_DOES_NOT_EXIST: 2,
  TASK_STILL_ALLEGIANT: 3,
  TASK_ALLEGIANCE_REASSIGNMENT_NOT_SUPPORTED: 4,
  FUNCTION_NOT_SUPPORTED: 5,
  FUNCTION_AUTHORIZATION_FAILED: 6,
  FUNCTION_SUCCEEDED: 7,
  FUNCTION_REJECTED: 255,
} as const
