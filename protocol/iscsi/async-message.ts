// Asynchronous Message (RFC 7143 11.9): what the target says unasked. Event 0 carries sense data.

import { bits, bytes, reserved, u8, u16, u24, u32 } from '../wire/fields.ts'
import { layout } from '../wire/layout.ts'
import { RESERVED_TAG, TARGET_OPCODE } from './opcodes.ts'

// biome-ignore format: the columns are the standard's table
export const ASYNC_MESSAGE = layout('Asynchronous Message', 'RFC 7143 11.9', 48, [
  reserved(2), bits(6, 'opcode', TARGET_OPCODE.ASYNC_MESSAGE), // byte 0
  bits(1, 'final', 1), reserved(7),                            // 1
  reserved(16),                                                // 2-3
  u8('totalAhsLength'), u24('dataSegmentLength'),              // 4-7
  bytes(8, 'lun'),                                             // 8-15
  u32('initiatorTaskTag', RESERVED_TAG),                       // 16-19
  reserved(32),                                                // 20-23
  u32('statSn'),                                               // 24-27
  u32('expCmdSn'),                                             // 28-31
  u32('maxCmdSn'),                                             // 32-35
  u8('asyncEvent'), u8('asyncVCode'), u16('parameter1'),       // 36-39
  u16('parameter2'), u16('parameter3'),                        // 40-43
  reserved(32),                                                // 44-47
])

/** The asyncEvent field (RFC 7143 11.9.1): what is asked or announced, and which parameters say so. */
export const ASYNC_EVENT = {
  SCSI_ASYNCHRONOUS_EVENT: 0,
  /** parameter3: seconds within which the initiator must log out. */
  LOGOUT_REQUESTED: 1,
  /** parameter1: the CID; parameter2: Time2Wait; parameter3: Time2Retain. */
  CONNECTION_DROPPED: 2,
  /** parameter2: Time2Wait; parameter3: Time2Retain. */
  ALL_CONNECTIONS_DROPPED: 3,
  /** parameter3: seconds within which the initiator must send a Text Request. */
  NEGOTIATION_REQUESTED: 4,
  TASKS_TERMINATED: 5,
  VENDOR_SPECIFIC: 255,
} as const
