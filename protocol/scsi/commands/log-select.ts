// LOG SELECT (SPC-4 6.7). Parameter list: ../log/.

import { bits, flag, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const LOG_SELECT = layout('LOG SELECT', 'SPC-4 6.7', 10, [
  u8('opcode', 0x4c),
  reserved(6),
  flag('pcr'),
  flag('sp'), // 1
  bits(2, 'pc'),
  bits(6, 'pageCode'), // 2
  u8('subpageCode'),
  reserved(24),
  u16('parameterListLength'), // 7-8
  ...control(),
])
