// SNACK Request (RFC 7143 11.16): asks again for PDUs that were lost, or acknowledges data (error recovery level 1).

import { bits, bytes, reserved, u8, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { INITIATOR_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const SNACK_REQUEST = layout('SNACK Request', 'RFC 7143 11.16', 48, [
  reserved(2), bits(6, 'opcode', INITIATOR_OPCODE.SNACK_REQUEST), // byte 0
  bits(1, 'final', 1), reserved(3), bits(4, 'type'),              // 1
  reserved(16),                                                   // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),                 // 4-7
  bytes(8, 'lun'),                                                // 8-15
  u32('initiatorTaskTag'),                                        // 16-19
  u32('targetTransferTag'),                                       // 20-23
  reserved(32),                                                   // 24-27
  u32('expStatSn'),                                               // 28-31
  reserved(64),                                                   // 32-39
  u32('begRun'),                                                  // 40-43
  u32('runLength'),                                               // 44-47
])

/** The type field (RFC 7143 11.16.1). R_DATA carries its SNACK Tag in targetTransferTag. */
export const SNACK_TYPE = { DATA_OR_R2T: 0, STATUS: 1, DATA_ACK: 2, R_DATA: 3 } as const
