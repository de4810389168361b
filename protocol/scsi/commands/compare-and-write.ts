// COMPARE AND WRITE (SBC-4 5.3): the VAAI primitive ATS.

import { bits, flag, ignored, reserved, u8, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const COMPARE_AND_WRITE = layout('COMPARE AND WRITE', 'SBC-4 5.3', 16, [
  u8('opcode', 0x89),
  bits(3, 'wrprotect'),
  flag('dpo'),
  flag('fua'),
  reserved(1),
  ignored(1), // FUA_NV
  reserved(1), // 1
  u64('lba'), // 2-9
  reserved(24),
  u8('blocks'), // 13
  ...group(), // 14
  ...control(),
])
