// What tells of third-party copies, operation code 84h: until SPC-3 service actions of RECEIVE COPY RESULTS, since SPC-4
// commands of their own. Parameter data: ../copy-status.ts, ../copy-status-lid4.ts, ../extended-copy-parameters.ts.

import { bits, ignored, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const RECEIVE_COPY_STATUS_LID1 = layout('RECEIVE COPY STATUS(LID1)', 'SPC-4 6.24', 16, [
  u8('opcode', 0x84),
  reserved(3),
  bits(5, 'serviceAction', 0x00), // 1
  u8('listId'), // 2, LIST IDENTIFIER
  reserved(56),
  u32('allocationLength'), // 10-13
  reserved(8),
  ...control(),
])

export const RECEIVE_COPY_DATA_LID1 = layout('RECEIVE COPY DATA(LID1)', 'SPC-4 6.21', 16, [
  u8('opcode', 0x84),
  reserved(3),
  bits(5, 'serviceAction', 0x01), // 1
  u8('listId'), // 2, LIST IDENTIFIER
  reserved(56),
  u32('allocationLength'), // 10-13
  reserved(8),
  ...control(),
])

export const RECEIVE_COPY_OPERATING_PARAMETERS = layout('RECEIVE COPY OPERATING PARAMETERS', 'SPC-4 6.23', 16, [
  u8('opcode', 0x84),
  reserved(3),
  bits(5, 'serviceAction', 0x03), // 1
  ignored(8), // 2, LIST IDENTIFIER, which only the other service actions read
  reserved(56),
  u32('allocationLength'), // 10-13
  reserved(8),
  ...control(),
])

export const RECEIVE_COPY_FAILURE_DETAILS_LID1 = layout('RECEIVE COPY FAILURE DETAILS(LID1)', 'SPC-4 6.22', 16, [
  u8('opcode', 0x84),
  reserved(3),
  bits(5, 'serviceAction', 0x04), // 1
  u8('listId'), // 2, LIST IDENTIFIER
  reserved(56),
  u32('allocationLength'), // 10-13
  reserved(8),
  ...control(),
])

export const RECEIVE_COPY_STATUS_LID4 = layout('RECEIVE COPY STATUS(LID4)', 'SPC-4 6.25', 16, [
  u8('opcode', 0x84),
  reserved(3),
  bits(5, 'serviceAction', 0x05), // 1
  u32('listId'), // 2-5, LIST IDENTIFIER
  reserved(32),
  u32('allocationLength'), // 10-13
  reserved(8),
  ...control(),
])

export const RECEIVE_COPY_DATA_LID4 = layout('RECEIVE COPY DATA(LID4)', 'SPC-4 6.20', 16, [
  u8('opcode', 0x84),
  reserved(3),
  bits(5, 'serviceAction', 0x06), // 1
  u32('listId'), // 2-5, LIST IDENTIFIER
  reserved(32),
  u32('allocationLength'), // 10-13
  reserved(8),
  ...control(),
])

export const RECEIVE_ROD_TOKEN_INFORMATION = layout('RECEIVE ROD TOKEN INFORMATION', 'SPC-4 6.28', 16, [
  u8('opcode', 0x84),
  reserved(3),
  bits(5, 'serviceAction', 0x07), // 1
  u32('listId'), // 2-5, LIST IDENTIFIER
  reserved(32),
  u32('allocationLength'), // 10-13
  reserved(8),
  ...control(),
])

export const REPORT_ALL_ROD_TOKENS = layout('REPORT ALL ROD TOKENS', 'SPC-4 6.30', 16, [
  u8('opcode', 0x84),
  reserved(3),
  bits(5, 'serviceAction', 0x08), // 1
  reserved(64),
  u32('allocationLength'), // 10-13
  reserved(8),
  ...control(),
])
