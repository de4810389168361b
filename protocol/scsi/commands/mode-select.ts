// MODE SELECT(6) and (10) (SPC-4 6.11, 6.12). Parameter list: ../mode/.

import { flag, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const MODE_SELECT_6 = layout('MODE SELECT(6)', 'SPC-4 6.11', 6, [
  u8('opcode', 0x15),
  reserved(3),
  flag('pf'),
  reserved(3),
  flag('sp'), // 1
  reserved(16),
  u8('parameterListLength'), // 4
  ...control(),
])

export const MODE_SELECT_10 = layout('MODE SELECT(10)', 'SPC-4 6.12', 10, [
  u8('opcode', 0x55),
  reserved(3),
  flag('pf'),
  reserved(3),
  flag('sp'), // 1
  reserved(40),
  u16('parameterListLength'), // 7-8
  ...control(),
])
