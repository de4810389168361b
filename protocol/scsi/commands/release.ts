// RELEASE(6) and (10) (SPC-2 7.17, 7.16): whole logical unit only. A third-party or an extent reservation is refused, since
// to reserve something else than what was asked for would be worse.

import { ignored, reserved, u8 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const RELEASE_6 = layout('RELEASE(6)', 'SPC-2 7.17', 6, [
  u8('opcode', 0x17),
  reserved(8), // 1, 3RDPTY, EXTENT
  ignored(8), // RESERVATION IDENTIFICATION
  reserved(16),
  ...control(),
])

export const RELEASE_10 = layout('RELEASE(10)', 'SPC-2 7.16', 10, [
  u8('opcode', 0x57),
  reserved(8), // 1, 3RDPTY, LONGID, EXTENT
  ignored(8), // RESERVATION IDENTIFICATION
  ignored(8), // 3, THIRD-PARTY DEVICE ID
  reserved(24),
  ignored(16), // 7-8, PARAMETER LIST LENGTH, for LONGID and EXTENT
  ...control(),
])
