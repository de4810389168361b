// Block Limits (B0h, SBC-3 6.5.3; the atomic fields SBC-4): what one command may ask for. Zero is "no limit" or "not reported", field by field.

import { bits, flag, reserved, u8, u16, u32, u64 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { VPD_PAGE, vpdHeader } from './page.ts'

export const BLOCK_LIMITS = layout('Block Limits VPD page', 'SBC-3 6.5.3', 64, [
  ...vpdHeader(VPD_PAGE.BLOCK_LIMITS, 0x3c),
  reserved(7),
  flag('wsnz'), // 4
  u8('maximumCompareAndWriteLength'),
  u16('optimalTransferLengthGranularity'), // 6-7
  u32('maximumTransferLength'),
  u32('optimalTransferLength'), // 12-15
  u32('maximumPrefetchLength'),
  u32('maximumUnmapLbaCount'), // 20-23
  u32('maximumUnmapBlockDescriptorCount'),
  u32('optimalUnmapGranularity'), // 28-31
  flag('ugavalid'),
  bits(31, 'unmapGranularityAlignment'), // 32-35
  u64('maximumWriteSameLength'), // 36-43
  u32('maximumAtomicTransferLength'),
  u32('atomicAlignment'), // 48-51
  u32('atomicTransferLengthGranularity'),
  u32('maximumAtomicTransferLengthWithAtomicBoundary'), // 56-59
  u32('maximumAtomicBoundarySize'),
])
