// WRITE ATOMIC(16) (SBC-4 5.46): all of the blocks or none of them, and nobody sees a part.

import { bits, flag, reserved, u8, u16, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const WRITE_ATOMIC_16 = layout('WRITE ATOMIC(16)', 'SBC-4 5.46', 16, [
  u8('opcode', 0x9c),
  bits(3, 'wrprotect'),
  flag('dpo'),
  flag('fua'),
  reserved(3), // 1
  u64('lba'), // 2-9
  u16('atomicBoundary'), // 10-11, in blocks
  u16('blocks'), // 12-13
  ...group(), // 14
  ...control(),
])
