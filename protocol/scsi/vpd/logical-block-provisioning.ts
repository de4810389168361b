// Logical Block Provisioning (B2h, SBC-3 6.5.4): which commands unmap, what unmapped blocks read as, and when a soft
// threshold is reached. LBPRZ must say what READ CAPACITY(16) says.

import { WireError } from '../../wire/error.ts'
import { bits, flag, ignored, u8, u16 } from '../../wire/fields.ts'
import { type Decoded, layout } from '../../wire/layout.ts'
import { type Designator, decodeDesignators, encodeDesignator } from '../designator.ts'
import { VPD_PAGE, vpdBody } from './page.ts'

export const PROVISIONING_TYPE = { FULL: 0, RESOURCE: 1, THIN: 2 } as const
/** LBPRZ: an unmapped block reads as zeroes. */
export const LBPRZ_ZEROES = 1

const PAGE = layout('Logical Block Provisioning VPD page', 'SBC-3 6.5.4', 8, [
  ignored(8),
  u8('pageCode', VPD_PAGE.LOGICAL_BLOCK_PROVISIONING),
  u16('pageLength'), // 2-3
  u8('thresholdExponent'),
  flag('lbpu'),
  flag('lbpws'),
  flag('lbpws10'),
  bits(3, 'lbprz'),
  flag('ancSup'),
  flag('dp'), // 5
  bits(5, 'minimumPercentage'),
  bits(3, 'provisioningType'), // 6
  u8('thresholdPercentage'),
])

export type LogicalBlockProvisioning = Omit<Decoded<typeof PAGE>, 'pageLength' | 'dp'> & {
  /** The pool that the blocks come from; DP tells whether there is one. */
  provisioningGroup?: Designator
}

export function encodeLogicalBlockProvisioning(values: Partial<LogicalBlockProvisioning>): Buffer {
  const { provisioningGroup, ...rest } = values
  const group = provisioningGroup ? encodeDesignator(provisioningGroup) : Buffer.alloc(0)
  const page = PAGE.encode({ ...rest, dp: provisioningGroup !== undefined, pageLength: PAGE.size - 4 + group.length })
  return Buffer.concat([page, group])
}

export function decodeLogicalBlockProvisioning(source: Buffer): LogicalBlockProvisioning {
  const body = vpdBody(VPD_PAGE.LOGICAL_BLOCK_PROVISIONING, source)
  if (body.length < PAGE.size - 4) throw new WireError(PAGE.name, 'pageLength', 2, 'bad length', `${body.length}`)
  const { pageLength: _, dp, ...values } = PAGE.decode(source)
  const provisioningGroup = dp ? decodeDesignators(body.subarray(PAGE.size - 4))[0] : undefined
  return { ...values, ...(provisioningGroup && { provisioningGroup }) }
}
