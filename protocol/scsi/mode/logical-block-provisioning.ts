// Logical Block Provisioning mode page (1Ch/02h, SBC-3 6.4.7): the soft thresholds, and who hears when one is crossed. Its
// length depends on the number of threshold descriptors.

import { WireError } from '../../wire/error.ts'
import { bits, flag, reserved, u8, u16, u32 } from '../../wire/fields.ts'
import { type Decoded, layout } from '../../wire/layout.ts'

export const THRESHOLD_TYPE_SOFT = 0
/** THRESHOLD ARMING (SBC-3 table 189): crossed downwards (less is available) or upwards (more is used). */
export const THRESHOLD_ARMING = { DECREASING: 0, INCREASING: 1 } as const
export const THRESHOLD_RESOURCE = { AVAILABLE: 1, USED: 2 } as const

export const LOGICAL_BLOCK_PROVISIONING_PAGE = layout('Logical Block Provisioning mode page', 'SBC-3 6.4.7', 16, [
  flag('ps'),
  bits(1, 'spf', 1),
  bits(6, 'pageCode', 0x1c),
  u8('subpageCode', 0x02),
  u16('pageLength'), // 2-3
  reserved(7),
  flag('situa'), // 4
  reserved(88),
])

const THRESHOLD = layout('threshold descriptor', 'SBC-3 6.4.7', 8, [
  flag('enabled'),
  reserved(1),
  bits(3, 'thresholdType'),
  bits(3, 'thresholdArming'), // 0
  u8('thresholdResource'),
  reserved(16),
  u32('thresholdCount'), // 4-7, in 2^threshold exponent blocks
])

export type Threshold = Decoded<typeof THRESHOLD>

/** Where a threshold descriptor stands in the page, for field pointers and the INFORMATION of its unit attention. */
export const thresholdOffset = (index: number): number => LOGICAL_BLOCK_PROVISIONING_PAGE.size + THRESHOLD.size * index

export interface ProvisioningThresholds {
  readonly ps?: boolean
  /** SITUA: one initiator port hears of a crossing instead of all. */
  readonly situa: boolean
  readonly thresholds: readonly Threshold[]
}

export function encodeProvisioningThresholds({ ps = false, situa, thresholds }: ProvisioningThresholds): Buffer {
  const { size } = LOGICAL_BLOCK_PROVISIONING_PAGE
  const page = Buffer.alloc(size + THRESHOLD.size * thresholds.length)
  LOGICAL_BLOCK_PROVISIONING_PAGE.encode({ ps, situa, pageLength: page.length - 4 }, page)
  thresholds.forEach((threshold, index) => {
    THRESHOLD.encode(threshold, page, size + THRESHOLD.size * index)
  })
  return page
}

/** Throws a WireError when it is another page, is cut, or holds part of a descriptor. */
export function decodeProvisioningThresholds(source: Buffer): Required<ProvisioningThresholds> {
  const { name, size } = LOGICAL_BLOCK_PROVISIONING_PAGE
  const { ps, situa, pageLength } = LOGICAL_BLOCK_PROVISIONING_PAGE.decode(source)
  const end = 4 + pageLength
  if (end > source.length) throw new WireError(name, 'pageLength', 2, 'truncated', `${source.length} of ${end} bytes`)
  if (end < size || (end - size) % THRESHOLD.size !== 0)
    throw new WireError(name, 'pageLength', 2, 'bad length', `${pageLength}`)
  const thresholds: Threshold[] = []
  for (let at = size; at < end; at += THRESHOLD.size) thresholds.push(THRESHOLD.decode(source, at))
  return { ps, situa, thresholds }
}
