// NOP-Out (RFC 7143 11.18): a ping, or the answer to a NOP-In that asks for one.

import { bits, bytes, flag, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { INITIATOR_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const NOP_OUT = layout('NOP-Out', 'RFC 7143 11.18', 48, [
  reserved(1), flag('immediate'), bits(6, 'opcode', INITIATOR_OPCODE.NOP_OUT), // byte 0
  bits(1, 'final', 1), reserved(7),                                            // 1
  reserved(16),                                                                // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),                              // 4-7
  bytes(8, 'lun'),                                                             // 8-15
  u32('initiatorTaskTag'),                                                     // 16-19
  u32('targetTransferTag'),                                                    // 20-23
  u32('cmdSn'),                                                                // 24-27
  u32('expStatSn'),                                                            // 28-31
  reserved(128),                                                               // 32-47
])
