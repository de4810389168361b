// Text Response (RFC 7143 11.11).

import { bits, bytes, flag, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { TARGET_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const TEXT_RESPONSE = layout('Text Response', 'RFC 7143 11.11', 48, [
  reserved(2), bits(6, 'opcode', TARGET_OPCODE.TEXT_RESPONSE), // byte 0
  flag('final'), flag('continue'), reserved(6),                // 1
  reserved(16),                                                // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),              // 4-7
  bytes(8, 'lun'),                                             // 8-15
  u32('initiatorTaskTag'),                                     // 16-19
  u32('targetTransferTag'),                                    // 20-23
  u32('statSn'),                                               // 24-27
  u32('expCmdSn'),                                             // 28-31
  u32('maxCmdSn'),                                             // 32-35
  reserved(96),                                                // 36-47
])
