// Delete: UNMAP of a thin logical unit, with which ESXi gives space back (SBC-4 5.37), and what VMFS 6 needs to do so by itself.

import { PROVISIONING_TYPE } from '../../../protocol/scsi/vpd/logical-block-provisioning.ts'
import {
  type Check,
  commandCheck,
  commandTitle,
  contradicts,
  counted,
  needs,
  toldBy,
  toldCheck,
  wants,
} from './check.ts'
import type { VaaiFacts } from './facts.ts'

/** VMFS 6 gives back whole units of this size. */
const RECLAIM_BYTES = 1024 * 1024
const UNBOUNDED = 0xffff_ffff

export function checkDelete(facts: VaaiFacts): Check[] {
  const { capacity, commands, provisioning, blockLimits } = facts
  return [
    commandCheck('unmap', commands.unmap),
    toldCheck('LBPME (READ CAPACITY(16))', capacity, ({ lbpme }) =>
      needs(lbpme, bit(lbpme), 'fully provisioned: there is nothing that could be given back'),
    ),
    toldCheck('LBPU (B2h)', provisioning, ({ lbpu }) => needs(lbpu, bit(lbpu), 'unmapping by UNMAP is not offered')),
    ...unmapLimits(facts),
    ...('told' in blockLimits ? granularityChecks(facts) : []),
    ...provisioningContradictions(facts),
  ]
}

const bit = (value: boolean): string => (value ? '1' : '0')
const countedUnits = (count: number, unit: (count: number) => string): string =>
  count === UNBOUNDED ? 'unbounded' : unit(count)

function unmapLimits({ blockLimits, commands: { unmap } }: VaaiFacts): Check[] {
  const limits = toldBy(blockLimits)
  const lbas = 'MAXIMUM UNMAP LBA COUNT (B0h)'
  const descriptors = 'MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT (B0h)'
  const why = '0 says that there is no UNMAP'
  const [count, descriptorCount] = [limits?.maximumUnmapLbaCount ?? 0, limits?.maximumUnmapBlockDescriptorCount ?? 0]
  return [
    toldCheck(lbas, blockLimits, () => needs(count > 0, countedUnits(count, counted), why)),
    toldCheck(descriptors, blockLimits, () => needs(descriptorCount > 0, countedUnits(descriptorCount, String), why)),
    ...contradicts(
      unmap.supported === false && (count > 0 || descriptorCount > 0),
      lbas,
      countedUnits(count, counted),
      `Block Limits allows a count, but there is no ${commandTitle('unmap')}`,
    ),
    ...contradicts(
      unmap.supported === true && limits !== undefined && (count === 0 || descriptorCount === 0),
      count === 0 ? lbas : descriptors,
      '0',
      `${commandTitle('unmap')} is there, but Block Limits says that it is not`,
    ),
  ]
}

/** Bytes, where the block length is known. */
function granularityChecks({ blockLimits, capacity }: VaaiFacts): Check[] {
  const { optimalUnmapGranularity = 0, ugavalid = false, unmapGranularityAlignment = 0 } = toldBy(blockLimits) ?? {}
  const blockLength = toldBy(capacity)?.blockLength ?? 0
  const bytes = optimalUnmapGranularity * blockLength
  if (optimalUnmapGranularity === 0)
    return [{ item: 'OPTIMAL UNMAP GRANULARITY (B0h)', found: 'not told', result: 'ok' }]
  const checks: Check[] = [
    {
      item: 'OPTIMAL UNMAP GRANULARITY (B0h)',
      ...wants(
        bytes > 0 && RECLAIM_BYTES % bytes === 0,
        `${counted(optimalUnmapGranularity)}, ${bytes} bytes`,
        'it does not divide 1 MiB: VMFS 6 gives nothing back by itself',
      ),
    },
  ]
  if (!ugavalid) return checks
  const aligned = unmapGranularityAlignment % optimalUnmapGranularity === 0
  const why = 'units of 1 MiB do not begin on the granularity: their edges are not given back'
  return [
    ...checks,
    { item: 'UNMAP GRANULARITY ALIGNMENT (B0h)', ...wants(aligned, counted(unmapGranularityAlignment), why) },
  ]
}

function provisioningContradictions({ capacity, provisioning, commands: { unmap } }: VaaiFacts): Check[] {
  const page = toldBy(provisioning)
  const reported = toldBy(capacity)
  if (!page) return []
  const zeroes = (page.lbprz & 1) === 1
  return [
    ...contradicts(
      page.lbpu && unmap.supported === false,
      'LBPU (B2h)',
      '1',
      `but there is no ${commandTitle('unmap')}`,
    ),
    ...contradicts(!page.lbpu && unmap.supported === true, 'LBPU (B2h)', '0', `but ${commandTitle('unmap')} is there`),
    ...contradicts(
      reported !== undefined && page.lbpu && !reported.lbpme,
      'LBPME (READ CAPACITY(16))',
      '0',
      'but LBPU says that blocks can be unmapped',
    ),
    ...contradicts(
      reported?.lbpme === true && page.provisioningType === PROVISIONING_TYPE.FULL,
      'provisioning type (B2h)',
      '0, fully provisioned',
      'but LBPME says that it is not',
    ),
    ...contradicts(
      reported !== undefined && reported.lbprz !== zeroes,
      'LBPRZ (B2h)',
      `${page.lbprz}`,
      `READ CAPACITY(16) says ${reported ? bit(reported.lbprz) : ''} of what unmapped blocks read as`,
    ),
  ]
}
