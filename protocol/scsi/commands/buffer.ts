// READ BUFFER(10) and (16) (SPC-4 6.18; the longer one is SPC-5's) and WRITE BUFFER (SPC-4 6.49). Parameter data of the
// descriptor modes: ../buffer-descriptors.ts.

import { bits, reserved, u8, u24, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const READ_BUFFER_10 = layout('READ BUFFER(10)', 'SPC-4 6.18', 10, [
  u8('opcode', 0x3c),
  reserved(3),
  bits(5, 'mode'), // 1
  u8('bufferId'),
  u24('bufferOffset'), // 3-5
  u24('allocationLength'), // 6-8
  ...control(),
])

export const READ_BUFFER_16 = layout('READ BUFFER(16)', 'SPC-4 6.18', 16, [
  u8('opcode', 0x9b),
  reserved(3),
  bits(5, 'mode'), // 1
  u64('bufferOffset'), // 2-9
  u32('allocationLength'), // 10-13
  u8('bufferId'),
  ...control(),
])

export const WRITE_BUFFER = layout('WRITE BUFFER', 'SPC-4 6.49', 10, [
  u8('opcode', 0x3b),
  reserved(3),
  bits(5, 'mode'), // 1
  u8('bufferId'),
  u24('bufferOffset'), // 3-5
  u24('parameterListLength'), // 6-8
  ...control(),
])
