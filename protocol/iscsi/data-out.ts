// SCSI Data-Out (RFC 7143 11.7): unsolicited data, or the answer to an R2T.

import { bits, bytes, flag, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { INITIATOR_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const DATA_OUT = layout('SCSI Data-Out', 'RFC 7143 11.7', 48, [
  reserved(2), bits(6, 'opcode', INITIATOR_OPCODE.DATA_OUT), // byte 0
  flag('final'), reserved(7),                                // 1
  reserved(16),                                              // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),            // 4-7
  bytes(8, 'lun'),                                           // 8-15
  u32('initiatorTaskTag'),                                   // 16-19
  u32('targetTransferTag'),                                  // 20-23
  reserved(32),                                              // 24-27
  u32('expStatSn'),                                          // 28-31
  reserved(32),                                              // 32-35
  u32('dataSn'),                                             // 36-39
  u32('bufferOffset'),                                       // 40-43
  reserved(32),                                              // 44-47
])
