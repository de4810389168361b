// SCSI Response (RFC 7143 11.4): how a command ended. Its data segment is SenseLength, two bytes, and the sense data.

import { bits, flag, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { TARGET_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const SCSI_RESPONSE = layout('SCSI Response', 'RFC 7143 11.4', 48, [
  reserved(2), bits(6, 'opcode', TARGET_OPCODE.SCSI_RESPONSE),                                             // byte 0
  bits(1, 'final', 1), reserved(2), flag('bidirectionalReadOverflow'), flag('bidirectionalReadUnderflow'), // 1
  flag('overflow'), flag('underflow'), reserved(1),                                                        // 1
  u8('response'),                                                                                          // 2
  u8('status'),                                                                                            // 3
  u8('totalAhsLength'), u24('dataSegmentLength'),                                                          // 4-7
  reserved(64),                                                                                            // 8-15
  u32('initiatorTaskTag'),                                                                                 // 16-19
  u32('snackTag'),                                                                                         // 20-23
  u32('statSn'),                                                                                           // 24-27
  u32('expCmdSn'),                                                                                         // 28-31
  u32('maxCmdSn'),                                                                                         // 32-35
  u32('expDataSn'),                                                                                        // 36-39
  u32('bidirectionalReadResidualCount'),                                                                   // 40-43
  u32('residualCount'),                                                                                    // 44-47
])

/** The response field (RFC 7143 11.4.3): 80h to FFh are vendor specific. */
export const SCSI_RESPONSE_CODE = { COMMAND_COMPLETED_AT_TARGET: 0x00, TARGET_FAILURE: 0x01 } as const
