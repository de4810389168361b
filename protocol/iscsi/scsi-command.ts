// SCSI Command (RFC 7143 11.3): a CDB with its direction, task attribute and place in the command sequence.

import { bits, bytes, flag, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { INITIATOR_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const SCSI_COMMAND = layout('SCSI Command', 'RFC 7143 11.3', 48, [
  reserved(1), flag('immediate'), bits(6, 'opcode', INITIATOR_OPCODE.SCSI_COMMAND), // byte 0
  flag('final'), flag('read'), flag('write'), reserved(2), bits(3, 'attributes'),   // 1
  reserved(16),                                                                     // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),                                   // 4-7
  bytes(8, 'lun'),                                                                  // 8-15
  u32('initiatorTaskTag'),                                                          // 16-19
  u32('expectedDataTransferLength'),                                                // 20-23
  u32('cmdSn'),                                                                     // 24-27
  u32('expStatSn'),                                                                 // 28-31
  bytes(16, 'cdb'),                                                                 // 32-47
])

/** The attributes field (RFC 7143 11.3.1). */
export const TASK_ATTRIBUTE = { UNTAGGED: 0, SIMPLE: 1, ORDERED: 2, HEAD_OF_QUEUE: 3, ACA: 4 } as const
