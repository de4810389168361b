// REPORT and SET IDENTIFYING INFORMATION (SPC-4 6.32, 6.43). Parameter data: ../identifying-information.ts.

import { bits, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const REPORT_IDENTIFYING_INFORMATION = layout('REPORT IDENTIFYING INFORMATION', 'SPC-4 6.32', 12, [
  u8('opcode', 0xa3),
  reserved(3),
  bits(5, 'serviceAction', 0x05), // 1
  reserved(32),
  u32('allocationLength'), // 6-9
  bits(7, 'informationType'), // IDENTIFYING INFORMATION TYPE
  reserved(1), // 10
  ...control(),
])

export const SET_IDENTIFYING_INFORMATION = layout('SET IDENTIFYING INFORMATION', 'SPC-4 6.43', 12, [
  u8('opcode', 0xa4),
  reserved(3),
  bits(5, 'serviceAction', 0x06), // 1
  reserved(32),
  u32('parameterListLength'), // 6-9
  bits(7, 'informationType'), // IDENTIFYING INFORMATION TYPE
  reserved(1), // 10
  ...control(),
])
