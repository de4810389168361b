// WRITE SAME(10) and (16) (SBC-3 5.43, 5.44): the VAAI primitive zero. PBDATA and LBDATA, obsolete, asked for blocks that
// differ: to ignore them would write the wrong data, so they are refused.

import { bits, flag, ignored, reserved, u8, u16, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const WRITE_SAME_10 = layout('WRITE SAME(10)', 'SBC-3 5.43', 10, [
  u8('opcode', 0x41),
  bits(3, 'wrprotect'),
  flag('anchor'),
  flag('unmap'),
  reserved(2), // PBDATA, LBDATA
  ignored(1), // 1, RELADR
  u32('lba'), // 2-5
  ...group(),
  u16('blocks'), // 7-8
  ...control(),
])

export const WRITE_SAME_16 = layout('WRITE SAME(16)', 'SBC-3 5.44', 16, [
  u8('opcode', 0x93),
  bits(3, 'wrprotect'),
  flag('anchor'),
  flag('unmap'),
  reserved(2), // PBDATA, LBDATA
  flag('ndob'), // 1
  u64('lba'), // 2-9
  u32('blocks'), // 10-13
  ...group(), // 14
  ...control(),
])
