// SCSI Data-In (RFC 7143 11.7): data of a read; the last one carries the status of a command that ended well (S bit).

import { bits, bytes, flag, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { TARGET_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const DATA_IN = layout('SCSI Data-In', 'RFC 7143 11.7', 48, [
  reserved(2), bits(6, 'opcode', TARGET_OPCODE.DATA_IN),                                                   // byte 0
  flag('final'), flag('acknowledge'), reserved(3), flag('overflow'), flag('underflow'), flag('hasStatus'), // 1
  reserved(8),                                                                                             // 2
  u8('status'),                                                                                            // 3
  u8('totalAhsLength'), u24('dataSegmentLength'),                                                          // 4-7
  bytes(8, 'lun'),                                                                                         // 8-15
  u32('initiatorTaskTag'),                                                                                 // 16-19
  u32('targetTransferTag'),                                                                                // 20-23
  u32('statSn'),                                                                                           // 24-27
  u32('expCmdSn'),                                                                                         // 28-31
  u32('maxCmdSn'),                                                                                         // 32-35
  u32('dataSn'),                                                                                           // 36-39
  u32('bufferOffset'),                                                                                     // 40-43
  u32('residualCount'),                                                                                    // 44-47
])
