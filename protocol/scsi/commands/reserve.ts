// RESERVE(6) and (10) (SPC-2 7.22, 7.21): whole logical unit only. A third-party or an extent reservation is refused, since
// to reserve something else than what was asked for would be worse.

import { ignored, reserved, u8 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const RESERVE_6 = layout('RESERVE(6)', 'SPC-2 7.22', 6, [
  u8('opcode', 0x16),
  reserved(8), // 1, 3RDPTY, EXTENT
  ignored(8), // RESERVATION IDENTIFICATION
  ignored(16), // 3-4, PARAMETER LIST LENGTH, for EXTENT
  ...control(),
])

export const RESERVE_10 = layout('RESERVE(10)', 'SPC-2 7.21', 10, [
  u8('opcode', 0x56),
  reserved(8), // 1, 3RDPTY, LONGID, EXTENT
  ignored(8), // RESERVATION IDENTIFICATION
  ignored(8), // 3, THIRD-PARTY DEVICE ID
  reserved(24),
  ignored(16), // 7-8, PARAMETER LIST LENGTH, for LONGID and EXTENT
  ...control(),
])
