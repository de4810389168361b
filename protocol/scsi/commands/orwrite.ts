// ORWRITE(16) (SBC-3 5.5): the medium becomes the medium OR the data.

import { bits, flag, ignored, reserved, u8, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const ORWRITE_16 = layout('ORWRITE(16)', 'SBC-3 5.5', 16, [
  u8('opcode', 0x8b),
  bits(3, 'orprotect'),
  flag('dpo'),
  flag('fua'),
  reserved(1),
  ignored(1), // FUA_NV
  reserved(1), // 1
  u64('lba'), // 2-9
  u32('blocks'), // 10-13
  ...group(), // 14
  ...control(),
])
