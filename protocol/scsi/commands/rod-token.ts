// POPULATE TOKEN (SBC-3 5.7) and WRITE USING TOKEN (SBC-3 5.46), which Windows calls offloaded data transfer. Parameter lists:
// ../rod-token-lists.ts.

import { bits, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const POPULATE_TOKEN = layout('POPULATE TOKEN', 'SBC-3 5.7', 16, [
  u8('opcode', 0x83),
  reserved(3),
  bits(5, 'serviceAction', 0x10), // 1
  reserved(32),
  u32('listId'), // 6-9, LIST IDENTIFIER
  u32('parameterListLength'), // 10-13
  ...group(), // 14
  ...control(),
])

export const WRITE_USING_TOKEN = layout('WRITE USING TOKEN', 'SBC-3 5.46', 16, [
  u8('opcode', 0x83),
  reserved(3),
  bits(5, 'serviceAction', 0x11), // 1
  reserved(32),
  u32('listId'), // 6-9, LIST IDENTIFIER
  u32('parameterListLength'), // 10-13
  ...group(), // 14
  ...control(),
])
