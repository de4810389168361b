// REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4 6.36). Parameter data: ../supported-tmfs.ts.

import { bits, flag, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS = layout(
  'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS',
  'SPC-4 6.36',
  12,
  [
    u8('opcode', 0xa3),
    reserved(3),
    bits(5, 'serviceAction', 0x0d), // 1
    flag('repd'),
    reserved(7), // 2
    reserved(24),
    u32('allocationLength'), // 6-9
    reserved(8),
    ...control(),
  ],
)
