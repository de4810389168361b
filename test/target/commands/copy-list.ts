// EXTENDED COPY(LID1) parameter lists for tests: CSCDs by the NAA designators that VPD page 83h tells, segments between them.

import {
  ASSOCIATION,
  type BlockSegment,
  type CopySegment,
  type CscdDescriptor,
  DESIGNATOR_TYPE,
  type Designator,
  decodeDeviceIdentification,
  EXTENDED_COPY_LID1,
  encodeCopyList,
  INQUIRY,
  LIST_ID_USAGE,
  SEGMENT_TYPE,
  VPD_PAGE,
} from '../../../protocol/index.ts'
import type { CommandResult } from '../../../src/host/index.ts'
import { type Disk, expectGood } from '../disk.ts'

/** Where the first segment descriptor stands in a list of `cscds`. */
export const segmentAt = (cscds: number, index = 0): number => 16 + 32 * cscds + 28 * index
/** Where a CSCD descriptor stands. */
export const cscdAt = (index: number): number => 16 + 32 * index

/** The NAA designator of the logical unit, as ESXi takes it from VPD page 83h. */
export async function naaOf(disk: Disk): Promise<Designator> {
  const vpd = { evpd: true, pageCode: VPD_PAGE.DEVICE_IDENTIFICATION, allocationLength: 512 }
  const { data } = expectGood(await disk.run(INQUIRY, vpd, { dataInLength: 512 }))
  const found = decodeDeviceIdentification(data).find(
    ({ type, association }) => type === DESIGNATOR_TYPE.NAA && association === ASSOCIATION.LOGICAL_UNIT,
  )
  if (!found) throw new Error('no NAA designator')
  return found
}

export const cscd = (designator: Designator, more: Partial<CscdDescriptor> = {}): CscdDescriptor =>
  ({
    descriptorType: 0xe4,
    luIdType: 0,
    nul: false,
    peripheralDeviceType: 0,
    relativeInitiatorPortId: 0,
    pad: false,
    blockLength: 512,
    designator,
    ...more,
  }) as CscdDescriptor

export const segment = (
  sourceLba: number | bigint,
  destinationLba: number | bigint,
  blocks: number,
  more: Partial<BlockSegment> = {},
): BlockSegment => ({
  type: SEGMENT_TYPE.BLOCK_TO_BLOCK,
  dc: false,
  cat: false,
  source: 0,
  destination: 0,
  blocks,
  sourceLba: BigInt(sourceLba),
  destinationLba: BigInt(destinationLba),
  ...more,
})

export interface ListOptions {
  readonly listId?: number
  readonly listIdUsage?: number
  readonly inlineData?: Buffer
}

export const copyList = (
  cscds: readonly CscdDescriptor[],
  segments: readonly CopySegment[],
  options: ListOptions = {},
): Buffer =>
  encodeCopyList({ listId: 0, str: false, listIdUsage: LIST_ID_USAGE.NONE, priority: 0, cscds, segments, ...options })

/** Sends a list; `parameterListLength` where it is not that of the list. */
export const sendCopy = (disk: Disk, list: Buffer, parameterListLength = list.length): Promise<CommandResult> =>
  disk.run(EXTENDED_COPY_LID1, { parameterListLength }, { dataOut: list })
