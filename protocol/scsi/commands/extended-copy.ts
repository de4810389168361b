// EXTENDED COPY(LID1) (SPC-4 6.5): the VAAI primitive clone. Parameter list: ../extended-copy.ts.

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
