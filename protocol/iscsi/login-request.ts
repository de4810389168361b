// Login Request (RFC 7143 11.12). The immediate bit is always set by the sender; a decoder does not insist on it.

import { bits, bytes, flag, reserved, u8, u16, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { INITIATOR_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const LOGIN_REQUEST = layout('Login Request', 'RFC 7143 11.12', 48, [
  reserved(1), flag('immediate'), bits(6, 'opcode', INITIATOR_OPCODE.LOGIN_REQUEST),             // byte 0
  flag('transit'), flag('continue'), reserved(2), bits(2, 'currentStage'), bits(2, 'nextStage'), // 1
  u8('versionMax'), u8('versionMin'),                                                            // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),                                                // 4-7
  bytes(6, 'isid'), u16('tsih'),                                                                 // 8-15
  u32('initiatorTaskTag'),                                                                       // 16-19
  u16('cid'), reserved(16),                                                                      // 20-23
  u32('cmdSn'),                                                                                  // 24-27
  u32('expStatSn'),                                                                              // 28-31
  reserved(128),                                                                                 // 32-47
])

/** The currentStage and nextStage fields (RFC 7143 11.12.3): 2 is reserved. */
export const LOGIN_STAGE = { SECURITY_NEGOTIATION: 0, LOGIN_OPERATIONAL_NEGOTIATION: 1, FULL_FEATURE_PHASE: 3 } as const
