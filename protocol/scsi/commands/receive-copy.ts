// RECEIVE COPY STATUS(LID1) (SPC-4 6.24) and RECEIVE COPY OPERATING PARAMETERS (SPC-4 6.23), until SPC-3 service actions of
// RECEIVE COPY RESULTS. Parameter data: ../copy-status.ts, ../extended-copy-parameters.ts.

import { bits, ignored, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

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
