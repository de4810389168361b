// PREVENT ALLOW MEDIUM REMOVAL (SBC-3 5.10).

import { bits, reserved, u8 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const PREVENT_ALLOW_MEDIUM_REMOVAL = layout('PREVENT ALLOW MEDIUM REMOVAL', 'SBC-3 5.10', 6, [
  u8('opcode', 0x1e),
  reserved(24), // 1-3
  reserved(6),
  bits(2, 'prevent'), // 4
  ...control(),
])
