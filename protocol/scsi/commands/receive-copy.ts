// RECEIVE COPY OPERATING PARAMETERS (SPC-4 6.23), until SPC-3 a service action of RECEIVE COPY RESULTS.
// Parameter data: ../extended-copy-parameters.ts.

import { bits, ignored, reserved, u8, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const RECEIVE_COPY_OPERATING_PARAMETERS = layout('RECEIVE COPY OPERATING PARAMETERS', 'SPC-4 6.23', 16, [
  u8('opcode', 0x84),
  reserved(3),
  bits(5, 'serviceAction', 0x03), // 1
  ignored(8), // 2, LIST IDENTIFIER, which only the other service actions read
  reserved(56),
  u32('allocationLength'), // 10-13
  reserved(8),
  ...control(),
])
