// Informational Exceptions Control mode page (1Ch, SPC-3 7.4.11): whether and how a failure foreseen is told.

import { bits, flag, reserved, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { pageHeader } from './page.ts'

export const INFORMATIONAL_EXCEPTIONS_CONTROL = layout(
  'Informational Exceptions Control mode page',
  'SPC-3 7.4.11',
  12,
  [
    ...pageHeader(0x1c, 0x0a),
    flag('perf'),
    reserved(1),
    flag('ebf'),
    flag('ewasc'),
    flag('dexcpt'),
    flag('test'),
    flag('ebackerr'),
    flag('logerr'), // 2
    reserved(4),
    bits(4, 'mrie'), // 3
    u32('intervalTimer'), // 4-7
    u32('reportCount'), // 8-11
  ],
)
