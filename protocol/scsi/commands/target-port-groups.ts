// REPORT and SET TARGET PORT GROUPS (SPC-4 6.37, 6.45). Parameter data: ../target-port-groups.ts.

import { bits, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const REPORT_TARGET_PORT_GROUPS = layout('REPORT TARGET PORT GROUPS', 'SPC-4 6.37', 12, [
  u8('opcode', 0xa3),
  bits(3, 'parameterDataFormat'),
  bits(5, 'serviceAction', 0x0a), // 1
  reserved(32),
  u32('allocationLength'), // 6-9
  reserved(8),
  ...control(),
])

export const SET_TARGET_PORT_GROUPS = layout('SET TARGET PORT GROUPS', 'SPC-4 6.45', 12, [
  u8('opcode', 0xa4),
  reserved(3),
  bits(5, 'serviceAction', 0x0a), // 1
  reserved(32),
  u32('parameterListLength'), // 6-9
  reserved(8),
  ...control(),
])
