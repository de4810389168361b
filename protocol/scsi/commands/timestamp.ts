// REPORT and SET TIMESTAMP (SPC-4 6.38, 6.46). Parameter data: ../timestamp.ts.

import { bits, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const REPORT_TIMESTAMP = layout('REPORT TIMESTAMP', 'SPC-4 6.38', 12, [
  u8('opcode', 0xa3),
  reserved(3),
  bits(5, 'serviceAction', 0x0f), // 1
  reserved(32),
  u32('allocationLength'), // 6-9
  reserved(8),
  ...control(),
])

export const SET_TIMESTAMP = layout('SET TIMESTAMP', 'SPC-4 6.46', 12, [
  u8('opcode', 0xa4),
  reserved(3),
  bits(5, 'serviceAction', 0x0f), // 1
  reserved(32),
  u32('parameterListLength'), // 6-9
  reserved(8),
  ...control(),
])
