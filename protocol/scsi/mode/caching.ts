// Caching mode page (08h, SBC-3 6.4.5). WCE says that a write may end before it is on stable storage: hosts then send FUA or
// SYNCHRONIZE CACHE where it matters to them.

import { bits, flag, ignored, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { pageHeader } from './page.ts'

export const CACHING = layout('Caching mode page', 'SBC-3 6.4.5', 20, [
  ...pageHeader(0x08, 0x12),
  flag('ic'),
  flag('abpf'),
  flag('cap'),
  flag('disc'),
  flag('size'),
  flag('wce'),
  flag('mf'),
  flag('rcd'), // 2
  bits(4, 'demandReadRetentionPriority'),
  bits(4, 'writeRetentionPriority'), // 3
  u16('disablePreFetchTransferLength'),
  u16('minimumPreFetch'), // 6-7
  u16('maximumPreFetch'),
  u16('maximumPreFetchCeiling'), // 10-11
  flag('fsw'),
  flag('lbcss'),
  flag('dra'),
  ignored(2),
  bits(2, 'syncProg'),
  flag('nvDis'), // 12
  u8('numberOfCacheSegments'),
  u16('cacheSegmentSize'), // 14-15
  reserved(8),
  ignored(24), // 17-19, NON CACHE SEGMENT SIZE
])
