// WRITE(6), (10), (12) and (16) (SBC-2 5.24; SBC-3 5.33 to 5.35).

import { bits, flag, ignored, reserved, u8, u16, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const WRITE_6 = layout('WRITE(6)', 'SBC-2 5.24', 6, [
  u8('opcode', 0x0a),
  reserved(3),
  bits(21, 'lba'), // 1-3
  u8('blocks'), // 4, where zero is 256
  ...control(),
])

export const WRITE_10 = layout('WRITE(10)', 'SBC-3 5.33', 10, [
  u8('opcode', 0x2a),
  bits(3, 'wrprotect'),
  flag('dpo'),
  flag('fua'),
  reserved(1),
  ignored(2), // 1, FUA_NV, RELADR
  u32('lba'), // 2-5
  ...group(),
  u16('blocks'), // 7-8
  ...control(),
])

export const WRITE_12 = layout('WRITE(12)', 'SBC-3 5.34', 12, [
  u8('opcode', 0xaa),
  bits(3, 'wrprotect'),
  flag('dpo'),
  flag('fua'),
  reserved(1),
  ignored(2), // 1, FUA_NV, RELADR
  u32('lba'), // 2-5
  u32('blocks'), // 6-9
  ...group(),
  ...control(),
])

export const WRITE_16 = layout('WRITE(16)', 'SBC-3 5.35', 16, [
  u8('opcode', 0x8a),
  bits(3, 'wrprotect'),
  flag('dpo'),
  flag('fua'),
  reserved(1),
  ignored(1), // FUA_NV
  reserved(1), // 1, DLD2
  u64('lba'), // 2-9
  u32('blocks'), // 10-13
  ...group(), // 14
  ...control(),
])
