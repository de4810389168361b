// REZERO UNIT, SEEK(6) and SEEK(10) (SCSI-2 9.2.13, 9.2.15): long obsolete, and still sent by old guests.

import { bits, ignored, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const REZERO_UNIT = layout('REZERO UNIT', 'SCSI-2 9.2.13', 6, [
  u8('opcode', 0x01),
  ignored(3), // LOGICAL UNIT NUMBER
  reserved(29),
  ...control(),
])

export const SEEK_6 = layout('SEEK(6)', 'SCSI-2 9.2.15', 6, [
  u8('opcode', 0x0b),
  ignored(3), // LOGICAL UNIT NUMBER
  bits(21, 'lba'), // 1-3
  reserved(8),
  ...control(),
])

export const SEEK_10 = layout('SEEK(10)', 'SCSI-2 9.2.15', 10, [
  u8('opcode', 0x2b),
  ignored(3), // LOGICAL UNIT NUMBER
  reserved(5),
  u32('lba'), // 2-5
  reserved(24),
  ...control(),
])
