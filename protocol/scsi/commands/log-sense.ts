// LOG SENSE (SPC-4 6.8). Parameter data: ../log/.

import { bits, flag, ignored, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const LOG_SENSE = layout('LOG SENSE', 'SPC-4 6.8', 10, [
  u8('opcode', 0x4d),
  reserved(6),
  ignored(1), // PPC
  flag('sp'), // 1
  bits(2, 'pc'),
  bits(6, 'pageCode'), // 2
  u8('subpageCode'),
  reserved(8),
  u16('parameterPointer'), // 5-6
  u16('allocationLength'),
  ...control(),
])
