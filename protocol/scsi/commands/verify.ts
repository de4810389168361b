// VERIFY(10), (12) and (16) (SBC-3 5.29 to 5.31). BYTCHK: 00b compares nothing, 01b all blocks, 11b each with one block.

import { bits, flag, ignored, reserved, u8, u16, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const VERIFY_10 = layout('VERIFY(10)', 'SBC-3 5.29', 10, [
  u8('opcode', 0x2f),
  bits(3, 'vrprotect'),
  flag('dpo'),
  reserved(1),
  bits(2, 'bytchk'),
  ignored(1), // 1, RELADR
  u32('lba'), // 2-5
  ...group(),
  u16('blocks'), // 7-8
  ...control(),
])

export const VERIFY_12 = layout('VERIFY(12)', 'SBC-3 5.30', 12, [
  u8('opcode', 0xaf),
  bits(3, 'vrprotect'),
  flag('dpo'),
  reserved(1),
  bits(2, 'bytchk'),
  ignored(1), // 1, RELADR
  u32('lba'), // 2-5
  u32('blocks'), // 6-9
  ...group(),
  ...control(),
])

export const VERIFY_16 = layout('VERIFY(16)', 'SBC-3 5.31', 16, [
  u8('opcode', 0x8f),
  bits(3, 'vrprotect'),
  flag('dpo'),
  reserved(1),
  bits(2, 'bytchk'),
  reserved(1), // 1
  u64('lba'), // 2-9
  u32('blocks'), // 10-13
  ...group(), // 14
  ...control(),
])
