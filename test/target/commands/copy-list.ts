// EXTENDED COPY parameter lists for tests: CSCDs by the NAA designators that VPD page 83h tells, segments between them.

import {
  ASSOCIATION,
  type BlockSegment,
  COPY_OPERATION_ABORT,
  COPY_STATUS_LID4,
  type CopySegment,
  type CopyStatusLid4,
  type CscdDescriptor,
  DESIGNATOR_TYPE,
  type Designator,
  decodeCopyStatusLid4,
  decodeDeviceIdentification,
  EXTENDED_COPY_LID1,
  EXTENDED_COPY_LID4,
  encodeCopyList,
  encodeCopyListLid4,
  INQUIRY,
  LIST_ID_USAGE,
  RECEIVE_COPY_STATUS_LID4,
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

export type Lid4Options = ListOptions & { readonly immed?: boolean; readonly gSense?: boolean }

export const copyListLid4 = (
  cscds: readonly CscdDescriptor[],
  segments: readonly CopySegment[],
  options: Lid4Options = {},
): Buffer =>
  encodeCopyListLid4({
    listId: 0,
    str: false,
    listIdUsage: options.listId === undefined ? LIST_ID_USAGE.NONE : LIST_ID_USAGE.HOLD,
    priority: 0,
    gSense: false,
    immed: false,
    cscds,
    segments,
    ...options,
  })

export const sendCopyLid4 = (disk: Disk, list: Buffer, parameterListLength = list.length): Promise<CommandResult> =>
  disk.run(EXTENDED_COPY_LID4, { parameterListLength }, { dataOut: list })

export const abortCopy = (disk: Disk, listId: number): Promise<CommandResult> =>
  disk.run(COPY_OPERATION_ABORT, { listId })

/** What RECEIVE COPY STATUS(LID4) tells of an operation. */
export async function statusLid4(disk: Disk, listId: number): Promise<CopyStatusLid4> {
  const io = { dataInLength: 255 }
  const result = await disk.run(RECEIVE_COPY_STATUS_LID4, { listId, allocationLength: 255 }, io)
  return decodeCopyStatusLid4(expectGood(result).data)
}

/** Asks until the operation has ended. */
export async function endedStatusLid4(disk: Disk, listId: number): Promise<CopyStatusLid4> {
  for (;;) {
    const status = await statusLid4(disk, listId)
    if (status.status !== COPY_STATUS_LID4.background && status.status !== COPY_STATUS_LID4.foreground) return status
  }
}
