// Disconnect-Reconnect mode page (02h, SPC-3 7.4.8). The burst sizes count 512 bytes; on iSCSI
// the login keys FirstBurstLength and MaxBurstLength settle them, and the page can only repeat what they say.

import { bits, flag, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { pageHeader } from './page.ts'

export const DISCONNECT_RECONNECT = layout('Disconnect-Reconnect mode page', 'SPC-3 7.4.8', 16, [
  ...pageHeader(0x02, 0x0e),
  u8('bufferFullRatio'),
  u8('bufferEmptyRatio'),
  u16('busInactivityLimit'), // 4-5
  u16('disconnectTimeLimit'),
  u16('connectTimeLimit'), // 8-9
  u16('maximumBurstSize'),
  flag('emdp'),
  bits(3, 'fairArbitration'),
  flag('dimm'),
  bits(3, 'dtdc'), // 12
  reserved(8),
  u16('firstBurstSize'), // 14-15
])
