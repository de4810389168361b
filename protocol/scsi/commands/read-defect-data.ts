// READ DEFECT DATA(10) and (12) (SBC-3 5.17, 5.18). Parameter data: ../defect-list.ts.

import { bits, flag, reserved, u8, u16, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const READ_DEFECT_DATA_10 = layout('READ DEFECT DATA(10)', 'SBC-3 5.17', 10, [
  u8('opcode', 0x37),
  reserved(8),
  reserved(3),
  flag('reqPlist'),
  flag('reqGlist'),
  bits(3, 'defectListFormat'), // 2
  reserved(32),
  u16('allocationLength'), // 7-8
  ...control(),
])

export const READ_DEFECT_DATA_12 = layout('READ DEFECT DATA(12)', 'SBC-3 5.18', 12, [
  u8('opcode', 0xb7),
  reserved(3),
  flag('reqPlist'),
  flag('reqGlist'),
  bits(3, 'defectListFormat'), // 1
  u32('addressDescriptorIndex'), // 2-5
  u32('allocationLength'), // 6-9
  reserved(8),
  ...control(),
])
