// INQUIRY (SPC-4 6.6): standard data, or with EVPD the vital product data page that PAGE CODE names.

import { flag, ignored, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { control } from './cdb.ts'

export const INQUIRY = layout('INQUIRY', 'SPC-4 6.6', 6, [
  u8('opcode', 0x12),
  // SCSI-2 put the LUN here, and Linux still does until the first answer has told it the version.
  ignored(3),
  reserved(3),
  reserved(1), // CMDDT, obsolete: to answer it with standard data would mislead
  flag('evpd'), // 1
  u8('pageCode'),
  u16('allocationLength'), // 3-4
  ...control(),
])
