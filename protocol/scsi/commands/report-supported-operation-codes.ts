// REPORT SUPPORTED OPERATION CODES (SPC-4 6.35). Parameter data: ../supported-opcodes.ts.

import { bits, flag, reserved, u8, u16, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const REPORT_SUPPORTED_OPERATION_CODES = layout('REPORT SUPPORTED OPERATION CODES', 'SPC-4 6.35', 12, [
  u8('opcode', 0xa3),
  reserved(3),
  bits(5, 'serviceAction', 0x0c), // 1
  flag('rctd'),
  reserved(4),
  bits(3, 'reportingOptions'), // 2
  u8('requestedOperationCode'),
  u16('requestedServiceAction'), // 4-5
  u32('allocationLength'), // 6-9
  reserved(8),
  ...control(),
])
