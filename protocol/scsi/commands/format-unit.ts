// FORMAT UNIT (SBC-4 5.4). Parameter list: ../format-list.ts. Byte 2 is vendor specific, byte 3 was the INTERLEAVE.

import { bits, flag, ignored, reserved, u8 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const FORMAT_UNIT = layout('FORMAT UNIT', 'SBC-4 5.4', 6, [
  u8('opcode', 0x04),
  bits(2, 'fmtpinfo'),
  flag('longList'),
  flag('fmtData'),
  flag('cmpLst'),
  bits(3, 'defectListFormat'), // 1
  ignored(16), // 2-3
  reserved(6),
  bits(2, 'ffmt'), // 4
  ...control(),
])
