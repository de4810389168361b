// READ CAPACITY(10) and (16) (SBC-3 5.15, 5.16). The LBA and PMI are obsolete: older initiators may set them, they mean
// nothing. Parameter data: ../capacity.ts.

import { bits, ignored, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const READ_CAPACITY_10 = layout('READ CAPACITY(10)', 'SBC-3 5.15', 10, [
  u8('opcode', 0x25),
  reserved(7),
  ignored(1), // RELADR
  ignored(32), // 2-5, LOGICAL BLOCK ADDRESS
  reserved(16),
  reserved(7),
  ignored(1), // 8, PMI
  ...control(),
])

export const READ_CAPACITY_16 = layout('READ CAPACITY(16)', 'SBC-3 5.16', 16, [
  u8('opcode', 0x9e),
  reserved(3),
  bits(5, 'serviceAction', 0x10), // 1
  ignored(64), // 2-9, LOGICAL BLOCK ADDRESS
  u32('allocationLength'), // 10-13
  reserved(7),
  ignored(1), // 14, PMI
  ...control(),
])
