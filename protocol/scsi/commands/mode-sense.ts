// MODE SENSE(6) and (10) (SPC-4 6.13, 6.14). Parameter data: ../mode/.

import { bits, flag, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const MODE_SENSE_6 = layout('MODE SENSE(6)', 'SPC-4 6.13', 6, [
  u8('opcode', 0x1a),
  reserved(4),
  flag('dbd'),
  reserved(3), // 1
  bits(2, 'pc'),
  bits(6, 'pageCode'), // 2
  u8('subpageCode'),
  u8('allocationLength'), // 4
  ...control(),
])

export const MODE_SENSE_10 = layout('MODE SENSE(10)', 'SPC-4 6.14', 10, [
  u8('opcode', 0x5a),
  reserved(3),
  flag('llbaa'),
  flag('dbd'),
  reserved(3), // 1
  bits(2, 'pc'),
  bits(6, 'pageCode'), // 2
  u8('subpageCode'),
  reserved(24),
  u16('allocationLength'), // 7-8
  ...control(),
])
