// UNMAP (SBC-3 5.28): the VAAI primitive delete. Parameter list: ../unmap-list.ts.

import { flag, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control, group } from './cdb.ts'

export const UNMAP = layout('UNMAP', 'SBC-3 5.28', 10, [
  u8('opcode', 0x42),
  reserved(7),
  flag('anchor'), // 1
  reserved(32),
  ...group(), // 6
  u16('parameterListLength'), // 7-8
  ...control(),
])
