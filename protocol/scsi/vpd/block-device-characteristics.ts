// Block Device Characteristics (B1h, SBC-3 6.5.2): a disk that does not rotate, and what it does with a SANITIZEd block.

import { bits, flag, reserved, u8, u16, u32 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { VPD_PAGE, vpdHeader } from './page.ts'

/** MEDIUM ROTATION RATE of a medium that does not rotate. */
export const NON_ROTATING = 1

/** WABEREQ and WACEREQ: reads end GOOD after a SANITIZE, whatever they read (SBC-3 tables 180 and 181). */
export const READS_AFTER_ERASE = 1

export const BLOCK_DEVICE_CHARACTERISTICS = layout('Block Device Characteristics VPD page', 'SBC-3 6.5.2', 64, [
  ...vpdHeader(VPD_PAGE.BLOCK_DEVICE_CHARACTERISTICS, 0x3c),
  u16('mediumRotationRate'), // 4-5
  u8('productType'),
  bits(2, 'wabereq'),
  bits(2, 'wacereq'),
  bits(4, 'nominalFormFactor'), // 7
  reserved(2),
  bits(2, 'zoned'),
  flag('rbwz'), // SBC-4
  flag('bocs'),
  flag('fuab'),
  flag('vbuls'), // 8
  reserved(24),
  u32('depopulationTime'), // 12-15
  reserved(384),
])
