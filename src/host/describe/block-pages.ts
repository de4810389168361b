// The VPD pages of block devices (SBC-4 6.6): Block Limits, Block Device Characteristics, Logical Block Provisioning, as sg_vpd
// names their fields.

import { BLOCK_DEVICE_CHARACTERISTICS, NON_ROTATING } from '../../../protocol/scsi/vpd/block-device-characteristics.ts'
import { BLOCK_LIMITS } from '../../../protocol/scsi/vpd/block-limits.ts'
import {
  decodeLogicalBlockProvisioning,
  type LogicalBlockProvisioning,
  PROVISIONING_TYPE,
} from '../../../protocol/scsi/vpd/logical-block-provisioning.ts'
import { decodeVpdPage } from '../../../protocol/scsi/vpd/page.ts'
import type { Decoded } from '../../../protocol/wire/layout.ts'
import { describeDesignator } from './designators.ts'
import { fieldsOf, type Names, type Row, type Section } from './section.ts'

const UNBOUNDED = 0xffff_ffff
const unit = 'blocks'

/** What zero says differs from field to field (SBC-4 6.6.4). */
const zeroIs = (meaning: string) => (value: number | bigint) => (Number(value) === 0 ? meaning : undefined)
const countOr = (none: string) => (value: number) => (value === UNBOUNDED ? 'unbounded' : zeroIs(none)(value))

const LIMITS: readonly Row<Decoded<typeof BLOCK_LIMITS>>[] = [
  ['wsnz', 'Write same non-zero (WSNZ)'],
  [
    'maximumCompareAndWriteLength',
    'Maximum compare and write length',
    { unit, means: zeroIs('command not implemented') },
  ],
  ['optimalTransferLengthGranularity', 'Optimal transfer length granularity', { unit, means: zeroIs('not reported') }],
  ['maximumTransferLength', 'Maximum transfer length', { unit, means: zeroIs('not reported') }],
  ['optimalTransferLength', 'Optimal transfer length', { unit, means: zeroIs('not reported') }],
  ['maximumPrefetchLength', 'Maximum prefetch transfer length', { unit, means: zeroIs('ignored') }],
  ['maximumUnmapLbaCount', 'Maximum unmap LBA count', { unit, means: countOr('unmap command not implemented') }],
  [
    'maximumUnmapBlockDescriptorCount',
    'Maximum unmap block descriptor count',
    { means: countOr('unmap command not implemented') },
  ],
  ['optimalUnmapGranularity', 'Optimal unmap granularity', { unit, means: zeroIs('not reported') }],
  ['ugavalid', 'Unmap granularity alignment valid'],
  ['unmapGranularityAlignment', 'Unmap granularity alignment', { unit }],
  ['maximumWriteSameLength', 'Maximum write same length', { unit, means: zeroIs('not reported') }],
  ['maximumAtomicTransferLength', 'Maximum atomic transfer length', { unit, means: zeroIs('not reported') }],
  ['atomicAlignment', 'Atomic alignment', { unit, means: zeroIs('unaligned atomic writes permitted') }],
  [
    'atomicTransferLengthGranularity',
    'Atomic transfer length granularity',
    { unit, means: zeroIs('no granularity requirement') },
  ],
  [
    'maximumAtomicTransferLengthWithAtomicBoundary',
    'Maximum atomic transfer length with atomic boundary',
    { unit, means: zeroIs('not reported') },
  ],
  [
    'maximumAtomicBoundarySize',
    'Maximum atomic boundary size',
    { unit, means: zeroIs('can only write atomic 1 block') },
  ],
]

export const describeBlockLimits = (page: Buffer): Section[] => [
  { fields: fieldsOf(decodeVpdPage(BLOCK_LIMITS, page), LIMITS) },
]

const PRODUCT_TYPES: Names = {
  ...{ 0: 'not specified', 1: 'CFast', 2: 'CompactFlash', 3: 'Memory Stick', 4: 'MultiMediaCard' },
  ...{ 5: 'Secure Digital card', 6: 'XQD', 7: 'Universal Flash Storage card' },
}
const FORM_FACTORS: Names = {
  ...{ 0: 'not reported', 1: '5.25 inch', 2: '3.5 inch', 3: '2.5 inch', 4: '1.8 inch', 5: 'less than 1.8 inch' },
}
const ZONED: Names = { 0: 'not reported', 1: 'host-aware', 2: 'device managed' }

const CHARACTERISTICS: readonly Row<Decoded<typeof BLOCK_DEVICE_CHARACTERISTICS>>[] = [
  ['mediumRotationRate', 'Medium rotation rate', { means: rotation }],
  ['productType', 'Product type', { names: PRODUCT_TYPES }],
  ['wabereq', 'WABEREQ'],
  ['wacereq', 'WACEREQ'],
  ['nominalFormFactor', 'Nominal form factor', { names: FORM_FACTORS }],
  ['zoned', 'ZONED', { names: ZONED }],
  ['rbwz', 'RBWZ'],
  ['bocs', 'BOCS'],
  ['fuab', 'FUAB'],
  ['vbuls', 'VBULS'],
  ['depopulationTime', 'DEPOPULATION_TIME', { unit: 's' }],
]

/** Revolutions per minute from 0401h on (SBC-4 table 293). */
const FIRST_RATE = 0x401

function rotation(rate: number): string {
  if (rate === 0) return 'not reported'
  if (rate === NON_ROTATING) return 'non-rotating medium (e.g. solid state)'
  return rate >= FIRST_RATE && rate < 0xffff ? 'rpm' : 'reserved'
}

export const describeBlockDeviceCharacteristics = (page: Buffer): Section[] => [
  { fields: fieldsOf(decodeVpdPage(BLOCK_DEVICE_CHARACTERISTICS, page), CHARACTERISTICS) },
]

const TYPES: Names = {
  [PROVISIONING_TYPE.FULL]: 'not known or fully provisioned',
  [PROVISIONING_TYPE.RESOURCE]: 'resource provisioned',
  [PROVISIONING_TYPE.THIN]: 'thin provisioned',
}

const PROVISIONING: readonly Row<Omit<LogicalBlockProvisioning, 'provisioningGroup'>>[] = [
  ['lbpu', 'Unmap command supported (LBPU)'],
  ['lbpws', 'Write same (16) with unmap bit supported (LBPWS)'],
  ['lbpws10', 'Write same (10) with unmap bit supported (LBPWS10)'],
  ['lbprz', 'Logical block provisioning read zeros (LBPRZ)'],
  ['ancSup', 'Anchored LBAs supported (ANC_SUP)'],
  ['thresholdExponent', 'Threshold exponent', { means: zeroIs('threshold sets not supported') }],
  ['minimumPercentage', 'Minimum percentage', { unit: '%', means: zeroIs('not reported') }],
  ['provisioningType', 'Provisioning type', { names: TYPES }],
  ['thresholdPercentage', 'Threshold percentage', { unit: '%', means: zeroIs('percentages not supported') }],
]

export function describeProvisioning(page: Buffer): Section[] {
  const { provisioningGroup, ...values } = decodeLogicalBlockProvisioning(page)
  const present = { name: 'Descriptor present (DP)', value: provisioningGroup ? 1 : 0 }
  const group = provisioningGroup ? [describeDesignator(provisioningGroup, 'Provisioning group')] : []
  return [{ fields: [...fieldsOf(values, PROVISIONING), present] }, ...group]
}
