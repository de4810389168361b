// SYNCHRONIZE CACHE(10) and (16) (SBC-3 5.26, 5.27). No blocks means all from the LBA on.

import { flag, ignored, reserved, u8, u16, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const SYNCHRONIZE_CACHE_10 = layout('SYNCHRONIZE CACHE(10)', 'SBC-3 5.26', 10, [
  u8('opcode', 0x35),
  reserved(5),
  ignored(1), // SYNC_NV
  flag('immed'),
  ignored(1), // 1, RELADR
  u32('lba'), // 2-5
  ...group(),
  u16('blocks'), // 7-8
  ...control(),
])

export const SYNCHRONIZE_CACHE_16 = layout('SYNCHRONIZE CACHE(16)', 'SBC-3 5.27', 16, [
  u8('opcode', 0x91),
  reserved(5),
  ignored(1), // SYNC_NV
  flag('immed'),
  reserved(1), // 1
  u64('lba'), // 2-9
  u32('blocks'), // 10-13
  ...group(), // 14
  ...control(),
])
