// SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS (SPC-4 6.42, 6.27). Parameter data: ../diagnostic-pages.ts.

import { bits, flag, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const SEND_DIAGNOSTIC = layout('SEND DIAGNOSTIC', 'SPC-4 6.42', 6, [
  u8('opcode', 0x1d),
  bits(3, 'selfTestCode'),
  flag('pf'),
  reserved(1),
  flag('selfTest'),
  flag('devOffL'),
  flag('unitOffL'), // 1
  reserved(8),
  u16('parameterListLength'), // 3-4
  ...control(),
])

export const RECEIVE_DIAGNOSTIC_RESULTS = layout('RECEIVE DIAGNOSTIC RESULTS', 'SPC-4 6.27', 6, [
  u8('opcode', 0x1c),
  reserved(7),
  flag('pcv'), // 1
  u8('pageCode'),
  u16('allocationLength'), // 3-4
  ...control(),
])
