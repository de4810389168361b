// START STOP UNIT (SBC-3 5.25).

import { bits, flag, reserved, u8 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const START_STOP_UNIT = layout('START STOP UNIT', 'SBC-3 5.25', 6, [
  u8('opcode', 0x1b),
  reserved(7),
  flag('immed'), // 1
  reserved(8),
  reserved(4),
  bits(4, 'powerConditionModifier'), // 3
  bits(4, 'powerCondition'),
  reserved(1),
  flag('noFlush'),
  flag('loej'),
  flag('start'), // 4
  ...control(),
])
