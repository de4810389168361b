// Control mode page (0Ah, SPC-3 7.4.6; TMF_ONLY, DPICZ and NUAR SPC-4) and Control Extension mode page (0Ah/01h, SPC-3
// 7.4.7): sense format, write protection, task set rules.

import { bits, flag, ignored, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { pageHeader, subpageHeader } from './page.ts'

export const CONTROL = layout('Control mode page', 'SPC-3 7.4.6', 12, [
  ...pageHeader(0x0a, 0x0a),
  bits(3, 'tst'),
  flag('tmfOnly'),
  flag('dpicz'),
  flag('dSense'),
  flag('gltsd'),
  flag('rlec'), // 2
  bits(4, 'queueAlgorithmModifier'),
  flag('nuar'),
  bits(2, 'qerr'),
  ignored(1), // 3, DQUE
  ignored(1),
  flag('rac'),
  bits(2, 'uaIntlckCtrl'),
  flag('swp'),
  ignored(3), // 4, AEN
  flag('ato'),
  flag('tas'),
  flag('atmpe'),
  flag('rwwp'),
  reserved(1),
  bits(3, 'autoloadMode'), // 5
  ignored(16), // 6-7, READY AER HOLDOFF PERIOD
  u16('busyTimeoutPeriod'), // 8-9, in 100 ms
  u16('extendedSelfTestCompletionTime'), // 10-11, in seconds
])

export const CONTROL_EXTENSION = layout('Control Extension mode page', 'SPC-3 7.4.7', 32, [
  ...subpageHeader(0x0a, 0x01, 0x1c),
  reserved(5),
  flag('tcmos'),
  flag('scsip'),
  flag('ialuae'), // 4
  reserved(4),
  bits(4, 'initialCommandPriority'), // 5
  u8('maximumSenseDataLength'),
  reserved(200),
])
