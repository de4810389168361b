// Text Request (RFC 7143 11.10): key=value text of the full feature phase, SendTargets above all.

import { bits, bytes, flag, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { INITIATOR_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const TEXT_REQUEST = layout('Text Request', 'RFC 7143 11.10', 48, [
  reserved(1), flag('immediate'), bits(6, 'opcode', INITIATOR_OPCODE.TEXT_REQUEST), // byte 0
  flag('final'), flag('continue'), reserved(6),                                     // 1
  reserved(16),                                                                     // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),                                   // 4-7
  bytes(8, 'lun'),                                                                  // 8-15
  u32('initiatorTaskTag'),                                                          // 16-19
  u32('targetTransferTag'),                                                         // 20-23
  u32('cmdSn'),                                                                     // 24-27
  u32('expStatSn'),                                                                 // 28-31
  reserved(128),                                                                    // 32-47
])
