// Ready To Transfer (RFC 7143 11.8): the target asks for a part of the data of a write.

import { bits, bytes, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { TARGET_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const R2T = layout('Ready To Transfer', 'RFC 7143 11.8', 48, [
  reserved(2), bits(6, 'opcode', TARGET_OPCODE.R2T), // byte 0
  bits(1, 'final', 1), reserved(7),                  // 1
  reserved(16),                                      // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),    // 4-7
  bytes(8, 'lun'),                                   // 8-15
  u32('initiatorTaskTag'),                           // 16-19
  u32('targetTransferTag'),                          // 20-23
  u32('statSn'),                                     // 24-27
  u32('expCmdSn'),                                   // 28-31
  u32('maxCmdSn'),                                   // 32-35
  u32('r2tSn'),                                      // 36-39
  u32('bufferOffset'),                               // 40-43
  u32('desiredDataTransferLength'),                  // 44-47
])
