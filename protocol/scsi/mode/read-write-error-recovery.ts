// Read-Write Error Recovery mode page (01h, SBC-3 6.4.8).

import { flag, ignored, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { pageHeader } from './page.ts'

export const READ_WRITE_ERROR_RECOVERY = layout('Read-Write Error Recovery mode page', 'SBC-3 6.4.8', 12, [
  ...pageHeader(0x01, 0x0a),
  flag('awre'),
  flag('arre'),
  flag('tb'),
  flag('rc'),
  flag('eer'),
  flag('per'),
  flag('dte'),
  flag('dcr'), // 2
  u8('readRetryCount'),
  ignored(24), // 4-6, CORRECTION SPAN, HEAD OFFSET COUNT, DATA STROBE OFFSET COUNT
  flag('lbpere'),
  reserved(7), // 7
  u8('writeRetryCount'),
  reserved(8),
  u16('recoveryTimeLimit'), // 10-11
])
