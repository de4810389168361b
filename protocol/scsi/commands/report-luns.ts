// REPORT LUNS (SPC-4 6.33). Parameter data: ../report-luns.ts.

import { reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const REPORT_LUNS = layout('REPORT LUNS', 'SPC-4 6.33', 12, [
  u8('opcode', 0xa0),
  reserved(8),
  u8('selectReport'), // 2
  reserved(24),
  u32('allocationLength'), // 6-9
  reserved(8),
  ...control(),
])
