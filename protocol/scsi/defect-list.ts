// READ DEFECT DATA parameter data (SBC-3 5.17.2, 5.18.2) of a list without defects.

import { bits, flag, reserved, u16, u32 } from '../wire/fields.ts'
import { type Decoded, layout } from '../wire/layout.ts'

export const DEFECT_LIST_10 = layout('READ DEFECT DATA(10) parameter data', 'SBC-3 5.17.2', 4, [
  reserved(8),
  reserved(3),
  flag('plistv'),
  flag('glistv'),
  bits(3, 'defectListFormat'), // 1
  u16('defectListLength'), // 2-3
])

export const DEFECT_LIST_12 = layout('READ DEFECT DATA(12) parameter data', 'SBC-3 5.18.2', 8, [
  reserved(8),
  reserved(3),
  flag('plistv'),
  flag('glistv'),
  bits(3, 'defectListFormat'), // 1
  u16('generationCode'), // 2-3
  u32('defectListLength'), // 4-7
])

/** DEFECT LIST FORMAT (SBC-3 table 44): from this value on they are the vendor's, or reserved. */
export const VENDOR_SPECIFIC_DEFECT_LIST_FORMAT = 6

export type DefectList = Decoded<typeof DEFECT_LIST_12>
