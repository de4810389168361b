// The copy manager (SPC-4 5.17.7): carries out the segments of an EXTENDED COPY between logical units of one target, named
// by their designators. What the initiator may not reach by itself, the copy manager does not reach for it.

import { StoreError } from '../../luns/errors.ts'
import { sameDesignator } from '../../protocol/scsi/designator.ts'
import {
  type CopyList,
  type CopySegment,
  CSCD_COPY_MANAGER,
  CSCD_IDENTIFICATION,
  type CscdDescriptor,
  SEGMENT_BLOCK_TO_BLOCK,
} from '../../protocol/scsi/extended-copy.ts'
import type { OperatingParameters } from '../../protocol/scsi/extended-copy-parameters.ts'
import { SENSE, type Sense, SenseError } from '../../protocol/scsi/sense.ts'
import type { CopyResult } from './copy-results.ts'
import { invalidParameter } from './device-server.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Task } from './task.ts'
import { unitDesignators } from './vpd-pages.ts'

/** LU ID TYPE: the descriptor holds no LUN (SPC-3 table 21); from SPC-4 on the field is obsolete and not looked at. */
const LU_ID_TYPE_RESERVED = 3
const VERSION_SPC_3 = 5
const DIRECT_ACCESS = 0x00

/** What a logical unit's copy manager accepts; parseCopyList judges lists by the same object. */
export function operatingParameters(lu: LogicalUnit): OperatingParameters {
  return {
    snlid: true,
    maximumCscdDescriptorCount: 16,
    maximumSegmentDescriptorCount: 64,
    maximumDescriptorListLength: 4096,
    maximumSegmentLength: lu.limits.copySegmentBytes,
    maximumInlineDataLength: 0,
    heldDataLimit: 0,
    maximumStreamDeviceTransferSize: 0,
    totalConcurrentCopies: 255,
    maximumConcurrentCopies: 255,
    dataSegmentGranularity: Math.log2(lu.blockSize),
    inlineDataGranularity: 0,
    heldDataGranularity: 0,
    implementedDescriptors: [SEGMENT_BLOCK_TO_BLOCK, CSCD_IDENTIFICATION],
  }
}

/** Copies all segments in their order; `result` follows how far it has come. */
export async function copySegments(task: Task, list: CopyList, result: CopyResult | undefined): Promise<void> {
  judgeDescriptors(task, list)
  for (const [index, segment] of list.segments.entries()) {
    task.throwIfAborted()
    const bytes = await copySegment(task, list, index, segment)
    if (!result) continue
    result.segments++
    result.transferred += bytes
  }
}

/** What is wrong with the list itself is told before the first segment, and never as COPY ABORTED. */
function judgeDescriptors(task: Task, list: CopyList): void {
  for (const cscd of list.cscds)
    if (cscd.luIdType === LU_ID_TYPE_RESERVED && task.lu.scsiVersion === VERSION_SPC_3 && !cscd.nul)
      throw invalidParameter(cscd.offset + 1, 7)
  for (const segment of list.segments) {
    const { blockSize } =
      (segment.source === CSCD_COPY_MANAGER ? task.lu : find(task, list.cscds[segment.source])) ?? task.lu
    if (segment.blocks * blockSize > task.lu.limits.copySegmentBytes) throw invalidParameter(segment.offset + 10)
  }
}

async function copySegment(task: Task, list: CopyList, index: number, segment: CopySegment): Promise<number> {
  const abort = (sense: Sense, copiedBlocks = 0): SenseError =>
    new SenseError(sense, { commandSpecific: index, information: segment.blocks - copiedBlocks })
  const source = resolve(task, list, segment.source, abort)
  const destination = resolve(task, list, segment.destination, abort)
  judgeUnits(task, source, destination, abort)
  const { blockSize } = source
  const sourceLba = requireRange(source, segment.sourceLba, segment.blocks, abort)
  const destinationLba = requireRange(destination, segment.destinationLba, segment.blocks, abort)
  let copied = 0
  try {
    await destination.gate.copyFrom(
      source.gate,
      sourceLba * blockSize,
      destinationLba * blockSize,
      segment.blocks * blockSize,
      {
        stop: () => task.aborted,
        progress: (bytes) => {
          copied = bytes
        },
      },
    )
    if (!destination.modes.writeCache) await destination.gate.flush()
    return segment.blocks * blockSize
  } catch (error) {
    task.throwIfAborted()
    if (!(error instanceof StoreError)) throw error // not the medium's fault: logged where all such are
    throw abort(SENSE.THIRD_PARTY_DEVICE_FAILURE, Math.floor(copied / blockSize))
  }
}

type Abort = (sense: Sense, copiedBlocks?: number) => SenseError

/** The logical unit of a CSCD, among those that the initiator sees. */
function resolve(task: Task, { cscds }: CopyList, id: number, abort: Abort): LogicalUnit {
  if (id === CSCD_COPY_MANAGER) return task.lu
  const cscd = cscds[id]
  if (!cscd || cscd.nul) throw abort(SENSE.UNREACHABLE_COPY_TARGET)
  if (cscd.peripheralDeviceType !== DIRECT_ACCESS) throw abort(SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE)
  const unit = find(task, cscd)
  if (!unit) throw abort(SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE)
  if (cscd.blockLength !== 0 && cscd.blockLength !== unit.blockSize)
    throw abort(SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE)
  return unit
}

function find(task: Task, cscd: CscdDescriptor | undefined): LogicalUnit | undefined {
  if (!cscd) return undefined
  const named = (lu: LogicalUnit): boolean => unitDesignators(lu).some((name) => sameDesignator(name, cscd.designator))
  return task.target.visible(task.nexus).find(named)
}

/** Reservations and write protection hold for the copy manager as for the initiator itself (SPC-4 5.17.7.1). */
function judgeUnits({ nexus }: Task, source: LogicalUnit, destination: LogicalUnit, abort: Abort): void {
  if (source.refuses(nexus, 'read') || destination.refuses(nexus, 'write'))
    throw abort(SENSE.THIRD_PARTY_DEVICE_FAILURE)
  if (destination.writeProtected) throw abort(SENSE.THIRD_PARTY_DEVICE_FAILURE)
  // Blocks of one size cannot be whole blocks of the other.
  if (source.blockSize !== destination.blockSize) throw abort(SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE)
}

function requireRange(unit: LogicalUnit, lba: bigint, blocks: number, abort: Abort): number {
  if (lba + BigInt(blocks) > BigInt(unit.blocks)) throw abort(SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE)
  return Number(lba)
}
