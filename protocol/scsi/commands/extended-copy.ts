// EXTENDED COPY(LID1) (SPC-4 6.5), the VAAI primitive clone, EXTENDED COPY(LID4) (SPC-4 6.4) and COPY OPERATION ABORT (SPC-4
// 6.3). Parameter lists: ../extended-copy.ts.

import { bits, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const EXTENDED_COPY_LID1 = layout('EXTENDED COPY(LID1)', 'SPC-4 6.5', 16, [
  u8('opcode', 0x83),
  reserved(3),
  bits(5, 'serviceAction', 0x00), // 1
  reserved(64),
  u32('parameterListLength'), // 10-13
  reserved(8),
  ...control(),
])

export const EXTENDED_COPY_LID4 = layout('EXTENDED COPY(LID4)', 'SPC-4 6.4', 16, [
  u8('opcode', 0x83),
  reserved(3),
  bits(5, 'serviceAction', 0x01), // 1
  reserved(64),
  u32('parameterListLength'), // 10-13
  reserved(8),
  ...control(),
])

export const COPY_OPERATION_ABORT = layout('COPY OPERATION ABORT', 'SPC-4 6.3', 16, [
  u8('opcode', 0x83),
  reserved(3),
  bits(5, 'serviceAction', 0x1c), // 1
  u32('listId'), // 2-5, LIST IDENTIFIER
  reserved(72),
  ...control(),
])
