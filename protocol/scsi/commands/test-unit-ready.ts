// TEST UNIT READY (SPC-4 6.47).

import { reserved, u8 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const TEST_UNIT_READY = layout('TEST UNIT READY', 'SPC-4 6.47', 6, [
  u8('opcode', 0x00),
  reserved(32), // 1-4
  ...control(),
])
