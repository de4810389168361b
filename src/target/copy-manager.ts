// The copy manager (SPC-4 5.17.7): carries out the segments of an EXTENDED COPY between logical units of one target, named
// by their designators. What the initiator may not reach by itself, the copy manager does not reach for it.

import { AbortedError, StoreError } from '../../luns/errors.ts'
import {
  type BlockSegment,
  type CopySegment,
  CSCD_COPY_MANAGER,
  type CscdDescriptor,
  type OffsetSegment,
  type RegisterKeySegment,
  SEGMENT_TYPE,
  segmentPointer,
  type VerifySegment,
} from '../../protocol/scsi/copy-descriptors.ts'
import { sameDesignator } from '../../protocol/scsi/designator.ts'
import type { CopyList } from '../../protocol/scsi/extended-copy.ts'
import { SENSE, type Sense, SenseError } from '../../protocol/scsi/sense.ts'
import { OperationStopped } from './copy-conductor.ts'
import type { CopyOperation } from './copy-operations.ts'
import { invalidParameter } from './device-server.ts'
import { StatusError } from './failures.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Nexus } from './nexus.ts'
import { nexusName } from './nexus-names.ts'
import { register } from './persistent-reservation.ts'
import { tellReservationNews } from './reservation-news.ts'
import type { Target } from './target.ts'
import { unitDesignators } from './vpd-pages.ts'

/** LU ID TYPE: what else there was are proxy tokens and reserved (SPC-3 table 21); SPC-4 does not look at the field. */
const LU_ID_TYPE_LUN = 0
const VERSION_SPC_3 = 5
const DIRECT_ACCESS = 0x00
/** Where a segment descriptor says how much it copies. */
const COUNT_AT = { [SEGMENT_TYPE.BLOCK_TO_BLOCK]: 10, [SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET]: 8 } as const

/** Whose copy it is: the logical unit that got the command, and the nexus that it acts for. */
export interface CopyOrigin {
  readonly lu: LogicalUnit
  readonly nexus: Nexus
  readonly target: Target
}

/** What is wrong with the list itself is told before the first segment, and never as COPY ABORTED. */
export function judgeCopyList(origin: CopyOrigin, list: CopyList): void {
  const { lu } = origin
  for (const cscd of list.cscds)
    if (cscd.luIdType !== LU_ID_TYPE_LUN && lu.scsiVersion === VERSION_SPC_3 && !cscd.nul)
      throw invalidParameter(cscd.offset + 1, 7)
  for (const segment of list.segments) {
    if (!copies(segment)) continue
    const bytes = segment.type === SEGMENT_TYPE.BLOCK_TO_BLOCK ? bytesOf(origin, list, segment) : segment.bytes
    if (bytes > lu.limits.copySegmentBytes) throw invalidParameter(segment.offset + COUNT_AT[segment.type])
  }
}

/** Of the logical units that the list names: one that is not there fails later. */
function bytesOf(origin: CopyOrigin, { cscds }: CopyList, { dc, source, destination, blocks }: BlockSegment): number {
  const id = dc ? destination : source
  const counted = id === CSCD_COPY_MANAGER ? origin.lu : find(origin, cscds[id])
  return blocks * (counted ?? origin.lu).blockSize
}

/** Copies all segments in their order; `operation` follows how far it has come. */
export async function copySegments(origin: CopyOrigin, list: CopyList, operation: CopyOperation): Promise<void> {
  for (const [index, segment] of list.segments.entries()) {
    await new SegmentCopy(origin, list, operation, index, segment).run()
    operation.segments++
    operation.steps++
  }
}

const copies = (segment: CopySegment): segment is BlockSegment | OffsetSegment =>
  segment.type === SEGMENT_TYPE.BLOCK_TO_BLOCK || segment.type === SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET

interface Side {
  readonly unit: LogicalUnit
  readonly offset: number
}

/** One segment on its way, and how it fails: COPY ABORTED with its number and what is left of it (SPC-4 5.17.7.4). */
class SegmentCopy {
  readonly #origin: CopyOrigin
  readonly #list: CopyList
  readonly #operation: CopyOperation
  readonly #index: number
  readonly #segment: CopySegment
  /** Bytes. */
  #copied = 0
  /** Of source and destination. */
  #blockSize = 1

  constructor(origin: CopyOrigin, list: CopyList, operation: CopyOperation, index: number, segment: CopySegment) {
    this.#origin = origin
    this.#list = list
    this.#operation = operation
    this.#index = index
    this.#segment = segment
  }

  async run(): Promise<void> {
    if (this.#operation.stopped) throw this.#stopped()
    const segment = this.#segment
    if (copies(segment)) await this.#copy(segment)
    else if (segment.type === SEGMENT_TYPE.VERIFY_CSCD) this.#verify(segment)
    else await this.#register(segment)
  }

  #verify({ source, tur }: VerifySegment): void {
    const unit = this.#resolve(source, 'source')
    if (!tur) return
    const { nexus } = this.#origin
    if (unit.reservations.refuse(nexus, 'legacy') || !unit.readiness.mediumReady)
      throw this.#abort(SENSE.THIRD_PARTY_DEVICE_FAILURE)
  }

  /** As PERSISTENT RESERVE OUT with REGISTER from the nexus itself; what is saved over a restart stays so. */
  async #register({
    destination,
    reservationKey: key,
    serviceActionReservationKey: newKey,
  }: RegisterKeySegment): Promise<void> {
    const unit = this.#resolve(destination, 'destination')
    if (unit.reservations.reserved) throw this.#abort(SENSE.THIRD_PARTY_DEVICE_FAILURE)
    try {
      await unit.reservations.change(
        (state) => {
          const own = nexusName(this.#origin.nexus)
          return register(state, own, { key, newKey, aptpl: state.aptpl, others: [], specified: undefined })
        },
        (change) => tellReservationNews(unit, change),
      )
      await unit.atomicsEnded()
    } catch (error) {
      if (error instanceof StatusError || error instanceof SenseError)
        throw this.#abort(SENSE.THIRD_PARTY_DEVICE_FAILURE)
      throw error
    }
  }

  async #copy(segment: BlockSegment | OffsetSegment): Promise<void> {
    const from = this.#resolve(segment.source, 'source')
    const to = this.#resolve(segment.destination, 'destination')
    this.#judgeUnits(from, to)
    this.#blockSize = from.blockSize
    const bytes = segment.type === SEGMENT_TYPE.BLOCK_TO_BLOCK ? segment.blocks * from.blockSize : segment.bytes
    const source = this.#place(segment, from, 'source', bytes)
    const destination = this.#place(segment, to, 'destination', bytes)
    try {
      await this.#transfer(source, destination, bytes)
    } catch (error) {
      if (this.#operation.stopped && error instanceof AbortedError) throw this.#stopped()
      // Neither the medium's fault nor, aborted without being stopped, a unit that is no longer ready: logged where all such are.
      if (!(error instanceof StoreError || error instanceof AbortedError)) throw error
      throw this.#abort(SENSE.THIRD_PARTY_DEVICE_FAILURE)
    }
  }

  async #transfer(source: Side, destination: Side, bytes: number): Promise<void> {
    const operation = this.#operation
    const before = operation.transferred
    const stop = (): boolean =>
      operation.stopped || !source.unit.readiness.mediumReady || !destination.unit.readiness.mediumReady
    const copying = destination.unit.gate.copyFrom(source.unit.gate, source.offset, destination.offset, bytes, {
      stop,
      progress: (copied) => {
        this.#copied = copied
        operation.transferred = before + copied
        operation.steps++
      },
    })
    const read = source.unit.background.letEnd(copying, operation)
    await destination.unit.background.letEnd(read, operation)
    this.#copied = bytes // a copy onto itself has no pieces
    operation.transferred = before + bytes
    if (!destination.unit.modes.writeCache) await destination.unit.gate.flush()
  }

  /** The logical unit of a CSCD, among those that the initiator sees. */
  #resolve(id: number, field: 'source' | 'destination'): LogicalUnit {
    if (id === CSCD_COPY_MANAGER) return this.#origin.lu
    const cscd = this.#list.cscds[id]
    if (!cscd || cscd.nul) throw this.#abort(SENSE.UNREACHABLE_COPY_TARGET, field)
    if (cscd.peripheralDeviceType !== DIRECT_ACCESS) throw this.#abort(SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE)
    const unit = find(this.#origin, cscd)
    if (!unit) throw this.#abort(SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE)
    if (cscd.blockLength !== 0 && cscd.blockLength !== unit.blockSize)
      throw this.#abort(SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE)
    return unit
  }

  /** Reservations, readiness and write protection hold for the copy manager as for the initiator itself (SPC-4 5.17.7.1). */
  #judgeUnits(source: LogicalUnit, destination: LogicalUnit): void {
    const { nexus } = this.#origin
    const refused = source.refuses(nexus, 'read') || destination.refuses(nexus, 'write') || destination.writeProtected
    if (refused || !source.readiness.mediumReady || !destination.readiness.mediumReady)
      throw this.#abort(SENSE.THIRD_PARTY_DEVICE_FAILURE)
    // Blocks of one size cannot be whole blocks of the other.
    if (source.blockSize !== destination.blockSize) throw this.#abort(SENSE.INCORRECT_COPY_TARGET_DEVICE_TYPE)
  }

  #place(
    segment: BlockSegment | OffsetSegment,
    unit: LogicalUnit,
    field: 'source' | 'destination',
    bytes: number,
  ): Side {
    const within = segment.type === SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET ? segment[`${field}Offset`] : 0
    if (within >= unit.blockSize) throw this.#abort(SENSE.INVALID_FIELD_IN_SEGMENT, `${field}Offset`)
    const offset = segment[`${field}Lba`] * BigInt(unit.blockSize) + BigInt(within)
    if (offset + BigInt(bytes) > BigInt(unit.blocks) * BigInt(unit.blockSize))
      throw this.#abort(SENSE.COPY_TARGET_DEVICE_NOT_REACHABLE)
    return { unit, offset: Number(offset) }
  }

  #abort(sense: Sense, field?: string): SenseError {
    return new SenseError(sense, { ...this.#residual(), ...(field && segmentPointer(this.#segment, field)) })
  }

  #stopped(): OperationStopped {
    return new OperationStopped(this.#residual())
  }

  /** The number of the segment, and what is left of it: blocks, or bytes where those are what it counts. */
  #residual(): { commandSpecific: number; information: number } {
    const segment = this.#segment
    const commandSpecific = this.#index
    if (!copies(segment)) return { commandSpecific, information: 0 }
    if (segment.type === SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET)
      return { commandSpecific, information: segment.bytes - this.#copied }
    return { commandSpecific, information: segment.blocks - Math.floor(this.#copied / this.#blockSize) }
  }
}

function find({ target, nexus }: CopyOrigin, cscd: CscdDescriptor | undefined): LogicalUnit | undefined {
  if (!cscd) return undefined
  const named = (lu: LogicalUnit): boolean => unitDesignators(lu).some((name) => sameDesignator(name, cscd.designator))
  return target.visible(nexus).find(named)
}
