// READ(6), (10), (12) and (16) (SBC-2 5.5; SBC-3 5.11 to 5.13).

import { bits, flag, ignored, reserved, u8, u16, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const READ_6 = layout('READ(6)', 'SBC-2 5.5', 6, [
  u8('opcode', 0x08),
  reserved(3),
  bits(21, 'lba'), // 1-3
  u8('blocks'), // 4, where zero is 256
  ...control(),
])

export const READ_10 = layout('READ(10)', 'SBC-3 5.11', 10, [
  u8('opcode', 0x28),
  bits(3, 'rdprotect'),
  flag('dpo'),
  flag('fua'),
  reserved(1), // RARC
  ignored(2), // 1, FUA_NV, RELADR
  u32('lba'), // 2-5
  ...group(),
  u16('blocks'), // 7-8
  ...control(),
])

export const READ_12 = layout('READ(12)', 'SBC-3 5.12', 12, [
  u8('opcode', 0xa8),
  bits(3, 'rdprotect'),
  flag('dpo'),
  flag('fua'),
  reserved(1), // RARC
  ignored(2), // 1, FUA_NV, RELADR
  u32('lba'), // 2-5
  u32('blocks'), // 6-9
  ...group(),
  ...control(),
])

export const READ_16 = layout('READ(16)', 'SBC-3 5.13', 16, [
  u8('opcode', 0x88),
  bits(3, 'rdprotect'),
  flag('dpo'),
  flag('fua'),
  reserved(1), // RARC
  ignored(1), // FUA_NV
  reserved(1), // 1, DLD2
  u64('lba'), // 2-9
  u32('blocks'), // 10-13
  ...group(), // 14
  ...control(),
])
