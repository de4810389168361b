// Login Response (RFC 7143 11.13). What statusClass and statusDetail mean is in login-status.ts.

import { bits, bytes, flag, reserved, u8, u16, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { TARGET_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const LOGIN_RESPONSE = layout('Login Response', 'RFC 7143 11.13', 48, [
  reserved(2), bits(6, 'opcode', TARGET_OPCODE.LOGIN_RESPONSE),                                  // byte 0
  flag('transit'), flag('continue'), reserved(2), bits(2, 'currentStage'), bits(2, 'nextStage'), // 1
  u8('versionMax'), u8('versionActive'),                                                         // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),                                                // 4-7
  bytes(6, 'isid'), u16('tsih'),                                                                 // 8-15
  u32('initiatorTaskTag'),                                                                       // 16-19
  reserved(32),                                                                                  // 20-23
  u32('statSn'),                                                                                 // 24-27
  u32('expCmdSn'),                                                                               // 28-31
  u32('maxCmdSn'),                                                                               // 32-35
  u8('statusClass'), u8('statusDetail'), reserved(16),                                           // 36-39
  reserved(64),                                                                                  // 40-47
])
