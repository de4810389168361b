// GET LBA STATUS(16) (SBC-4 5.5; SBC-3 5.4 without REPORT TYPE). Parameter data: ../lba-status.ts.

import { bits, reserved, u8, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const GET_LBA_STATUS = layout('GET LBA STATUS(16)', 'SBC-4 5.5', 16, [
  u8('opcode', 0x9e),
  reserved(3),
  bits(5, 'serviceAction', 0x12), // 1
  u64('lba'), // 2-9, STARTING LOGICAL BLOCK ADDRESS
  u32('allocationLength'), // 10-13
  u8('reportType'), // 14
  ...control(),
])
