// REQUEST SENSE (SPC-4 6.39): asks for the sense data of the logical unit, in descriptor format if DESC is one.

import { flag, reserved, u8 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const REQUEST_SENSE = layout('REQUEST SENSE', 'SPC-4 6.39', 6, [
  u8('opcode', 0x03),
  reserved(7),
  flag('desc'), // 1
  reserved(16),
  u8('allocationLength'), // 4
  ...control(),
])
