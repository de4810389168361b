// PRE-FETCH(10) and (16) (SBC-3 5.8, 5.9). No blocks means all from the LBA on.

import { flag, ignored, reserved, u8, u16, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const PRE_FETCH_10 = layout('PRE-FETCH(10)', 'SBC-3 5.8', 10, [
  u8('opcode', 0x34),
  reserved(6),
  flag('immed'),
  ignored(1), // 1, RELADR
  u32('lba'), // 2-5
  ...group(),
  u16('blocks'), // 7-8
  ...control(),
])

export const PRE_FETCH_16 = layout('PRE-FETCH(16)', 'SBC-3 5.9', 16, [
  u8('opcode', 0x90),
  reserved(6),
  flag('immed'),
  reserved(1), // 1
  u64('lba'), // 2-9
  u32('blocks'), // 10-13
  ...group(), // 14
  ...control(),
])
